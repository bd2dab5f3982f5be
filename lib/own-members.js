'use strict'

/** Members of a WebSocket that `ws` does not have. */

const { CONNECTING, OPEN } = require('./constants')
const { notOpenError } = require('./errors')
const { isBlob } = require('./validation')

const members = {
  /** @returns {object | null} Why the connection has ended or is about to; see close-cause.js */
  get closeCause() {
    return this._closeCause
  },

  /** @returns {number | undefined} How long the heartbeat's last pong took, in milliseconds */
  get latency() {
    return this._driver === null ? undefined : this._driver.latency()
  },

  /** @returns {object | null} What is counted of the connection; null before it was open */
  get stats() {
    return this._driver === null ? null : this._driver.stats()
  },

  /**
   * Waits until there is room to send more.
   *
   * @returns {Promise<void>} Resolves at once, or when 'drain' is emitted; rejects if the
   *   connection is not open, or ends before
   */
  ready() {
    if (this._readyState !== OPEN) return Promise.reject(notOpenError(this._readyState))
    return this._driver.ready()
  },

  /**
   * Sends a message, and waits until there is room to send more.
   *
   * @param {*} data What `send()` takes
   * @param {object} [options] What `send()` takes
   * @returns {Promise<void>} As `ready()`; of a Blob, and of what stands behind one, when `send()`
   *   would call back
   */
  sendAsync(data, options) {
    if (this._readyState === CONNECTING || this._readyState === OPEN) {
      if (isBlob(data) || this._blobSends !== null) return sendBlob(this, data, options)
      try {
        this.send(data, options)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return this.ready()
  }
}

/**
 * Sends a message that is a Blob, or stands behind one.
 *
 * @param {object} ws The WebSocket
 * @param {*} data The message
 * @param {object} [options] What `send()` takes
 * @returns {Promise<void>} Resolves when `send()` calls back
 */
function sendBlob(ws, data, options) {
  return new Promise((resolve, reject) => {
    ws.send(data, options, (error) => (error ? reject(error) : resolve()))
  })
}

/**
 * Gives these members to the class.
 *
 * @param {Function} WebSocket The class
 */
function mixInOwnMembers(WebSocket) {
  Object.defineProperties(WebSocket.prototype, Object.getOwnPropertyDescriptors(members))
}

module.exports = { mixInOwnMembers }
