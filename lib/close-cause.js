'use strict'

/**
 * Why a connection has ended: `client.closeCause`. The close code of `ws` cannot tell a peer that
 * was lost from one that was dropped: both are 1006.
 *
 * The first cause counts. Only the user's `close()` gives way to what kept it from being done,
 * such as the close timer, for as long as the peer has not answered.
 */

const { getSystemErrorName } = require('node:util')

/** What is found out by a driver, by its number; `src/shard/cause.rs` has the same table. */
const REASONS = Object.freeze({ 1: 'closeTimeout', 3: 'heartbeat', 4: 'internal' })

/** Limits that a peer has passed, by number; `src/shard/cause.rs` has the same table. */
const LIMITS = Object.freeze({
  16: 'messageTimeout',
  17: 'idleTimeout',
  18: 'rateLimit.messages',
  19: 'rateLimit.bytes'
})

const RESETS = Object.freeze(['ECONNRESET', 'EPIPE'])

/** Causes without a detail, one object for all connections. */
const plain = new Map()

/**
 * Notes why a connection ends.
 *
 * @param {object} ws The WebSocket
 * @param {string} type One of `CloseCauseType` in index.d.ts
 * @param {string} [detail] What belongs to it
 */
function noteCause(ws, type, detail) {
  const known = ws._closeCause
  const givesWay = known?.type === 'local' && !ws._closeFrameReceived && type !== 'peer'
  if (known !== null && !givesWay) return
  ws._closeCause = detail === undefined ? plainCause(type) : Object.freeze({ type, detail })
}

/**
 * Notes that the transport has failed.
 *
 * @param {object} ws The WebSocket
 * @param {string | undefined} code The name of the operating system's error
 */
function noteFailure(ws, code) {
  noteCause(ws, RESETS.includes(code) ? 'reset' : 'transport', code)
}

/**
 * Notes what a driver says about the end of a connection.
 *
 * @param {object} ws The WebSocket
 * @param {number} errno The operating system's error number, 0 if there was no error
 * @param {number} reason What the driver has found out, see REASONS
 */
function noteEnding(ws, errno, reason) {
  if (errno !== 0) noteFailure(ws, getSystemErrorName(-errno))
  else if (reason !== 0) noteCause(ws, REASONS[reason] ?? 'transport')
  else noteCause(ws, 'local')
}

/**
 * Notes that a peer has passed a limit.
 *
 * @param {object} ws The WebSocket
 * @param {number} limit See LIMITS; or a reason without a close frame, see REASONS
 */
function noteLimit(ws, limit) {
  if (limit in LIMITS) noteCause(ws, 'limit', LIMITS[limit])
  else noteCause(ws, REASONS[limit])
}

/**
 * Gives the object for a cause without a detail.
 *
 * @param {string} type The cause
 * @returns {{type: string}} Always the same for the same cause
 */
function plainCause(type) {
  let cause = plain.get(type)
  if (cause === undefined) plain.set(type, (cause = Object.freeze({ type })))
  return cause
}

module.exports = { noteCause, noteEnding, noteFailure, noteLimit }
