'use strict'

/**
 * What comes up from a connection: the dispatcher calls these listeners, in the order of the
 * wire, and they make the events of the WebSocket.
 *
 * A paused WebSocket holds back what was under way already; after `terminate()` everything is
 * dropped but the end. Either is one test of `_held` on the way of a message.
 */

const { noteCause, noteEnding, noteLimit } = require('./close-cause')
const { CLOSING, EMPTY_BUFFER, OPEN } = require('./constants')
const { emitErrorOnce, endTransport } = require('./closing')
const { emitText } = require('./event-target')
const { DROP, hold } = require('./held-events')

/** The code of a close frame without a body (RFC 6455 7.1.5). */
const NO_STATUS_RECEIVED = 1005

/** For an error that the peer is not worth telling of: it does not read (RFC 6455 7.1.5). */
const ABNORMAL_CLOSURE = 1006

/** What the dispatcher calls. */
const listeners = {
  /**
   * A message has arrived.
   *
   * @param {object} ws The WebSocket
   * @param {Buffer} data The bytes
   * @param {boolean} isBinary Whether they are not text
   * @param {boolean} isAscii Whether they are text below 0x80
   */
  message(ws, data, isBinary, isAscii) {
    if (ws._held === null) deliverMessage(ws, data, isBinary, isAscii)
    else hold(ws, deliverMessage, data, isBinary, isAscii)
  },

  /**
   * A ping has arrived. The core has answered it.
   *
   * @param {object} ws The WebSocket
   * @param {Buffer} data Its payload
   */
  ping(ws, data) {
    if (ws._held === null) deliverPing(ws, data)
    else hold(ws, deliverPing, data)
  },

  /**
   * A pong has arrived.
   *
   * @param {object} ws The WebSocket
   * @param {Buffer} data Its payload
   */
  pong(ws, data) {
    if (ws._held === null) deliverPong(ws, data)
    else hold(ws, deliverPong, data)
  },

  /**
   * The peer's close frame has arrived; it waits for an answer.
   *
   * @param {object} ws The WebSocket
   * @param {number} code The close code, 1005 if there was none
   * @param {Buffer} reason The reason
   */
  closeFrame(ws, code, reason) {
    if (ws._held === null) deliverCloseFrame(ws, code, reason)
    else hold(ws, deliverCloseFrame, code, reason)
  },

  /**
   * The peer broke the protocol.
   *
   * @param {object} ws The WebSocket
   * @param {Error} error What is wrong; `closeCode` goes to the peer
   */
  failed(ws, error) {
    if (ws._held === null) deliverFailed(ws, error)
    else hold(ws, deliverFailed, error)
  },

  /**
   * The peer has ended its side.
   *
   * @param {object} ws The WebSocket
   */
  peerEnded(ws) {
    if (ws._held === null) deliverPeerEnded(ws)
    else hold(ws, deliverPeerEnded)
  },

  /**
   * The peer has passed a limit, and is being told so.
   *
   * @param {object} ws The WebSocket
   * @param {number} limit Which, see close-cause.js
   * @param {number} code The close code, 0 if the connection is to be dropped without one
   */
  limited(ws, limit, code) {
    noteLimit(ws, limit)
    ws._readyState = CLOSING
    ws._ended = true
    ws._driver.limited(code)
  },

  /**
   * The transport is gone.
   *
   * @param {object} ws The WebSocket
   * @param {number} errno The operating system's error number, 0 if there was no error
   * @param {number} reason What the driver knows of it, see close-cause.js
   */
  closed(ws, errno, reason) {
    noteEnding(ws, errno, reason)
    ws._driver.leave()
    ws._readyState = CLOSING
    ws._ended = true
    if (ws._held === null || ws._held === DROP) deliverClosed(ws)
    else ws._held.addEnd(deliverClosed)
  },

  /**
   * Enough of what was queued has been written.
   *
   * @param {object} ws The WebSocket
   */
  drained(ws) {
    ws.emit('drain')
  }
}

