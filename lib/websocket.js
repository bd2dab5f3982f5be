'use strict'

/**
 * The class WebSocket: one end of a connection, an EventEmitter. It keeps the state and checks
 * arguments; what goes out is given to the send queue, what comes in arrives through
 * incoming.js, and the driver under both has the socket.
 */

// Not the global, which is a getter: that is felt in send().
const { Buffer } = require('node:buffer')
const EventEmitter = require('node:events')

const dispatcher = require('./dispatcher')
const sendQueue = require('./send-queue')
const { BlobSends } = require('./blob-sends')
const { connect } = require('./client')
const { noteCause } = require('./close-cause')
const { abortOpening, endIfDone, sendFailed, startClosing } = require('./closing')
const {
  BINARY_TYPES,
  CLOSED,
  CLOSING,
  CONNECTING,
  EMPTY_BUFFER,
  NO_EXTENSIONS,
  OPEN,
  READY_STATES,
  kWebSocket
} = require('./constants')
const { closeChannel } = require('./diagnostics')
const { openDriver } = require('./drivers')
const { notOpenError } = require('./errors')
const { mixInEventTarget } = require('./event-target')
const { dropEvents, holdEvents, isFull, releaseEvents } = require('./held-events')
const { listeners } = require('./incoming')
const { mixInInternals } = require('./internals')
const { CONNECTION_DEFAULTS, driverConfig } = require('./options')
const { mixInOwnMembers } = require('./own-members')
const { nextTick } = require('./ticks')
const { controlPayload, isBlob, toBuffer } = require('./validation')

/**
 * What an EventEmitter keeps its listeners in. The object that Node makes for that is a hash
 * table from the start, which takes 300 bytes and longer to look up.
 */
function Listeners() {}
Listeners.prototype = Object.create(null)

/** A connection. */
class WebSocket extends EventEmitter {
  /**
   * @param {string | URL | null} address Where to connect to. Null makes the server's end, which
   *   `setSocket()` opens
   * @param {string | string[] | object} [protocols] Sub-protocols for the client's end, or the
   *   options
   * @param {object} [options] Options; for those of the client's end see client.js
   * @param {boolean} [options.autoPong] Whether pings are answered
   * @param {number} [options.closeTimeout] How long the closing handshake may take, in
   *   milliseconds
   * @param {number} [options.maxPendingAutoPongs] How many pongs may wait to be written
   */
  constructor(address, protocols, options = {}) {
    super()

    this._events = new Listeners()
    this._driver = null
    this._readyState = CONNECTING
    this._socket = null

    if (address !== null) options = connect(this, address, protocols, options)

    this._autoPong = Boolean(options.autoPong)
    this._maxPendingAutoPongs = options.maxPendingAutoPongs
    this._closeTimeout = options.closeTimeout
  }

  /** @returns {string} What binary messages arrive as */
  get binaryType() {
    return this._binaryType
  }

  /** @param {string} type One of the four types; any other value is ignored */
  set binaryType(type) {
    if (BINARY_TYPES.includes(type)) this._binaryType = type
  }

  /** @returns {number} How many bytes wait to be given to the kernel, with their framing */
  get bufferedAmount() {
    let amount = this._bufferedAmount
    if (this._driver !== null) amount += this._driver.bufferedAmount()
    if (this._blobSends !== null) amount += this._blobSends.bytes
    if (this._driver?.pressure) amount += this._driver.pressure.heldBytes
    return amount
  }

  /** @returns {string} The names of the extensions in use */
  get extensions() {
    return Object.keys(this._extensions).join()
  }

  /** @returns {boolean} Whether `pause()` was called last, and not `resume()` */
  get isPaused() {
    return this._paused
  }

  /** @returns {string} The sub-protocol in use, or an empty string */
  get protocol() {
    return this._protocol
  }

  /** @returns {number} CONNECTING, OPEN, CLOSING or CLOSED */
  get readyState() {
    return this._readyState
  }

  /** @returns {string | undefined} Where a client connected to */
  get url() {
    return this._url
  }

