'use strict'

/**
 * What is done about a peer that does not read: the option `maxBackpressure`, and the bound on what
 * waits on all connections of this thread together.
 *
 * Under the policy `dropOldest` no more goes down to the driver than keeps the kernel busy. The
 * rest is held here, from where it can still be dropped: a frame that was compressed for a peer
 * must not be missing.
 */

const dispatcher = require('./dispatcher')
const sendQueue = require('./send-queue')
const { COMMAND, COMMAND_FLAG, frameBytes } = require('./border')
const { noteCause } = require('./close-cause')
const { startClosing } = require('./closing')
const { CLOSED, OPEN } = require('./constants')
const { droppedError, notOpenError } = require('./errors')
const { nextTick } = require('./ticks')

/** How the fragments of a message that has begun are dealt with. */
const FREE = 0 // none has
const SENDING = 1
const HOLDING = 2
const DROPPING = 3

/** The total is looked at each time when so much of the bound was sent. */
const LOOKS_A_BOUND = 16

/** The bytes of one connection that wait to be sent, and their limit. */
class Pressure {
  #driver
  #limit
  #state = FREE
  #held = []
  #next = 0
  #close = null
  #untold = 0

  /**
   * @param {object} driver The connection's driver
   * @param {{bytes: number, policy: string, code: number}} limit See guard-options.js
   */
  constructor(driver, limit) {
    this.#driver = driver
    this.#limit = limit
    this.heldBytes = 0
    this.dropped = 0
  }

  /** @returns {boolean} Whether messages are held here */
  get isHolding() {
    return this.#next < this.#held.length
  }

