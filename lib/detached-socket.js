'use strict'

/**
 * Node's socket of a connection that a shard has.
 *
 * The object stays: it is `ws._socket` and `req.socket`, `server.close()` waits for it, and who
 * knows it goes on to read its addresses, to wait for its end, to destroy it. What Node does by
 * its handle goes to a `DetachedHandle`; what that cannot answer is overridden in the socket's
 * prototype. So no connection carries more than the one handle.
 *
 * Who needs it: engine.io and whoever logs (addresses), metrics (byte counts), crossws ('drain'),
 * `createWebSocketStream` of ws ('finish' and `_writableState`), tunnels and old clients
 * (`pause()`, `write()`), keep-alive and timeouts that are set for some connections only.
 */

const net = require('node:net')
const { Duplex } = require('node:stream')

const dispatcher = require('./dispatcher')
const sendQueue = require('./send-queue')
const { TUNING } = require('./border')
const { kWebSocket } = require('./constants')
const { nextTick } = require('./ticks')

/** On a socket with a timeout: how many bytes had been moved when the time began. */
const kMovedBytes = Symbol('kMovedBytes')

/** Stands where Node's handle was. Its methods are those that `net.Socket` calls. */
class DetachedHandle {
  #driver
  #onClosed = null
  #read
  #written

  /**
   * @param {object} driver The connection's ShardDriver
   * @param {object} nodeHandle The handle whose place it takes
   */
  constructor(driver, nodeHandle) {
    this.#driver = driver
    this.#read = nodeHandle.bytesRead
    this.#written = nodeHandle.bytesWritten
  }

  /** @returns {number} No descriptor: it is not Node's any more */
  get fd() {
    return -1
  }

  /** @returns {number} Bytes that have been read, Node's own included */
  get bytesRead() {
    return this.#read + this.#driver.read()
  }

  /** @returns {number} Bytes that the kernel has taken, of Node too */
  get bytesWritten() {
    return this.#written + this.#driver.written()
  }

  /**
   * `socket.destroy()`: drops the connection, and what had arrived on it. One that has ended by
   * itself is only waited for.
   *
   * @param {Function} callback Emits 'close' on Node's socket
   */
  close(callback) {
    const driver = this.#driver
    if (driver.isClosed) {
      nextTick(nextTick, callback) // behind 'error'
      return
    }
    this.#onClosed = callback
    if (!driver.hasEnded()) driver.ws.terminate()
  }

