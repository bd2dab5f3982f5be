'use strict'

/**
 * Connections over any Duplex: its bytes go through the codec on this thread.
 */

const { TLSSocket } = require('node:tls')

const dispatcher = require('./dispatcher')
const native = require('./native')
const sendQueue = require('./send-queue')
const { noteCause, noteFailure } = require('./close-cause')
const { EVENT, frameBytes } = require('./border')
const { BufferView, EMPTY_BUFFER } = require('./constants')
const { Driver } = require('./driver')
const { nativeConfig } = require('./options')
const { unwatchStream, watchStream } = require('./profiles')
const { setImmediate } = require('./ticks')

/** With more than this unwritten the peer is not read: it asks and never listens. */
const UNWRITTEN_HIGH_WATER_BYTES = 16 * 1024 * 1024

/** The socket is given so much at once. */
const BYTES_A_WRITE = 256 * 1024
const EVERYTHING = 0xffff_ffff

/** Where the addon says how much of what was charged it has handed on; see progress.rs. */
const HANDED_ON = 2

/** In the result of `native.receive()`, beside the bytes that are to be written. */
const RECEIVED = Object.freeze({ EVENTS: 1, LENT: 2, BEHIND: 4, BYTES_SHIFT: 3 })

/** Small, since an output that waits in a socket keeps its slab. */
const OUTPUT_SLAB_BYTES = 32 * 1024

/** Payloads above this are not copied where that can be. */
const APART_PAYLOAD_BYTES = 4 * 1024

/** From `native.takeOutput()`: the slab has too little room. */
const OUTPUT_SLAB_FULL = -1

/** Memory for small outputs: the addon puts one behind the other. */
let outputSlab = null
let outputSlabUsed = 0

/** The driver. */
class StreamDriver extends Driver {
  /**
   * @param {object} ws The WebSocket
   * @param {import('node:stream').Duplex} socket The socket
   * @param {object} config See `driverConfig` in options.js
   */
  constructor(ws, socket, config) {
    super(ws, socket, config)
    this.isDirty = false
    this.isPaused = false
    this.isThrottled = false
    this.awaitsDelivery = false // of more than a slice of events
    this.isHeld = false // because of its rate
    this.isBehind = false // the codec has bytes that it has not looked at
    this.isAbandoned = false // and nobody wants them any more
    this.goingOn = null // the immediate that will have it look at them
    this.closeTimeout = config.closeTimeout
    // What stays in the codec a ping can overtake, and it can be dropped. Without these options
    // the socket has everything at once, as with ws, and its `writableLength` says so.
    this.isReticent = this.pressure !== null || config.watch !== undefined
    this.closeTimer = null
    this.chunk = null // what messages are lent from
    this.inFlight = [] // what is charged up to the end of each write under way
    this.onWritten = (error) => this.#wrote(error)
    native.openStream(this.id, ...nativeConfig(config))
    if (config.watch !== undefined) {
      this.isWatched = true
      watchStream(config.watch, dispatcher.run)
    }
  }