  /**
   * Sends a message, a fragment of one, or a frame that is made already; or does what the policy
   * says.
   *
   * @param {number} word Kind and flags of the command
   * @param {string | Uint8Array} data The payload
   * @param {Function} [callback] Called when the kernel has it, or with an error
   */
  send(word, data, callback) {
    const length = Buffer.byteLength(data)
    const bytes = word === COMMAND.RAW ? length : frameBytes(length, this.#driver.isClient)
    const isLast = (word & COMMAND_FLAG.MORE) === 0
    if (this.#state === FREE) this.#state = this.#decide(bytes)
    const state = this.#state
    if (isLast) this.#state = FREE
    if (state === SENDING) this.#give(word, data, callback)
    else if (state === HOLDING) this.#hold({ word, data, callback, bytes, isLast })
    else refuse(callback)
  }

  /**
   * Keeps a close frame for when everything held has been sent.
   *
   * @param {Function} send Sends it
   */
  holdClose(send) {
    this.#close = send
  }

  /** Much has been written: sends what is held, as far as it goes. */
  feed() {
    while (this.isHolding && this.#driver.bufferedAmount() <= this.#driver.highWaterBytes) {
      const { word, data, callback } = this.#take()
      this.#give(word, data, callback)
    }
    if (!this.isHolding && this.#close !== null) {
      this.#close()
      this.#close = null
    }
  }

  /** The connection is gone. */
  closed() {
    while (this.isHolding) {
      const { callback } = this.#take()
      if (callback !== undefined) nextTick(callback, notOpenError(CLOSED))
    }
  }

  /**
   * Gives something to the driver.
   *
   * @param {number} word Kind and flags of the command
   * @param {string | Uint8Array} data The payload
   * @param {Function} [callback] Called when the kernel has it, or with an error
   */
  #give(word, data, callback) {
    if (word === COMMAND.RAW) sendQueue.raw(this.#driver, [data], callback)
    else sendQueue.send(this.#driver, word, data, callback)
  }

  /**
   * Decides about a message by the size of its first frame.
   *
   * @param {number} bytes The size
   * @returns {number} SENDING, HOLDING or DROPPING
   */
  #decide(bytes) {
    const waiting = this.#driver.bufferedAmount() + this.heldBytes
    const { policy } = this.#limit
    if (policy === 'dropOldest') {
      return this.isHolding || waiting > this.#driver.highWaterBytes ? HOLDING : SENDING
    }
    if (waiting === 0 || waiting + bytes <= this.#limit.bytes) return SENDING
    if (policy === 'close') closeForPressure(this.#driver.ws, 'maxBackpressure', this.#limit.code)
    else this.#tell(1)
    return DROPPING
  }

  /**
   * Holds a message, or a fragment of one, and drops the oldest ones if that is too much.
   *
   * @param {object} entry What `send()` was given
   */
  #hold(entry) {
    if (typeof entry.data !== 'string') entry.data = Buffer.from(entry.data)
    this.#held.push(entry)
    this.heldBytes += entry.bytes
    let count = 0
    while (this.#isOver() && this.#hasTwoMessages()) {
      let oldest
      do {
        oldest = this.#take()
        refuse(oldest.callback)
      } while (!oldest.isLast)
      count++
    }
    if (count > 0) this.#tell(count)
  }

  /** @returns {boolean} Whether more waits than may */
  #isOver() {
    return this.#driver.bufferedAmount() + this.heldBytes > this.#limit.bytes
  }

  /** @returns {boolean} Whether a whole message is held, and something behind it */
  #hasTwoMessages() {
    const end = this.#held.length - 1
    for (let at = this.#next; at < end; at++) if (this.#held[at].isLast) return true
    return false
  }

  /** @returns {object} What has been held for longest, and is not any more */
  #take() {
    const entry = this.#held[this.#next]
    this.#held[this.#next++] = undefined
    this.heldBytes -= entry.bytes
    if (this.#next === this.#held.length || this.#next > MOST_GONE) {
      this.#held.splice(0, this.#next)
      this.#next = 0
    }
    return entry
  }

  /**
   * Emits 'dropped' at the end of the tick.
   *
   * @param {number} count How many messages were dropped
   */
  #tell(count) {
    this.dropped += count
    const { account } = this.#driver
    if (account !== null) account.dropped += count
    this.#untold += count
    if (this.#untold > count) return
    nextTick(() => {
      const untold = this.#untold
      this.#untold = 0
      this.#driver.ws.emit('dropped', untold)
    })
  }
}

/** Places of entries that are gone, until the others move up. */
const MOST_GONE = 1024

/**
 * Tells the sender of a message that it was dropped.
 *
 * @param {Function} [callback] The callback
 */
function refuse(callback) {
  if (callback !== undefined) nextTick(callback, droppedError())
}

/**
 * Closes a connection whose peer does not read, unless it is closing already. What it has not been
 * sent is dropped.
 *
 * @param {object} ws The WebSocket
 * @param {string} detail Which limit it has passed
 * @param {number} code The close code
 */
function closeForPressure(ws, detail, code) {
  if (ws._readyState !== OPEN) return
  noteCause(ws, 'pressure', detail)
  ws._driver.fail(droppedError())
  startClosing(ws, code, undefined, COMMAND_FLAG.DISCARD)
}

/**
 * Bounds what waits to be written on all connections of this thread: past it, those with the most
 * are closed with 1013.
 *
 * @param {number} bytes The bound; 0 is none
 * @throws {RangeError} If it is no number of bytes
 */
function setTotalBackpressure(bytes) {
  if (!(bytes >= 0)) throw new RangeError(`The bound must be a number of bytes, not ${bytes}`)
  if (bytes === 0 || bytes === Infinity) sendQueue.watchTotal(Infinity, null)
  else sendQueue.watchTotal(bytes / LOOKS_A_BOUND, () => relieve(bytes))
}

/** The close code that asks the peer to come back later. */
const TRY_AGAIN_LATER = 1013

/**
 * Closes connections until no more waits than may.
 *
 * @param {number} bound Bytes
 */
function relieve(bound) {
  const waiting = []
  let total = 0
  for (const { ws } of dispatcher.openDrivers()) {
    if (ws._readyState !== OPEN) continue
    const bytes = ws.bufferedAmount
    if (bytes > 0) waiting.push({ ws, bytes })
    total += bytes
  }
  if (total <= bound) return
  waiting.sort((one, other) => other.bytes - one.bytes)
  for (const { ws, bytes } of waiting) {
    closeForPressure(ws, 'totalBackpressure', TRY_AGAIN_LATER)
    total -= bytes
    if (total <= bound) return
  }
}

module.exports = { Pressure, setTotalBackpressure }
