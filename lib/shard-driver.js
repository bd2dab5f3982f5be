'use strict'

/**
 * Connections whose socket belongs to a shard. Node's socket object lives on without its handle:
 * see detached-socket.js.
 */

const { isIPv6 } = require('node:net')
const { networkInterfaces } = require('node:os')

const native = require('./native')
const sendQueue = require('./send-queue')
const { COMMAND, COMMAND_FLAG } = require('./border')
const { EMPTY_BUFFER } = require('./constants')
const { DetachedHandle, detach, pushEnd } = require('./detached-socket')
const { Driver } = require('./driver')
const { transportError } = require('./errors')
const { nativeConfig } = require('./options')

/** The driver. */
class ShardDriver extends Driver {
  /**
   * @param {object} ws The WebSocket
   * @param {import('node:net').Socket} socket A socket that `isAdoptable`
   * @param {object} config See `driverConfig` in options.js
   */
  constructor(ws, socket, config) {
    super(ws, socket, config)
    this.handle = new DetachedHandle(this, socket._handle)
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
    const read = withBuffered(socket, head)
    const error = native.adopt(
      this.id,
      ...nativeConfig(config),
      socket._handle.fd,
      config.closeTimeout,
      Buffer.from(response),
      read
    )
    if (error !== 0) {
      if (read !== head) socket.unshift(read.subarray(head.length))
      return false
    }
    detach(socket, this.handle)
    sendQueue.schedule()
    return true
  }

  /** @returns {object} The peer's address, in Node's form; without properties if it has none */
  peerAddress() {
    return this.#address(ADDRESS.PEER)
  }

  /** @returns {object} Our own */
  ownAddress() {
    return this.#address(ADDRESS.OWN)
  }

  /**
   * Asks for an address.
   *
   * @param {number} which One of ADDRESS
   * @returns {object} The address
   */
  #address(which) {
    const text = native.address(this.id, which)
    return text === undefined ? {} : parseAddress(text)
  }

  /** @returns {number} Bytes that the shard has read */
  read() {
    return this.progress[this.progressIndex + 1]
  }

  /** @returns {number} Bytes that the shard has written, whoever they come from */
  written() {
    return this.progress[this.progressIndex + 2]
  }

  /**
   * Has 'drain' told of a smaller backlog than by default.
   *
   * @param {number} bytes How small
   */
  lowerHighWater(bytes) {
    if (bytes >= this.highWaterBytes) return
    this.highWaterBytes = bytes
    // For the backlog that there is: nothing, but it tells when it is written.
    if (!this.isClosed) sendQueue.raw(this, [EMPTY_BUFFER])
  }

  /** Writes what is queued, then ends our side. */
  end() {
    this.socket.end()
  }

  /**
   * Does so; Node's socket is told when it is done.
   *
   * @param {Function} callback Called when everything is written
   */
  finish(callback) {
    if (this.isClosed) {
      callback()
      return
    }
    this.wait((error) => {
      if (error) return // 'close' tells
      this.isFinished = true
      callback()
    })
    sendQueue.command(this, COMMAND.END | COMMAND_FLAG.NOTIFY)
  }

  /** @returns {boolean} Whether both sides have ended, and Node's socket has been told */
  hasEnded() {
    return this.isFinished && this.isPeerEnded
  }

  /** The peer has ended its side. */
  peerEnded() {
    this.isPeerEnded = true
    pushEnd(this.socket)
  }

  /** Tells those who wait for Node's socket. */
  drained() {
    this.socket.emit('drain')
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

  /**
   * Ends Node's socket too, unless that is what ended the connection. One that has ended on both
   * sides is about to do so by itself, behind 'end' and 'finish'.
   *
   * @param {number} errno The operating system's error number, 0 for none
   * @param {number} isWriting 1 if it came of writing
   */
  afterClosed(errno, isWriting) {
    if (this.hasEnded()) return
    const syscall = isWriting === 1 ? 'write' : 'read'
    this.socket.destroy(errno === 0 ? null : transportError(errno, syscall))
  }
}

Object.assign(ShardDriver.prototype, {
  holdsLoop: true,
  isClosed: false,
  isFinished: false, // whether everything is written, and a FIN behind it
  isPeerEnded: false,
  isStream: false,
  name: 'shard'
})

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

/** Which address `native.address()` is to tell. */
const ADDRESS = Object.freeze({ PEER: 0, OWN: 1 })

/**
 * Reads an address as Node does.
 *
 * @param {string} text What `native.address()` returned
 * @returns {{address: string, family: string, port: number}} The same in Node's form
 */
function parseAddress(text) {
  const [address, port] = text.split(' ')
  const [host, index] = address.split('%')
  return {
    address: index === undefined ? host : `${host}%${interfaceName(Number(index))}`,
    family: isIPv6(host) ? 'IPv6' : 'IPv4',
    port: Number(port)
  }
}

/**
 * Names the network interface of a link-local address (RFC 4007 11).
 *
 * @param {number} index Its number
 * @returns {string | number} Its name, or the number if it is gone
 */
function interfaceName(index) {
  const isIt = ({ scopeid }) => scopeid === index
  const found = Object.entries(networkInterfaces()).find(([, addresses]) => addresses.some(isIt))
  return found === undefined ? index : found[0]
}

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

module.exports = { ShardDriver, isAdoptable }
