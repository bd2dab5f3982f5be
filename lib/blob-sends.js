'use strict'

/**
 * Reading a Blob takes a while. What is sent meanwhile on the same connection waits here
 * behind it, so that everything goes out in the order of the calls.
 */

const sendQueue = require('./send-queue')
const { EMPTY_BUFFER } = require('./constants')
const { nextTick } = require('./ticks')
const { isBlob } = require('./validation')

/** The size of a close code in a close frame. */
const CODE_BYTES = 2

/** The sends of one connection that wait for a Blob. It exists only while there are any. */
class BlobSends {
  #ws
  #onError
  #entries = []
  #bytes = 0

  /**
   * @param {object} ws The WebSocket
   * @param {Function} onError Called with the error if a Blob cannot be read
   */
  constructor(ws, onError) {
    this.#ws = ws
    this.#onError = onError
  }

  /** @returns {number} How many bytes wait, without framing */
  get bytes() {
    return this.#bytes
  }

  /**
   * Adds a message, a ping or a pong. Bytes are copied, since their owner may change them
   * before they go out.
   *
   * @param {Function} send The function of the send queue that is to be called
   * @param {string | Buffer | Blob} data What to send
   * @param {Array} rest The other arguments of that function; the last one is the callback
   */
  add(send, data, ...rest) {
    const isBytes = typeof data !== 'string' && !isBlob(data)
    this.#push({ send, data: isBytes ? Buffer.from(data) : data, rest, bytes: sizeOf(data) })
  }

  /**
   * Adds a close frame.
   *
   * @param {number} code The close code, 0 for an empty close frame
   * @param {Buffer} reason The bytes of the reason
   * @param {Function} callback Called when the frame is on its way
   */
  addClose(code, reason, callback) {
    const bytes = code === 0 ? 0 : CODE_BYTES + reason.length
    this.#push({ send: sendClose, data: Buffer.from(reason), rest: [code, callback], bytes })
  }

  /**
   * Adds an entry, and starts if it is the first.
   *
   * @param {object} entry What to call, with what, and how many bytes that is
   */
  #push(entry) {
    this.#bytes += entry.bytes
    if (this.#entries.push(entry) === 1) this.#next()
  }

  /** Passes on what stands at the front, up to and including the start of reading a Blob. */
  #next() {
    while (this.#entries.length > 0) {
      const { data } = this.#entries[0]
      if (isBlob(data)) {
        data.arrayBuffer().then(
          // A tick of its own: what a callback throws is then not a rejection.
          (bytes) => nextTick(() => this.#blobRead(bytes)),
          (error) => nextTick(() => this.#blobFailed(error))
        )
        return
      }
      this.#passOn(data)
    }
    this.#ws._blobSends = null
  }

  /**
   * Passes the first entry on to the send queue.
   *
   * @param {string | Buffer} data Its payload
   */
  #passOn(data) {
    const { send, rest, bytes } = this.#entries.shift()
    this.#bytes -= bytes
    send(this.#ws, data, ...rest)
  }

  /**
   * Goes on after a Blob has been read.
   *
   * @param {ArrayBuffer} bytes What it holds
   */
  #blobRead(bytes) {
    if (this.#ws._ended) {
      this.#fail(new Error('The socket was closed while the blob was being read'))
      return
    }
    this.#passOn(bytes.byteLength === 0 ? EMPTY_BUFFER : Buffer.from(bytes))
    this.#next()
  }

  /**
   * Gives up: what waits behind a Blob that cannot be read cannot be sent either.
   *
   * @param {Error} error What went wrong
   */
  #blobFailed(error) {
    this.#fail(error)
    this.#onError(this.#ws, error)
  }

  /**
   * Calls every waiting callback with an error. The bytes stay counted, as they do in ws.
   *
   * @param {Error} error The error
   */
  #fail(error) {
    const entries = this.#entries
    this.#entries = []
    for (const { rest } of entries) {
      const callback = rest[rest.length - 1]
      if (typeof callback === 'function') callback(error)
    }
  }
}

/**
 * Sends a close frame, in the shape of the other functions of the send queue.
 *
 * @param {object} ws The WebSocket
 * @param {Buffer} reason The bytes of the reason
 * @param {number} code The close code, 0 for an empty close frame
 * @param {Function} callback Called when the frame is on its way
 */
function sendClose(ws, reason, code, callback) {
  sendQueue.close(ws, code, reason, 0, callback)
}

/**
 * Gives the size of a payload.
 *
 * @param {string | Buffer | Blob} data The payload
 * @returns {number} Bytes
 */
function sizeOf(data) {
  if (typeof data === 'string') return Buffer.byteLength(data)
  return isBlob(data) ? data.size : data.length
}

module.exports = { BlobSends }
