'use strict'

/**
 * Every Error object that offloop makes on purpose, apart from argument checks
 * (validation.js). Texts and codes are those of ws.
 */

const { getSystemErrorName } = require('node:util')

const { READY_STATES } = require('./constants')

/**
 * A row of the core's error table, `native.errorTable()`.
 *
 * @typedef {object} ErrorRow
 * @property {string} name The code, `WS_ERR_...`
 * @property {number} closeCode The close code that goes to the peer
 * @property {string} class `RangeError` or `Error`
 * @property {string} message The text; `%d` stands for a number
 */

/** Numbers of errors that zlib knows; ws passes zlib's own errors on. */
const ZLIB_ERRNO = Object.freeze({ Z_DATA_ERROR: -3, Z_BUF_ERROR: -5 })

/**
 * Turns a row of the error table into the Error that is emitted.
 *
 * @param {ErrorRow} row The row
 * @param {number | bigint} [number=0] What replaces `%d` in the text
 * @returns {Error} With `code`, and `closeCode` as a property that is not enumerable
 */
function protocolError(row, number = 0) {
  const ErrorClass = row.class === 'RangeError' ? RangeError : Error
  const error = new ErrorClass(row.message.replace('%d', String(number)))
  error.code = row.name
  if (row.name in ZLIB_ERRNO) error.errno = ZLIB_ERRNO[row.name]
  Object.defineProperty(error, 'closeCode', { value: row.closeCode })
  return error
}

/**
 * Says that nothing can be sent in this state.
 *
 * @param {number} readyState The state the connection is in
 * @returns {Error} The error
 */
function notOpenError(readyState) {
  return new Error(
    `WebSocket is not open: readyState ${readyState} (${READY_STATES[readyState]})`
  )
}

/**
 * Says that `close()` or `terminate()` came before the opening handshake had ended.
 *
 * @returns {Error} The error
 */
function closedEarlyError() {
  return new Error('WebSocket was closed before the connection was established')
}

/**
 * Says that the opening handshake was refused.
 *
 * @param {number} statusCode The HTTP status of the answer
 * @param {string} message The body of the answer
 * @returns {Error} With `statusCode`
 */
function refusedError(statusCode, message) {
  const error = new Error(`The opening handshake was refused: ${statusCode} ${message}`)
  error.statusCode = statusCode
  return error
}

/**
 * Says why a connection was lost, as Node does.
 *
 * @param {number} errno The operating system's error number
 * @param {string} syscall What was being done, `read` or `write`
 * @returns {Error} With `errno`, `code` and `syscall`
 */
function transportError(errno, syscall) {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${syscall} ${code}`), { errno: -errno, code, syscall })
}

/**
 * Makes the error for a message that was not sent, because too much waits already.
 *
 * @returns {Error} With `code`
 */
function droppedError() {
  const error = new Error('The message was dropped: too much is waiting to be sent')
  error.code = 'OFFLOOP_ERR_BACKPRESSURE'
  return error
}

module.exports = {
  closedEarlyError,
  droppedError,
  notOpenError,
  protocolError,
  refusedError,
  transportError
}
