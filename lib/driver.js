'use strict'

/**
 * What both drivers of a connection have: its id, the count of what was sent, and who waits for
 * it to be written.
 */

const dispatcher = require('./dispatcher')
const { CLOSED } = require('./constants')
const { callUser } = require('./border')
const { notOpenError } = require('./errors')
const { Pressure } = require('./pressure')
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
    if (config.account) this.#join(config)
    if (config.backpressure) this.pressure = new Pressure(this, config.backpressure)
    dispatcher.register(this)
    useProfile(config)
  }

  /**
   * Has the connection counted with those of its server.
   *
   * @param {object} config See `driverConfig` in options.js
   */
  #join({ account, address }) {
    this.account = account
    if (address !== undefined) this.address = address
    account.opened(address)
  }

  /** @returns {number} Bytes that the kernel has, of those charged */
  taken() {
    return this.progress[this.progressIndex]
  }

  /** The connection has ended, and it is known why. */
  leave() {
    if (this.account !== null) this.account.closed(this.address, this.ws._closeCause)
  }

  /** @returns {object} See `ConnectionStats` in index.d.ts */
  stats() {
    const [, bytesIn, bytesOut, , messagesIn, messagesOut] = this.progress.slice(
      this.progressIndex,
      this.progressIndex + NUMBERS
    )
    return {
      messagesIn,
      messagesOut,
      bytesIn,
      bytesOut,
      bufferedAmount: this.ws.bufferedAmount,
      dropped: this.pressure?.dropped ?? 0,
      latency: this.latency()
    }
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
    // The next connection gets the id's count; this one keeps what it could not write.
    this.charged = this.bufferedAmount()
    const { progress, progressIndex } = this
    this.progress = progress.slice(progressIndex, progressIndex + NUMBERS)
    this.progress[0] = 0
    this.progressIndex = 0
    // What was taken before the end did not fail, but nobody can say what the peer got of it.
    if (this.waiting !== null || this.readyWaiters !== null) this.fail(notOpenError(CLOSED))
    if (this.pressure !== null) this.pressure.closed()
  }

  /**
   * Tells everybody who waits that it will not come.
   *
   * @param {Error} error Why
   */
  fail(error) {
    const { readyWaiters, waiting } = this
    this.waiting = this.readyWaiters = null
    for (let at = 1; waiting !== null && at < waiting.length; at += 2) callUser(waiting[at], error)
    if (readyWaiters !== null) for (const { reject } of readyWaiters) reject(error)
  }

  /** @returns {Promise<void>} Resolves when there is room to send more */
  ready() {
    if (!this.needsDrain) return Promise.resolve()
    this.readyWaiters ??= []
    return new Promise((resolve, reject) => this.readyWaiters.push({ resolve, reject }))
  }

  /** There is room to send more. */
  tellReady() {
    const { readyWaiters } = this
    this.readyWaiters = null
    if (readyWaiters !== null) for (const { resolve } of readyWaiters) resolve()
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
  account: null, // the account of the server
  address: undefined, // whose connection it is, if that is counted
  generateMask: null, // fills a Buffer with the next masking key, if the user wants to choose
  highWaterBytes: 64 * 1024, // with more than this unwritten 'drain' will be emitted
  maskingKey: null, // that Buffer
  pressure: null, // a Pressure, if what may wait is limited
  readyWaiters: null // who waits for room
})

/** How many numbers the progress of a connection has. */
const NUMBERS = 6

module.exports = { Driver }
