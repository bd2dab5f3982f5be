'use strict'

/**
 * Checks and conversions of what users pass in. What ws accepts is accepted, what it refuses
 * is refused with the same class and the same text.
 */

const {
  types: { isUint8Array }
} = require('node:util')

const { EMPTY_BUFFER, hasBlob } = require('./constants')

/** RFC 6455 5.5: the payload of a control frame has 125 bytes or fewer. */
const MAX_CONTROL_BYTES = 125
/** Two of those 125 bytes are the close code. */
const MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2

/** RFC 9110 5.6.2: the characters of a token, as a table by character code. */
const tokenChars = Array.from({ length: 128 }, (_, code) =>
  Number(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)))
)

/**
 * Says whether a close code may be sent (RFC 6455 7.4, with the codes registered since).
 *
 * @param {number} code The code
 * @returns {boolean} Whether it may travel in a close frame
 */
function isValidStatusCode(code) {
  const isRegistered = code >= 1000 && code <= 1014
  if (isRegistered) return code !== 1004 && code !== 1005 && code !== 1006
  return code >= 3000 && code <= 4999
}

/**
 * Says whether a value is a Blob or a File, of this realm or of another.
 *
 * @param {*} value The value
 * @returns {boolean} Whether it is one
 */
function isBlob(value) {
  if (!hasBlob || typeof value !== 'object' || value === null) return false
  const tag = value[Symbol.toStringTag]
  return (
    (tag === 'Blob' || tag === 'File') &&
    typeof value.arrayBuffer === 'function' &&
    typeof value.stream === 'function' &&
    typeof value.type === 'string'
  )
}

/**
 * Gives the bytes of a value. Views and ArrayBuffers are not copied.
 *
 * @param {*} data Anything `Buffer.from()` takes, or any view
 * @returns {Buffer} The bytes
 * @throws {TypeError} If the value has no bytes
 */
function toBuffer(data) {
  if (Buffer.isBuffer(data)) return data
  if (ArrayBuffer.isView(data)) {
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  }
  return Buffer.from(data)
}

/**
 * Checks the payload of a ping or a pong.
 *
 * @param {*} data What the user passed, numbers already turned into strings
 * @returns {string | Buffer | Blob} What to send
 * @throws {RangeError} If it does not fit into a control frame
 */
function controlPayload(data) {
  const payload = data ? data : EMPTY_BUFFER
  if (isBlob(payload)) {
    checkControlSize(payload.size)
    return payload
  }
  if (typeof payload === 'string') {
    checkControlSize(Buffer.byteLength(payload))
    return payload
  }
  const bytes = toBuffer(payload)
  checkControlSize(bytes.length)
  return bytes
}

/**
 * Checks that a payload fits into a control frame.
 *
 * @param {number} size Its size in bytes
 * @throws {RangeError} If it does not
 */
function checkControlSize(size) {
  if (size > MAX_CONTROL_BYTES) {
    throw new RangeError('The data size must not be greater than 125 bytes')
  }
}

/**
 * Checks the arguments of `close()`.
 *
 * @param {*} code The close code, or undefined for an empty close frame
 * @param {*} reason The reason
 * @returns {Buffer} The bytes of the reason
 * @throws {TypeError | RangeError} If a close frame cannot carry them
 */
function closeReason(code, reason) {
  if (code === undefined) return EMPTY_BUFFER
  if (typeof code !== 'number' || !isValidStatusCode(code)) {
    throw new TypeError('First argument must be a valid error code number')
  }
  if (reason === undefined || !reason.length) return EMPTY_BUFFER
  // Counts bytes, so that a typed array with wide elements cannot pass as a short one.
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw new RangeError('The message must not be greater than 123 bytes')
  }
  if (typeof reason === 'string') return Buffer.from(reason)
  if (isUint8Array(reason)) return toBuffer(reason)
  throw new TypeError('Second argument must be a string or a Uint8Array')
}

/**
 * Makes the body of a close frame (RFC 6455 5.5.1).
 *
 * @param {number | undefined} code The close code; 0 or undefined for an empty body
 * @param {Uint8Array} reason What `closeReason()` returned
 * @returns {Buffer} The body
 */
function closeBody(code, reason) {
  if (!code) return EMPTY_BUFFER
  const body = Buffer.allocUnsafe(2 + reason.length)
  body.writeUInt16BE(code, 0)
  body.set(reason, 2)
  return body
}

module.exports = {
  checkControlSize,
  closeBody,
  closeReason,
  controlPayload,
  isBlob,
  isValidStatusCode,
  toBuffer,
  tokenChars
}
