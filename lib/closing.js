'use strict'

/**
 * How a WebSocket ends.
 *
 *              close()                          peer's close frame
 *   OPEN ────────┬───────────────────────────────────┐
 *                v                                   v
 *       close frame goes out <───────────── the same code goes back
 *                │                                   │
 *             CLOSING ── both frames, or ours after a failure ──> FIN
 *                │                                                 │
 *                └── closeTimeout, terminate(), lost connection ───┴──> CLOSED, 'close'
 *
 * A protocol error sends a close frame too, and then emits 'error'; since no close frame of
 * the peer came, 'close' tells 1006.
 */

const sendQueue = require('./send-queue')
const { noteCause } = require('./close-cause')
const { CLOSED, CLOSING, OPEN } = require('./constants')
const { errorChannel } = require('./diagnostics')
const { closedEarlyError } = require('./errors')
const { nextTick } = require('./ticks')
const { closeReason } = require('./validation')

/**
 * Sends a close frame and waits for the peer's, for `closeTimeout` at most.
 *
 * @param {object} ws The WebSocket, OPEN
 * @param {number | undefined} code The close code
 * @param {string | Uint8Array | undefined} reason The reason
 * @param {number} [flags] Flags of the command
 * @throws {TypeError | RangeError} If a close frame cannot carry them
 */
function startClosing(ws, code, reason, flags = 0) {
  const bytes = closeReason(code, reason)
  const wireCode = code === undefined ? 0 : code
  noteCause(ws, 'local')

  // The peer has nothing more to say: our FIN follows our close frame at once.
  const isHeld = ws._blobSends !== null || ws._driver.pressure?.isHolding
  const isLast = !isHeld && (ws._closeFrameReceived || ws._receiveFailed)

  /** @param {Error} [error] Given if the connection was lost before the frame was on its way */
  const onSent = (error) => {
    if (error) return
    ws._closeFrameSent = true
    endIfDone(ws)
  }

  const callback = isLast ? undefined : onSent
  if (ws._blobSends === null) sendQueue.close(ws, wireCode, bytes, flags, callback)
  else ws._blobSends.addClose(wireCode, bytes, onSent)
  ws._readyState = CLOSING
  ws._driver.startCloseTimer()
  if (isLast) onSent()
}

/**
 * Ends the transport if there is nothing left to wait for.
 *
 * @param {object} ws The WebSocket, CLOSING
 */
function endIfDone(ws) {
  if (ws._closeFrameSent && (ws._closeFrameReceived || ws._receiveFailed)) endTransport(ws)
}

/**
 * Sends what is queued and then a FIN, once.
 *
 * @param {object} ws The WebSocket
 */
function endTransport(ws) {
  if (ws._ended) return
  ws._ended = true
  ws._driver.end()
}

/**
 * Emits 'error', once in the life of a WebSocket.
 *
 * @param {object} ws The WebSocket
 * @param {Error} error The error
 */
function emitErrorOnce(ws, error) {
  if (ws._errorEmitted) return
  ws._errorEmitted = true
  if (errorChannel.hasSubscribers && ws._isServer) errorChannel.publish({ client: ws, error })
  ws.emit('error', error)
}

/**
 * Ends a connection whose next message cannot be made. What is under way from the peer may
 * still arrive.
 *
 * @param {object} ws The WebSocket
 * @param {Error} error What went wrong
 */
function sendFailed(ws, error) {
  if (ws._readyState === CLOSED) return
  noteCause(ws, 'local')
  if (ws._readyState === OPEN) {
    ws._readyState = CLOSING
    ws._driver.startCloseTimer()
  }
  endTransport(ws)
  emitErrorOnce(ws, error)
}

/**
 * Gives up an opening handshake, because the user asked for it.
 *
 * @param {object} ws The WebSocket, CONNECTING
 */
function abortOpening(ws) {
  const handshake = ws._handshake
  ws._readyState = CLOSING
  if (handshake !== null) handshake.abort()
  nextTick(failOpening, ws, closedEarlyError())
}

/**
 * Tells that the opening handshake has failed. On a server 'error' is for those who listen: an
 * unheard one would end the process, and any stranger can send a bad request.
 *
 * @param {object} ws The WebSocket
 * @param {Error} error Why
 */
function failOpening(ws, error) {
  ws._handshake = null
  ws._errorEmitted = true
  noteCause(ws, 'handshake', error.code)
  if (!ws._isServer || ws.listenerCount('error') > 0) ws.emit('error', error)
  ws.emitClose()
}

module.exports = {
  abortOpening,
  emitErrorOnce,
  endIfDone,
  endTransport,
  failOpening,
  sendFailed,
  startClosing
}
