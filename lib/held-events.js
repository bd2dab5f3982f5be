'use strict'

/**
 * Events that are not emitted yet: of a paused WebSocket, and of one that emits a single event in
 * a turn of the event loop.
 */

const { nextTick, setImmediate } = require('./ticks')

/** Held bytes above which the connection is not read, and below half of which it is again. */
const HIGH_WATER_BYTES = 1024 * 1024

/** What a held event takes besides its payload, about. */
const EVENT_BYTES = 256

/** Emitted events whose places are kept before they are cut off. */
const MOST_PLACES = 1024

/** Stands in `_held` for a terminated connection: nothing is kept. */
const DROP = Object.freeze({})

/** What waits to be emitted on one WebSocket. */
class HeldEvents {
  #ws
  #oneATick
  #entries = []
  #next = 0
  #isScheduled = false
  #bytes = 0
  #isFull = false
  #end = null // what emits the end, once that has come

  /**
   * @param {object} ws The WebSocket
   * @param {boolean} oneATick Whether every event gets a turn of the event loop for itself
   */
  constructor(ws, oneATick) {
    this.#ws = ws
    this.#oneATick = oneATick
  }

  /**
   * Keeps an event.
   *
   * @param {Function} deliver What emits it
   * @param {...*} values The arguments of `deliver` after the WebSocket
   */
  add(deliver, ...values) {
    this.#entries.push({ deliver, values })
    this.#bytes += bytesOf(values)
    // What is held has been delivered for the driver, which would read on and on.
    if (this.#oneATick && !this.#isFull && this.#bytes > HIGH_WATER_BYTES) {
      this.#isFull = true
      this.#ws._driver.pause()
    }
    this.schedule()
  }

  /** @returns {boolean} Whether the connection is not to be read */
  get isFull() {
    return this.#isFull
  }

  /**
   * Keeps the end of the connection, which not even a paused WebSocket waits for.
   *
   * @param {Function} deliver What emits it
   */
  addEnd(deliver) {
    this.#end = deliver
    this.add(deliver)
  }

  /** Sees to it that what may be emitted will be, in a turn or a tick of its own. */
  schedule() {
    if (this.#isScheduled || this.#mustWait) return
    this.#isScheduled = true
    if (this.#oneATick) setImmediate(release, this)
    else nextTick(release, this)
  }

  /** Emits what may be emitted. */
  release() {
    this.#isScheduled = false
    try {
      while (!this.#mustWait && this.#next < this.#entries.length) {
        this.#deliverNext()
        if (this.#oneATick) break
      }
    } finally {
      // Also after an exception in a handler: the events behind it are not lost.
      if (this.#next < this.#entries.length) this.schedule()
      else this.#empty()
    }
  }

  /** @returns {boolean} Whether nothing may be emitted now */
  get #mustWait() {
    // The end of the connection waits for nothing, not even for terminate() to have come before it.
    return this.#end === null && (this.#ws._held !== this || this.#ws._paused)
  }

  /** Emits one event, or drops it if terminate() has come before it. */
  #deliverNext() {
    const { deliver, values } = this.#entries[this.#next]
    this.#entries[this.#next] = undefined
    this.#next++
    if (this.#next === MOST_PLACES) {
      this.#entries.splice(0, this.#next)
      this.#next = 0
    }
    this.#letGo(bytesOf(values))
    const isWanted = this.#ws._held === this && !this.#ws._driver.isDropped()
    if (isWanted || deliver === this.#end) deliver(this.#ws, ...values)
  }

  /**
   * Reads on when enough has been emitted, unless the user has paused it.
   *
   * @param {number} bytes What is not held any more
   */
  #letGo(bytes) {
    this.#bytes -= bytes
    if (!this.#isFull || this.#bytes > HIGH_WATER_BYTES / 2) return
    this.#isFull = false
    if (this.#ws._held === this && !this.#ws._paused) this.#ws._driver.resume()
  }

  /** Goes out of the way when nothing is kept any more. */
  #empty() {
    this.#entries = []
    this.#next = 0
    if (this.#ws._held === this && !this.#oneATick && !this.#ws._paused) this.#ws._held = null
  }
}

/**
 * @param {Array} values The arguments of an event's listener
 * @returns {number} What the event takes while it is held
 */
function bytesOf([payload]) {
  return EVENT_BYTES + (payload?.length ?? 0)
}

/**
 * Emits what may be emitted, as the callback of a timer.
 *
 * @param {HeldEvents} held What waits
 */
function release(held) {
  held.release()
}

/**
 * From now on events are held back.
 *
 * @param {object} ws The WebSocket
 * @param {boolean} oneATick Whether they are to come out one in a turn of the event loop
 */
function holdEvents(ws, oneATick) {
  if (ws._held === null) ws._held = new HeldEvents(ws, oneATick)
}

/**
 * Lets what was held back be emitted, a tick later.
 *
 * @param {object} ws The WebSocket, no longer paused
 */
function releaseEvents(ws) {
  if (ws._held !== null && ws._held !== DROP) ws._held.schedule()
}

/**
 * @param {object} ws The WebSocket
 * @returns {boolean} Whether so much is held back that it is not to be read
 */
function isFull(ws) {
  return ws._held !== null && ws._held !== DROP && ws._held.isFull
}

/**
 * From now on nothing is emitted but the end.
 *
 * @param {object} ws The WebSocket
 */
function dropEvents(ws) {
  ws._held = DROP
}

/**
 * Keeps an event, or drops it.
 *
 * @param {object} ws The WebSocket, with `_held` set
 * @param {Function} deliver What emits it
 * @param {...*} values The arguments of `deliver` after the WebSocket
 */
function hold(ws, deliver, ...values) {
  if (ws._held !== DROP) ws._held.add(deliver, ...values)
}

module.exports = { DROP, dropEvents, hold, holdEvents, isFull, releaseEvents }