  /**
   * Takes over a socket on which the opening handshake is done.
   *
   * @param {import('node:stream').Duplex} socket The socket
   * @param {Buffer} head What was read behind the handshake
   * @param {object} options Options
   * @param {boolean} [options.allowSynchronousEvents=true] Whether several events may be
   *   emitted in one turn of the event loop
   * @param {'shard' | 'stream'} [options.driver] The driver to use where the socket
   *   allows it
   * @param {Function} [options.generateMask] Fills a Buffer with the masking key of each frame
   * @param {number} [options.maxFragments=0] The most fragments of a message; 0 is no limit
   * @param {number} [options.maxPayload=0] The most bytes of a message; 0 is no limit
   * @param {boolean} [options.skipUTF8Validation=false] Whether text is not checked; for what
   *   the connection is watched for see guard-options.js
   */
  setSocket(socket, head, options) {
    const handshake = this._handshake

    // Neither is there if the socket is just a Duplex.
    if (socket.setTimeout) socket.setTimeout(0)
    if (socket.setNoDelay) socket.setNoDelay()

    socket[kWebSocket] = this
    if (options.allowSynchronousEvents !== undefined && !options.allowSynchronousEvents) {
      holdEvents(this, true)
    }
    // Queued before the driver can queue anything: 'open' comes before the first message.
    const openLater = handshake !== null && handshake.openLater
    if (openLater) nextTick(emitOpen, this)

    const response = handshake === null ? '' : handshake.response
    const config = driverConfig(this, options)
    if (handshake !== null) this._handshake = null
    if (config.maxPayload !== this._maxPayload) this._maxPayload = config.maxPayload
    this._driver = openDriver(this, socket, head, response, config)
    this._readyState = OPEN
    if (!openLater) this.emit('open')
  }

  /** Emits 'close'. */
  emitClose() {
    this._readyState = CLOSED
    if (closeChannel.hasSubscribers && this._isServer) publishClose(this)
    this.emit('close', this._closeCode, this._closeMessage)
  }

  /**
   * Starts or answers the closing handshake.
   *
   * @param {number} [code] The close code
   * @param {string | Uint8Array} [reason] The reason, at most 123 bytes
   * @throws {TypeError | RangeError} If a close frame cannot carry them
   */
  close(code, reason) {
    if (this._readyState === OPEN) startClosing(this, code, reason)
    else if (this._readyState === CLOSING) endIfDone(this)
    else if (this._readyState === CONNECTING) abortOpening(this)
  }

  /** Drops the connection at once. */
  terminate() {
    if (this._readyState === CLOSED) return
    if (this._readyState === CONNECTING) {
      abortOpening(this)
    } else if (this._driver !== null) {
      noteCause(this, 'terminated')
      this._readyState = CLOSING
      this._ended = true
      dropEvents(this)
      this._driver.destroy()
    }
  }

  /** Stops reading. What has been read already is held back. */
  pause() {
    if (this._paused || this._driver === null || this._readyState === CLOSED) return
    this._paused = true
    holdEvents(this, false)
    this._driver.pause()
  }

  /** Goes on reading. */
  resume() {
    if (!this._paused || this._readyState === CLOSED) return
    this._paused = false
    if (!isFull(this)) this._driver.resume()
    releaseEvents(this)
  }

  /**
   * Sends a message.
   *
   * @param {*} data A string, a number, a Blob, or anything that has bytes
   * @param {object | Function} [options] Options, or the callback
   * @param {boolean} [options.binary] Whether the message is binary; if not given, text is
   *   what came as a string or a number
   * @param {boolean} [options.compress=true] Whether it may be compressed
   * @param {boolean} [options.fin=true] Whether it ends the message
   * @param {Function} [cb] Called when the kernel, or the stream, has it, or with the error
   * @throws {Error} If the connection is not open yet
   */
  send(data, options, cb) {
    if (typeof options === 'function') {
      cb = options
      options = undefined
    }
    if (typeof data === 'number') data = data.toString()
    if (this._readyState !== OPEN) {
      refuseSend(this, data, cb)
      return
    }

    let binary = typeof data !== 'string'
    let compress = this._extensions !== NO_EXTENSIONS
    let fin = true
    if (typeof options === 'object' && options !== null) {
      // An option that is there counts, even if it is undefined.
      if ('binary' in options) binary = Boolean(options.binary)
      if ('fin' in options) fin = Boolean(options.fin)
      if ('compress' in options) compress &&= Boolean(options.compress)
    }

    if (typeof data !== 'string' && !Buffer.isBuffer(data)) {
      if (!data) data = EMPTY_BUFFER
      else if (!isBlob(data)) data = toBuffer(data)
      else this._blobSends ??= new BlobSends(this, sendFailed)
    }
    if (typeof cb !== 'function') cb = undefined
    if (this._blobSends === null) sendQueue.message(this, data, binary, fin, compress, cb)
    else this._blobSends.add(sendQueue.message, data, binary, fin, compress, cb)
  }