/**
 * Emits 'message'.
 *
 * @param {object} ws The WebSocket
 * @param {Buffer} data The bytes
 * @param {boolean} isBinary Whether they are not text
 * @param {boolean} isAscii Whether they are text below 0x80
 */
function deliverMessage(ws, data, isBinary, isAscii) {
  if (!isBinary) emitText(ws, data, isAscii)
  else if (ws._binaryType === 'nodebuffer') ws.emit('message', data, true)
  else ws.emit('message', convert(data, ws._binaryType), true)
}

/**
 * Makes of binary data what `binaryType` asks for.
 *
 * @param {Buffer} data The bytes
 * @param {string} binaryType `arraybuffer`, `fragments` or `blob`
 * @returns {ArrayBuffer | Buffer[] | Blob} The data
 */
function convert(data, binaryType) {
  if (binaryType === 'blob') return new Blob([data])
  if (binaryType === 'fragments') return data.length === 0 ? [] : [data]
  // A Buffer may be a slice of memory that it shares with other messages.
  if (data.length === data.buffer.byteLength) return data.buffer
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.length)
}

/**
 * Emits 'ping'.
 *
 * @param {object} ws The WebSocket
 * @param {Buffer} data The payload
 */
function deliverPing(ws, data) {
  const isOurs = ws._autoPong && ws._driver.generateMask // else the core has answered
  if (isOurs && ws._readyState === OPEN) answerPing(ws, data)
  ws.emit('ping', data)
}

/**
 * Answers a ping, within the limit on answers that are not written yet.
 *
 * @param {object} ws The WebSocket
 * @param {Buffer} data The payload
 */
function answerPing(ws, data) {
  if (ws._maxPendingAutoPongs > 0 && ws._pendingAutoPongs >= ws._maxPendingAutoPongs) {
    noteCause(ws, 'pressure', 'maxPendingAutoPongs')
    ws.terminate()
    return
  }
  ws._pendingAutoPongs++
  ws.pong(data, true, () => ws._pendingAutoPongs--)
}

/**
 * Emits 'pong'.
 *
 * @param {object} ws The WebSocket
 * @param {Buffer} data The payload
 */
function deliverPong(ws, data) {
  ws.emit('pong', data)
}

/**
 * Answers the peer's close frame, or ends the connection if it was the answer to ours.
 *
 * @param {object} ws The WebSocket
 * @param {number} code The close code
 * @param {Buffer} reason The reason
 */
function deliverCloseFrame(ws, code, reason) {
  noteCause(ws, 'peer')
  ws._closeFrameReceived = true
  ws._closeCode = code
  ws._closeMessage = keep(reason)
  // RFC 6455 5.5.1: the answer carries the code that came.
  if (code === NO_STATUS_RECEIVED) ws.close()
  else ws.close(code, ws._closeMessage)
}

/**
 * Copies bytes into memory of their own: a slice would keep a whole read buffer alive for as
 * long as the user keeps the WebSocket.
 *
 * @param {Buffer} bytes The bytes
 * @returns {Buffer} The copy
 */
function keep(bytes) {
  if (bytes.length === 0) return EMPTY_BUFFER
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

/**
 * Tells the peer by a close frame what it did wrong, and the user by 'error'.
 *
 * @param {object} ws The WebSocket
 * @param {Error} error What is wrong
 */
function deliverFailed(ws, error) {
  if (error.closeCode === ABNORMAL_CLOSURE) {
    noteCause(ws, 'pressure', 'maxPendingAutoPongs')
    ws.terminate()
    return
  }
  noteCause(ws, 'protocol', error.code)
  ws._receiveFailed = true
  ws.close(error.closeCode)
  emitErrorOnce(ws, error)
}

/**
 * Ends our side too.
 *
 * @param {object} ws The WebSocket
 */
function deliverPeerEnded(ws) {
  noteCause(ws, 'fin')
  ws._readyState = CLOSING
  ws._driver.peerEnded()
  endTransport(ws)
}

/**
 * Emits 'close'.
 *
 * @param {object} ws The WebSocket
 */
function deliverClosed(ws) {
  ws.emitClose()
}

module.exports = { convert, listeners }