  /**
   * Begins to read and write.
   *
   * @param {Buffer} head Bytes that were read behind the handshake
   * @param {string} response What to write in front of the first frame
   */
  open(head, response) {
    const { socket } = this
    if (response !== '') socket.write(response)
    if (head.length > 0) socket.unshift(head)
    socket.on('close', () => this.#socketClosed())
    socket.on('error', (error) => {
      noteFailure(this.ws, error.code)
      socket.destroy()
    })
    socket.on('end', () => this.#ended())
    socket.on('drain', () => this.#drained())
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.resume()
  }

  /**
   * Writes what the codec has for the socket.
   *
   * @param {number} [enough] At least so many bytes at once, if there are so many, as long as the
   *   socket has room
   */
  pump(enough = this.isReticent ? BYTES_A_WRITE : EVERYTHING) {
    const { socket } = this
    while (enough === EVERYTHING || !socket.writableNeedDrain) {
      const output = takeOutput(this.id, enough)
      if (output === undefined || !socket.writable) return
      this.inFlight.push(this.progress[this.progressIndex + HANDED_ON])
      socket.write(output, this.onWritten)
      if (output.length < enough) return
    }
  }

  /**
   * Sends a large message without a copy of its bytes, if the socket is one that has taken them
   * when `write()` returns, so that they may change then: it encrypts them.
   *
   * @param {number} word Kind and flags of the command
   * @param {string | Uint8Array} data The payload
   * @param {Function} [callback] Called when the kernel has it, or with an error
   * @returns {boolean} Whether it is sent
   */
  sendApart(word, data, callback) {
    if (data.length <= APART_PAYLOAD_BYTES || typeof data === 'string') return false
    const { socket } = this
    if (this.isReticent || !(socket instanceof TLSSocket) || socket.writableLength > 0) return false
    sendQueue.submitDue()
    const bytes = frameBytes(data.length, this.isClient)
    sendQueue.charge(this, bytes, callback)
    socket.cork()
    const isLeftToUs = native.sendApart(this.id, word, data) === 1
    this.pump(EVERYTHING)
    if (isLeftToUs && socket.writable) {
      this.inFlight.push(this.progress[this.progressIndex + HANDED_ON])
      socket.write(data, this.onWritten)
    }
    socket.uncork()
    sendQueue.addToTotal(bytes)
    return true
  }

  /** Writes what is queued, then ends our side. */
  end() {
    sendQueue.flush()
    this.pump(EVERYTHING)
    this.socket.end()
  }

  /** Drops the connection; what was sent before, maybe in the same tick, the socket gets first. */
  destroy() {
    this.isAbandoned = this.isBehind
    sendQueue.flush()
    this.socket.destroy()
  }

  /** Stops reading. */
  pause() {
    this.isPaused = true
    this.#readOrNot()
  }

  /** Goes on reading. */
  resume() {
    this.isPaused = false
    this.#readOrNot()
  }

  /**
   * Stops reading because the peer has sent too much, or goes on.
   *
   * @param {boolean} isHeld Whether to stop
   */
  hold(isHeld) {
    this.isHeld = isHeld
    this.#readOrNot()
  }

  /**
   * The peer has passed a limit.
   *
   * @param {number} code The code of the close frame that waits to be written, 0 if there is none
   */
  limited(code) {
    if (code === 0) {
      this.socket.destroy()
      return
    }
    this.pump(EVERYTHING)
    this.socket.end()
    this.startCloseTimer()
  }

  /** Drops the connection if it still exists after its close timeout. */
  startCloseTimer() {
    this.closeTimer ??= setTimeout(() => {
      noteCause(this.ws, 'closeTimeout')
      this.destroy()
    }, this.closeTimeout)
  }

  /** The transport is gone. */
  closed() {
    this.awaitsDelivery = false
    clearTimeout(this.closeTimer)
    if (this.isWatched) unwatchStream()
    super.closed()
  }

  /** @returns {boolean} Whether the user has destroyed the socket: nobody wants the rest */
  isDropped() {
    const { socket } = this
    return socket.destroyed && !socket.errored && (this.isAbandoned || !socket.readableEnded)
  }

  /**
   * Finds a message in the bytes that it came in.
   *
   * @param {number} offset Where it begins
   * @param {number} length Its length in bytes
   * @param {number} isLast Not 0 if nothing else is wanted of these bytes
   * @returns {Buffer} The message
   */
  lent(offset, length, isLast) {
    const { chunk } = this
    if (isLast) this.chunk = null
    return chunk.subarray(offset, offset + length)
  }

  /**
   * Takes bytes from the socket.
   *
   * @param {Buffer} chunk The bytes; they are unmasked in place
   */
  #receive(chunk) {
    const { socket } = this
    const received = this.#take(chunk)
    const pending = received >>> RECEIVED.BYTES_SHIFT
    const unwritten = pending + socket.writableLength
    if (pending > 0) this.pump()
    if (socket.writableNeedDrain && unwritten > UNWRITTEN_HIGH_WATER_BYTES) {
      this.isThrottled = true
      this.#readOrNot()
    }
    if (received & RECEIVED.EVENTS) dispatcher.runNow()
    if (!this.awaitsDelivery && dispatcher.isLate(this)) {
      this.awaitsDelivery = true
      this.#readOrNot()
    }
    if (socket.readableEnded) this.#ended()
  }

  /** Everything that had come has been delivered. */
  delivered() {
    if (!this.awaitsDelivery) return
    this.awaitsDelivery = false
    this.#readOrNot()
  }

  /**
   * Gives bytes to the codec, which looks at all of them, unless few of them inflate to many.
   *
   * @param {Buffer} chunk The bytes
   * @returns {number} See RECEIVED
   */
  #take(chunk) {
    // Messages stay in one chunk at a time: if the one before is not delivered, these are copied.
    const received = native.receive(this.id, chunk, this.chunk === null)
    if (received & RECEIVED.LENT) this.chunk = chunk
    const wasBehind = this.isBehind
    this.isBehind = (received & RECEIVED.BEHIND) !== 0
    if (wasBehind || this.isBehind) this.#readOrNot()
    return received
  }

  /** Has the codec look at what it has, now that the rest of the event loop had its turn. */
  #goOn() {
    this.goingOn = null
    const isOurs = this.isPaused || this.isThrottled || this.awaitsDelivery
    const isStopped = isOurs || this.isHeld || this.socket.destroyed
    if (this.isBehind && !isStopped) this.#receive(EMPTY_BUFFER)
  }

