'use strict'

// Waiting for what must happen, never for time to pass. Jest's time limit ends a wait that fails.

/**
 * Waits until a condition holds. For states that announce themselves by no event, such as the
 * number of open descriptors.
 *
 * @param {Function} condition returns, or resolves to, something truthy when the wait is over
 * @returns {Promise<*>} what the condition returned
 */
async function until(condition) {
  for (;;) {
    const result = await condition()
    if (result) return result
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/**
 * Queues the events of an emitter from now on, so that none is lost between two awaits.
 */
class Inbox {
  /**
   * @param {import('events').EventEmitter} emitter a WebSocket
   * @param {string} event the event to queue
   * @param {Function} [map] makes one value of the event's arguments [the first argument]
   */
  constructor(emitter, event, map = (first) => first) {
    this.items = []
    this.waiting = []
    this.closed = null
    emitter.on(event, (...args) => {
      const item = map(...args)
      if (this.waiting.length > 0) this.waiting.shift().resolve(item)
      else this.items.push(item)
    })
    emitter.on('close', (code) => {
      this.closed = new Error(`closed with ${code} while a test waited for '${event}'`)
      for (const { reject } of this.waiting.splice(0)) reject(this.closed)
    })
  }

  /**
   * @returns {Promise<*>} the next event; rejects when the emitter closes first
   */
  next() {
    if (this.items.length > 0) return Promise.resolve(this.items.shift())
    if (this.closed) return Promise.reject(this.closed)
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  /**
   * @param {number} count how many events
   * @returns {Promise<Array>} the next events, in order
   */
  async take(count) {
    const taken = []
    while (taken.length < count) taken.push(await this.next())
    return taken
  }
}

/**
 * Queues the messages of a `ws`-style WebSocket as `{ data, isBinary }`.
 *
 * @param {import('events').EventEmitter} webSocket
 * @returns {Inbox}
 */
function messagesOf(webSocket) {
  return new Inbox(webSocket, 'message', (data, isBinary) => ({ data, isBinary }))
}

/**
 * Waits for the end of a `ws`-style WebSocket.
 *
 * @param {import('events').EventEmitter} webSocket
 * @returns {Promise<{code: number, reason: string}>}
 */
function closeOf(webSocket) {
  return new Promise((resolve) => {
    webSocket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
}

/**
 * Keeps a promise that is awaited later, or never, from being reported as an unhandled rejection.
 *
 * @param {Promise} promise
 * @returns {Promise} the same one
 */
function later(promise) {
  promise.catch(() => {})
  return promise
}

/**
 * Collects the names and arguments of several events in the order they come.
 *
 * @param {import('events').EventEmitter} emitter
 * @param {string[]} events
 * @returns {Array[]} grows: `[name, ...args]` an event
 */
function recordEvents(emitter, events) {
  const log = []
  for (const name of events) emitter.on(name, (...args) => log.push([name, ...args]))
  return log
}

module.exports = { Inbox, closeOf, later, messagesOf, recordEvents, until }
