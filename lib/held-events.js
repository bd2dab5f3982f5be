'use strict'

/**
 * Events that are not emitted yet: of a paused WebSocket, and of one that emits a single event in
 * a turn of the event loop.
 */

/** Stands in `_held` for a terminated connection: nothing is kept. */
const DROP = Object.freeze({})

/** What waits to be emitted on one WebSocket. */
class HeldEvents {
  #ws
  #oneATick
  #entries = []
  #next = 0
  #isScheduled = false
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
    this.schedule()
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
    else process.nextTick(release, this)
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
    const isWanted = this.#ws._held === this && !this.#ws._driver.isDropped()
    if (isWanted || deliver === this.#end) deliver(this.#ws, ...values)
  }

  /** Goes out of the way when nothing is kept any more. */
  #empty() {
    this.#entries = []
    this.#next = 0
    if (this.#ws._held === this && !this.#oneATick && !this.#ws._paused) this.#ws._held = null
  }
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

module.exports = { DROP, dropEvents, hold, holdEvents, releaseEvents }
