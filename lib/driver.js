'use strict'

/**
 * What both drivers of a connection have: its id, the count of what was sent, and who waits for
 * it to be written.
 */

const dispatcher = require('./dispatcher')
const { CLOSED } = require('./constants')
const { callUser } = require('./border')
const { notOpenError } = require('./errors')
const { useProfile } = require('./profiles')

/**
 * The part of a connection that moves its bytes. Of the two kinds, `isStream` says whether it does
 * so on this thread.
 */
class Driver {
  /**
   * @param {object} ws The WebSocket
   * @param {import('node:stream').Duplex} socket The socket
   * @param {object} config See `driverConfig` in options.js
   */
  constructor(ws, socket, config) {
    this.ws = ws
    this.socket = socket
    this.isClient = config.role === 'client'
    this.id = 0
    this.charged = 0
    this.needsDrain = false
    this.progress = null
    this.progressIndex = 0
    this.waiting = null
    if (config.generateMask) this.generateMask = config.generateMask
    dispatcher.register(this)
    useProfile(config)
  }

  /** @returns {number} Bytes that the kernel has, of those charged */
  taken() {
    return this.progress[this.progressIndex]
  }

  /** @returns {number | undefined} Milliseconds that the heartbeat's last pong took */
  latency() {
    return this.progress[this.progressIndex + 3] || undefined
  }

  /** @returns {number} Bytes that the kernel does not have yet */
  bufferedAmount() {
    return Math.max(0, this.charged - this.taken())
  }

  /**
   * Keeps a callback for when everything charged so far is written.
   *
   * @param {Function} callback The callback
   */
  wait(callback) {
    this.waiting ??= []
    this.waiting.push(this.charged, callback)
  }

  /** @returns {boolean} Whether nobody wants what has arrived and is not delivered */
  isDropped() {
    return false
  }

  /** Calls everybody whose bytes are written. */
  settle() {
    const { waiting } = this
    if (waiting === null) return
    const taken = this.taken()
    let done = 0
    while (done < waiting.length && waiting[done] <= taken) done += 2
    if (done === waiting.length) this.waiting = null
    else this.waiting = waiting.slice(done)
    for (let at = 0; at < done; at += 2) callUser(waiting[at + 1], null)
  }

  /** The transport is gone: tells those who wait for bytes to be written. */
  closed() {
    const { waiting } = this
    this.waiting = null
    // The next connection gets the id's count; this one keeps what it could not write.
    this.charged = this.bufferedAmount()
    this.progress = NOTHING_TAKEN
    this.progressIndex = 0
    // What was taken before the end did not fail, but nobody can say what the peer got of it.
    for (let at = 1; waiting !== null && at < waiting.length; at += 2) {
      callUser(waiting[at], notOpenError(CLOSED))
    }
  }

  /** The peer has passed a limit. The shard ends its connection by itself. */
  limited() {}

  /** The peer has ended its side, and everything before that is delivered. */
  peerEnded() {}

  /** @returns {boolean} Whether both sides have ended, as they should */
  hasEnded() {
    return false
  }

  /** All that made the user wait for 'drain' is written. */
  drained() {}

  /** The WebSocket has said that it is closed. */
  afterClosed() {}
}

Object.assign(Driver.prototype, {
  generateMask: null, // fills a Buffer with the next masking key, if the user wants to choose
  highWaterBytes: 64 * 1024, // with more than this unwritten 'drain' will be emitted
  maskingKey: null // that Buffer
})

/** The count of a connection that is gone. */
const NOTHING_TAKEN = new Float64Array(6)

module.exports = { Driver }