  /** The peer has ended its side. That is told behind all that came before. */
  #ended() {
    if (!this.isBehind) this.#report(EVENT.ENDED)
  }

  /** The socket has closed. One that was lost while it was paused still has something to read. */
  #socketClosed() {
    if (this.isDropped()) this.ws.terminate()
    else this.#receiveRest()
    this.#report(EVENT.CLOSED)
  }

  /**
   * Has something told behind the events that wait already.
   *
   * @param {number} kind One of EVENT
   */
  #report(kind) {
    native.report(this.id, kind)
    dispatcher.runNow()
  }

  /** Takes what the socket has buffered, and what the codec has. */
  #receiveRest() {
    const { socket } = this
    const rest = socket.readableEnded ? null : socket.read(socket.readableLength)
    if (rest !== null) this.#receive(rest)
    while (this.isBehind) this.#take(EMPTY_BUFFER)
  }

  /** Goes on after the peer has read; that is a sign of life, too. */
  #drained() {
    if (this.isWatched) native.noteLife(this.id)
    this.pump()
    if (!this.isThrottled || this.socket.writableNeedDrain) return
    this.isThrottled = false
    this.#readOrNot()
  }

  /** Reads, unless something speaks against it. */
  #readOrNot() {
    const isOurs =
      this.isPaused || this.isThrottled || this.isBehind || this.awaitsDelivery
    if (this.isWatched) native.holdStream(this.id, isOurs)
    if (isOurs || this.isHeld) this.socket.pause()
    else this.socket.resume()
    if (this.isBehind) this.goingOn ??= setImmediate(() => this.#goOn())
  }

  /**
   * One write has ended.
   *
   * @param {Error} [error] Why it failed; then 'close' follows, and tells who waits
   */
  #wrote(error) {
    const charged = this.inFlight.shift()
    // Node tells of no error when the socket was destroyed meanwhile.
    if (error || this.socket.destroyed) return
    this.progress[this.progressIndex] = charged
    if (this.waiting !== null || this.needsDrain) this.#report(EVENT.WRITTEN)
  }
}

Object.assign(StreamDriver.prototype, {
  holdsLoop: false,
  isStream: true,
  isWatched: false, // whether it has deadlines
  name: 'stream'
})

/**
 * Takes what the codec has for a socket.
 *
 * @param {number} id The connection's id
 * @param {number} enough At least so many bytes, if there are so many
 * @returns {Buffer | undefined} The bytes, if there are any
 */
function takeOutput(id, enough) {
  let output = native.takeOutput(id, enough)
  if (output === OUTPUT_SLAB_FULL) {
    const bytes = Buffer.allocUnsafeSlow(OUTPUT_SLAB_BYTES)
    outputSlab = bytes.buffer
    outputSlabUsed = 0
    native.useOutputSlab(bytes)
    output = native.takeOutput(id, enough)
  }
  if (typeof output !== 'number') return output
  const start = outputSlabUsed
  outputSlabUsed += output
  return new BufferView(outputSlab, start, output)
}

module.exports = { StreamDriver }