  /**
   * Sends a ping.
   *
   * @param {*} [data] At most 125 bytes of what `send()` takes
   * @param {boolean} [mask] Taken for the sake of ws; the role decides about masking
   * @param {Function} [cb] Called when the kernel, or the stream, has it, or with the error
   * @throws {Error} If the connection is not open yet, or the data is too long
   */
  ping(data, mask, cb) {
    sendControl(this, sendQueue.ping, data, mask, cb)
  }

  /**
   * Sends a pong.
   *
   * @param {*} [data] At most 125 bytes of what `send()` takes
   * @param {boolean} [mask] Taken for the sake of ws; the role decides about masking
   * @param {Function} [cb] Called when the kernel, or the stream, has it, or with the error
   * @throws {Error} If the connection is not open yet, or the data is too long
   */
  pong(data, mask, cb) {
    sendControl(this, sendQueue.pong, data, mask, cb)
  }
}

// State that most connections never have, or only at their end: an idle one has no room for it.
const RARE_STATE = {
  _binaryType: BINARY_TYPES[0],
  _blobSends: null, // a BlobSends while a Blob is being read
  _bufferedAmount: 0, // what was "sent" after the end: counted, and never written
  _closeCause: null,
  _closeCode: 1006,
  _closeFrameReceived: false,
  _closeFrameSent: false,
  _closeMessage: EMPTY_BUFFER,
  _ended: false, // whether nothing more can be written
  _errorEmitted: false,
  _extensions: NO_EXTENSIONS,
  _handshake: null, // has abort() while one is going on; see upgrade.js for what a server's has
  _held: null, // events that wait; see held-events.js
  _isServer: true,
  _maxPayload: CONNECTION_DEFAULTS.maxPayload, // what the driver keeps to
  _paused: false,
  _pendingAutoPongs: 0, // of those that are sent from here; see incoming.js
  _protocol: '',
  _receiveFailed: false,
  _url: undefined
}
for (const [name, value] of Object.entries(RARE_STATE)) {
  Object.defineProperty(WebSocket.prototype, name, { value, writable: true })
}

READY_STATES.forEach((name, value) => {
  Object.defineProperty(WebSocket, name, { enumerable: true, value })
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true, value })
})

for (const [name, property] of Object.entries(
  Object.getOwnPropertyDescriptors(WebSocket.prototype)
)) {
  if (property.get) Object.defineProperty(WebSocket.prototype, name, { enumerable: true })
}

mixInEventTarget(WebSocket)
mixInOwnMembers(WebSocket)
mixInInternals(WebSocket)
dispatcher.setListeners(listeners)

/**
 * Tells those who watch from outside that a connection has ended.
 *
 * @param {WebSocket} ws The WebSocket
 */
function publishClose(ws) {
  const { _closeCode: code, _closeMessage: reason, _closeCause: cause } = ws
  closeChannel.publish({ client: ws, code, reason, cause })
}

/**
 * Emits 'open', unless the connection was closed meanwhile.
 *
 * @param {WebSocket} ws The WebSocket
 */
function emitOpen(ws) {
  if (ws._readyState === OPEN) ws.emit('open')
}

/**
 * Sends a ping or a pong.
 *
 * @param {WebSocket} ws The WebSocket
 * @param {Function} send The function of the send queue
 * @param {*} data The payload, or the callback
 * @param {boolean | Function} mask Ignored, or the callback
 * @param {Function} cb The callback
 */
function sendControl(ws, send, data, mask, cb) {
  if (typeof data === 'function') {
    cb = data
    data = undefined
  } else if (typeof mask === 'function') {
    cb = mask
  }
  if (typeof data === 'number') data = data.toString()
  if (ws._readyState !== OPEN) {
    refuseSend(ws, data, cb)
    return
  }

  const payload = controlPayload(data)
  if (typeof cb !== 'function') cb = undefined
  if (isBlob(payload)) ws._blobSends ??= new BlobSends(ws, sendFailed)
  if (ws._blobSends === null) send(ws, payload, cb)
  else ws._blobSends.add(send, payload, cb)
}

/**
 * Answers to a send on a connection that is not open: before it opens by throwing, after it
 * has begun to close by the callback.
 *
 * @param {WebSocket} ws The WebSocket
 * @param {*} data What was to be sent; its size counts as buffered
 * @param {Function} cb The callback
 * @throws {Error} If the connection is not open yet
 */
function refuseSend(ws, data, cb) {
  const error = notOpenError(ws._readyState)
  if (ws._readyState === CONNECTING) throw error
  if (data) ws._bufferedAmount += isBlob(data) ? data.size : toBuffer(data).length
  if (cb) nextTick(cb, error)
}

module.exports = WebSocket
