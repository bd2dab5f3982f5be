'use strict'

/**
 * The end of a server that is still busy: no new connections, what is queued goes out, everybody is
 * told, and who does not go is dropped at the deadline.
 */

const dispatcher = require('./dispatcher')
const { noteCause } = require('./close-cause')
const { CLOSED, OPEN } = require('./constants')
const { closeReason } = require('./validation')

/** Going away (RFC 6455 7.4.1). */
const GOING_AWAY = 1001
const DEADLINE_MS = 10_000

/**
 * Closes all connections of a server.
 *
 * @param {object} account The server's account
 * @param {Function} stop Has the server take no new connections
 * @param {object} [options] Options
 * @param {number} [options.code=1001] The close code
 * @param {string} [options.reason=''] The reason
 * @param {number} [options.deadline=10000] Who is still there after so many milliseconds is dropped
 * @param {number} [options.jitter=0] The connections are closed one by one, at random, within so
 *   many milliseconds: their clients do not come back all at once
 * @returns {Promise<{closed: number, lost: number, terminated: number}>} How many have closed as
 *   they should, have ended otherwise, were dropped at the deadline
 * @throws {TypeError | RangeError} If a close frame cannot carry code and reason
 */
async function closeAll(account, stop, options = {}) {
  const { code = GOING_AWAY, reason = '', deadline = DEADLINE_MS, jitter = 0 } = options
  closeReason(code, reason)
  stop()
  const clients = []
  for (const { ws, account: theirs } of dispatcher.openDrivers()) {
    if (theirs === account && ws._readyState !== CLOSED) clients.push(ws)
  }

  const counts = { closed: 0, lost: 0, terminated: 0 }
  const timers = []
  const ends = clients.map((ws) => new Promise((resolve) => ws.once('close', () => resolve(ws))))
  for (const ws of clients) {
    if (jitter > 0) timers.push(setTimeout(closeOne, Math.random() * jitter, ws, code, reason))
    else closeOne(ws, code, reason)
  }
  const dropped = new Set()
  timers.push(setTimeout(() => {
    for (const ws of clients) if (ws._readyState !== CLOSED) dropOne(ws, dropped)
  }, deadline))
  for (const ws of await Promise.all(ends)) {
    const isClean = ws._closeFrameSent && ws._closeFrameReceived
    counts[dropped.has(ws) ? 'terminated' : isClean ? 'closed' : 'lost']++
  }
  timers.forEach(clearTimeout)
  return counts
}

/**
 * Starts the closing handshake of one connection.
 *
 * @param {object} ws The WebSocket
 * @param {number} code The close code
 * @param {string} reason The reason
 */
function closeOne(ws, code, reason) {
  if (ws._readyState !== OPEN) return
  noteCause(ws, 'shutdown')
  ws.close(code, reason)
}

/**
 * Drops a connection that is still there.
 *
 * @param {object} ws The WebSocket
 * @param {Set<object>} dropped Where it is noted
 */
function dropOne(ws, dropped) {
  noteCause(ws, 'shutdown')
  dropped.add(ws)
  ws.terminate()
}

module.exports = { closeAll }