  /** The connection is gone: Node's socket may say so. */
  closed() {
    if (this.#onClosed !== null) nextTick(this.#onClosed)
  }

  /**
   * `socket.setNoDelay()`.
   *
   * @param {boolean} isOn Whether small writes are sent at once
   */
  setNoDelay(isOn) {
    sendQueue.tune(this.#driver, TUNING.NO_DELAY, isOn ? 1 : 0)
  }

  /**
   * `socket.setKeepAlive()`.
   *
   * @param {boolean} isOn Whether the kernel probes a silent peer
   * @param {number} [seconds] After how long; 0 leaves that to the kernel
   */
  setKeepAlive(isOn, seconds) {
    sendQueue.tune(this.#driver, TUNING.KEEP_ALIVE, isOn ? 1 + (seconds || 0) : 0)
  }

  /** @returns {number} 0: there is nothing to read here */
  readStart() {
    return 0
  }

  /** @returns {number} 0 */
  readStop() {
    return 0
  }

  /** `socket.ref()`: the open connection keeps the process alive. */
  ref() {
    dispatcher.holdLoop(this.#driver, true)
  }

  /** `socket.unref()`: it does not. */
  unref() {
    dispatcher.holdLoop(this.#driver, false)
  }

  /** @returns {boolean} Whether it does */
  hasRef() {
    return this.#driver.holdsLoop
  }

  /** @returns {number} No asynchronous resource */
  getAsyncId() {
    return 0
  }
}

// What Node keeps in a handle: no connection needs one of its own.
Object.assign(DetachedHandle.prototype, { onread: null, reading: false })

/** Whose methods a detached socket has, in front of those of its own class. Nobody makes one. */
class DetachedSocket extends net.Socket {
  /** @returns {number} Bytes that the kernel does not have yet, the frames included */
  get writableLength() {
    return super.writableLength + driverOf(this).bufferedAmount()
  }

  /** @returns {boolean} Whether 'drain' will be emitted */
  get writableNeedDrain() {
    return super.writableNeedDrain || driverOf(this).needsDrain
  }

  /**
   * Adds a listener; 'drain' is told from now on as Node tells it, for smaller backlogs too.
   *
   * @param {string | symbol} name The event
   * @param {Function} listener The listener
   * @returns {this} The socket
   */
  on(name, listener) {
    super.on(name, listener)
    if (name === 'drain') driverOf(this).lowerHighWater(this.writableHighWaterMark)
    return this
  }

  /**
   * The same.
   *
   * @param {string | symbol} name The event
   * @param {Function} listener The listener
   * @returns {this} The socket
   */
  addListener(name, listener) {
    return this.on(name, listener)
  }

  /** @returns {this} The socket: the connection is not read */
  pause() {
    this[kWebSocket].pause()
    return this
  }

  /** @returns {this} The socket: the connection is read again */
  resume() {
    this[kWebSocket].resume()
    return this
  }

  /** @returns {boolean} Whether it is paused */
  isPaused() {
    return this[kWebSocket].isPaused
  }

  /**
   * Emits 'timeout' when so long no byte has moved.
   *
   * @param {number} ms Milliseconds; 0 for never
   * @param {Function} [listener] Listens to 'timeout', once
   * @returns {this} The socket
   */
  setTimeout(ms, listener) {
    this[kMovedBytes] = movedBytes(this)
    return super.setTimeout(ms, listener)
  }

  /** Node's hook: the time is over. Nobody told the timer of what has moved meanwhile. */
  _onTimeout() {
    const moved = movedBytes(this)
    if (moved === this[kMovedBytes]) {
      super._onTimeout()
    } else {
      this[kMovedBytes] = moved
      this._unrefTimer()
    }
  }

  /** @returns {this} The socket: its peer gets a reset */
  resetAndDestroy() {
    // Node throws for a Unix socket, which knows no reset.
    if (this.destroyed || this.remoteFamily === undefined) return super.resetAndDestroy()
    sendQueue.tune(driverOf(this), TUNING.RESET, 0)
    return this.destroy()
  }

  /** @returns {object} Node's hook: the peer's address, which stays when the connection is gone */
  _getpeername() {
    return (this._peername ??= driverOf(this).peerAddress())
  }

  /** @returns {object} Node's hook: our own */
  _getsockname() {
    return (this._sockname ??= driverOf(this).ownAddress())
  }

  /**
   * Node's hook: raw bytes, which go between the frames in the order of the calls.
   *
   * @param {Buffer | string} chunk The bytes
   * @param {string} encoding Of a string
   * @param {Function} callback Called at once: were it to wait, a frame could overtake the rest
   */
  _write(chunk, encoding, callback) {
    const driver = driverOf(this)
    if (!driver.isClosed) sendQueue.raw(driver, [Buffer.from(chunk, encoding)])
    callback()
  }

  /**
   * Node's hook: writes what is queued, then ends our side.
   *
   * @param {Function} callback Has 'finish' emitted
   */
  _final(callback) {
    driverOf(this).finish(callback)
  }
}

const methods = Object.getOwnPropertyDescriptors(DetachedSocket.prototype)
delete methods.constructor
methods._writev = { value: null } // chunks go out one by one

/** By the prototype that a socket had, the one that it gets. */
const prototypes = new WeakMap()

/**
 * Takes a socket's handle away.
 *
 * @param {import('node:net').Socket} socket The socket; its `kWebSocket` has a ShardDriver
 * @param {DetachedHandle} handle What stands in for the handle
 */
function detach(socket, handle) {
  const nodeHandle = socket._handle
  if (!nodeHandle.hasRef()) handle.unref()
  socket._handle = handle
  // Node's HTTP server has put functions of its own in front of these, which are of no use now.
  for (const name of ['on', 'addListener']) {
    if (Object.hasOwn(socket, name) && isNodes(socket[name], name)) {
      socket[name] = DetachedSocket.prototype[name]
    }
  }
  Object.setPrototypeOf(socket, detachedPrototype(Object.getPrototypeOf(socket)))
  nodeHandle.onread = ignore
  nodeHandle.close()
}

/**
 * Tells whether a socket has a method of Node's for a property of its own.
 *
 * @param {Function} method What the socket has
 * @param {string} name The method's name
 * @returns {boolean} Whether it is Node's, and not one that a user has put there
 */
function isNodes(method, name) {
  return method === net.Socket.prototype[name] || method.name === 'socketListenerWrap'
}

/**
 * Finds the prototype of detached sockets.
 *
 * @param {object} prototype What they had: that of `net.Socket`, or of a user's class
 * @returns {object} What they get
 */
function detachedPrototype(prototype) {
  let own = prototypes.get(prototype)
  if (own === undefined) {
    own = Object.create(prototype, methods)
    prototypes.set(prototype, own)
  }
  return own
}

/**
 * The peer has ended its side, which a socket tells by 'end'.
 *
 * @param {import('node:net').Socket} socket The socket
 */
function pushEnd(socket) {
  socket.push(null)
  // Past the override: that there is nothing more to read shows by reading.
  Duplex.prototype.resume.call(socket)
}

/**
 * Finds who has the socket.
 *
 * @param {import('node:net').Socket} socket The socket
 * @returns {object} The ShardDriver
 */
function driverOf(socket) {
  return socket[kWebSocket]._driver
}

/**
 * Counts what has gone over a socket.
 *
 * @param {import('node:net').Socket} socket The socket
 * @returns {number} Bytes
 */
function movedBytes({ bytesRead, bytesWritten }) {
  return bytesRead + bytesWritten
}

/** What Node's handle does with bytes that come after it was closed. */
function ignore() {}

module.exports = { DetachedHandle, detach, pushEnd }
