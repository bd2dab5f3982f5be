'use strict'

/**
 * Connections whose socket belongs to a shard.
 *
 * Node's socket object lives on without its socket: its handle is closed and replaced by one
 * that passes on what is asked of it. So `server.close()` and `getConnections()` still count it,
 * `socket.destroy()` still ends the connection, and 'close' comes at the very end.
 */

const native = require('./native')
const sendQueue = require('./send-queue')
const { COMMAND, COMMAND_FLAG } = require('./border')
const { Driver } = require('./driver')
const { nativeConfig } = require('./options')

/** The error number of a pipe that nobody reads, as libuv gives it: negative. */
const EPIPE = -32

/** Stands where Node's handle was. Its methods are those that `net.Socket` calls. */
class DetachedHandle {
  #driver
  #onClosed = null

  /** @param {ShardDriver} driver Who has the socket now */
  constructor(driver) {
    this.#driver = driver
  }

  /** @returns {number} No descriptor: it is not Node's any more */
  get fd() {
    return -1
  }

  /**
   * `socket.destroy()`: drops the connection, and what had arrived on it.
   *
   * @param {Function} callback Emits 'close' on Node's socket
   */
  close(callback) {
    if (this.#driver.isClosed) {
      process.nextTick(callback)
      return
    }
    this.#onClosed = callback
    this.#driver.ws.terminate()
  }

  /** The connection is gone: Node's socket may say so. */
  closed() {
    if (this.#onClosed !== null) process.nextTick(this.#onClosed)
  }

  /**
   * `socket.end()`: writes what is queued, then a FIN.
   *
   * @param {object} request Node's request object
   * @returns {number} 0: it will be told when everything is written
   */
  shutdown(request) {
    this.#driver.wait(() => request.callback())
    sendQueue.command(this.#driver, COMMAND.END | COMMAND_FLAG.NOTIFY)
    return 0
  }

  /** @returns {number} 0: there is nothing to read here */
  readStart() {
    return 0
  }

  /** @returns {number} 0 */
  readStop() {
    return 0
  }

  /** @returns {number} 0: the address was read before, Node remembers it */
  getpeername() {
    return 0
  }

  /** @returns {number} 0: as above */
  getsockname() {
    return 0
  }

  /** The open connection keeps the process alive, not this. */
  ref() {}

  /** As above. */
  unref() {}

  /** @returns {boolean} Whether it keeps the process alive */
  hasRef() {
    return false
  }

  /** @returns {number} No asynchronous resource */
  getAsyncId() {
    return 0
  }
}

// What Node keeps in a handle: no connection needs one of its own.
Object.assign(DetachedHandle.prototype, {
  bytesRead: 0,
  bytesWritten: 0,
  onread: null,
  reading: false
})

// Raw bytes written past the WebSocket would break its frames.
for (const name of [
  'writeBuffer',
  'writev',
  'writeAsciiString',
  'writeLatin1String',
  'writeUcs2String',
  'writeUtf8String'
]) {
  DetachedHandle.prototype[name] = () => EPIPE
}

/** The driver. */
class ShardDriver extends Driver {
  /**
   * @param {object} ws The WebSocket
   * @param {import('node:net').Socket} socket A socket that `isAdoptable`
   * @param {object} config See `driverConfig` in options.js
   */
  constructor(ws, socket, config) {
    super(ws, socket, config)
    this.handle = new DetachedHandle(this)
  }

  /**
   * Takes the socket away from Node.
   *
   * @param {Buffer} head Bytes that were read behind the handshake
   * @param {string} response What to write in front of the first frame
   * @param {object} config See `driverConfig` in options.js
   * @returns {boolean} Whether it worked; if not, nothing has happened to the socket
   */
  adopt(head, response, config) {
    const { socket } = this
    const nodeHandle = socket._handle
    rememberAddresses(socket)
    const error = native.adopt(
      this.id,
      ...nativeConfig(config),
      nodeHandle.fd,
      config.closeTimeout,
      Buffer.from(response),
      withBuffered(socket, head)
    )
    if (error !== 0) return false
    socket._handle = this.handle
    nodeHandle.onread = ignore
    nodeHandle.close()
    sendQueue.schedule()
    return true
  }

  /** Writes what is queued, then ends our side. */
  end() {
    sendQueue.command(this, COMMAND.END)
  }

  /** Drops the connection. */
  destroy() {
    sendQueue.command(this, COMMAND.DESTROY)
  }

  /** Stops reading. */
  pause() {
    sendQueue.command(this, COMMAND.PAUSE)
  }

  /** Goes on reading. */
  resume() {
    sendQueue.command(this, COMMAND.RESUME)
  }

  /** Drops the connection if it still exists after its close timeout. */
  startCloseTimer() {
    sendQueue.command(this, COMMAND.START_CLOSE_TIMER)
  }

  /** The transport is gone. */
  closed() {
    this.isClosed = true
    this.handle.closed()
    super.closed()
  }

  /** Ends Node's socket too, unless that is what ended the connection. */
  afterClosed() {
    this.socket.destroy()
  }
}

Object.assign(ShardDriver.prototype, { isClosed: false, isStream: false, name: 'shard' })

/**
 * Tells whether a socket can be given to a shard.
 *
 * @param {object} socket Any Duplex
 * @returns {boolean} Whether it has a descriptor of its own and nothing unsent
 */
function isAdoptable(socket) {
  const handle = socket._handle
  return (
    process.platform !== 'win32' &&
    socket.encrypted !== true &&
    handle !== null &&
    typeof handle === 'object' &&
    handle.fd >= 0 &&
    HANDLE_CLASSES.has(handle.constructor.name) &&
    socket.writableLength === 0 &&
    socket.readable &&
    socket.writable
  )
}

/** Node's own handles of plain stream sockets. */
const HANDLE_CLASSES = new Set(['TCP', 'Pipe'])

/**
 * Has Node read the addresses while it can: it remembers them.
 *
 * @param {import('node:net').Socket} socket The socket
 */
function rememberAddresses(socket) {
  void socket.remoteAddress
  void socket.localAddress
  // Most connections have the local address in common: they share Node's note of it.
  const own = socket._sockname
  if (own?.address === sharedName?.address && own?.port === sharedName?.port) {
    socket._sockname = sharedName
  } else {
    sharedName = own
  }
}

/** The local address of the connection before. */
let sharedName

/**
 * Takes what Node has read besides the head.
 *
 * @param {import('node:net').Socket} socket The socket
 * @param {Buffer} head The head
 * @returns {Buffer} All of it
 */
function withBuffered(socket, head) {
  if (socket.readableLength === 0) return head
  // `read()` would have Node read on if it did not believe that it does.
  socket._handle.reading = true
  return Buffer.concat([head, socket.read()])
}

/** What Node's handle does with bytes that come after it was closed. */
function ignore() {}

module.exports = { ShardDriver, isAdoptable }
