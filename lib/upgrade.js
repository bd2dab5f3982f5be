'use strict'

/**
 * From an 'upgrade' event to an open WebSocket: the request is judged, then refused as ws
 * refuses it, or answered with 101 and its socket given to a WebSocket. `handleUpgrade()` of
 * the package is here; `WebSocketServer` goes the same way.
 */

const { createHash } = require('node:crypto')
const http = require('node:http')

const native = require('./native')
const subprotocol = require('./subprotocol')
const WebSocket = require('./websocket')
const { judgeOrigin } = require('./admission')
const { failOpening } = require('./closing')
const { CLOSED, CONNECTING, NO_EXTENSIONS, kWebSocket } = require('./constants')
const { refusedError } = require('./errors')
const { guardOptions } = require('./guard-options')
const { PERMESSAGE_DEFLATE, deflateOptions, upgradeOptions } = require('./options')
const { nextTick } = require('./ticks')

/** The text of the core's refusal that ws gives last of all, behind shouldHandle(). */
const INVALID_PROTOCOLS = 'Invalid Sec-WebSocket-Protocol header'

/** RFC 6455 1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** What goes with a refusal of the version (RFC 6455 4.4). */
const VERSION_HEADERS = Object.freeze({ 'Sec-WebSocket-Version': '13, 8' })

/**
 * Why a request is refused.
 *
 * @typedef {object} Refusal
 * @property {number} status The HTTP status
 * @property {string} [message] The body; if not given, the name of the status
 * @property {object} [headers] More headers of the answer
 * @property {boolean} [isClientError] Whether the request broke the rules of the handshake
 */

/**
 * Upgrades one connection, without a server object.
 *
 * @param {http.IncomingMessage} req The request
 * @param {import('node:stream').Duplex} socket Its socket
 * @param {Buffer} head What was read behind the request
 * @param {object | Function} [options] Options, or the callback
 * @param {Function} [callback] Called with the WebSocket and the request once it is open
 * @returns {WebSocket} The connection: OPEN, or CONNECTING while an asynchronous verifyClient
 *   decides, or CLOSED if the request was refused
 */
function handleUpgrade(req, socket, head, options, callback) {
  if (typeof options === 'function') {
    callback = options
    options = undefined
  }
  const resolved = upgradeOptions(options, WebSocket)
  const shouldHandle = (request) => matchesPath(resolved.path, request.url)
  const ws = new resolved.WebSocket(null, undefined, resolved)
  ws._handshake = { abort: () => socket.destroy() }

  judgeRequest({ options: resolved, shouldHandle }, req, socket, (refusal, accepted) => {
    // Else the user has closed it while verifyClient was deciding, and the socket is gone.
    if (ws._readyState !== CONNECTING) return
    if (refusal !== null) {
      abortHandshake(socket, refusal)
      giveUp(ws, refusedError(refusal.status, bodyOf(refusal)))
    } else if (!isUsable(socket)) {
      giveUp(ws, new Error('The connection was lost before the opening handshake'))
    } else {
      openUpgraded(ws, resolved, accepted, { req, socket, head, openLater: true })
      if (callback) callback(ws, req)
    }
  })
  return ws
}

/**
 * Closes a WebSocket that has never been open. Its events come a tick later, so that there is
 * time to listen.
 *
 * @param {WebSocket} ws The WebSocket
 * @param {Error} error Why
 */
function giveUp(ws, error) {
  ws._readyState = CLOSED
  nextTick(failOpening, ws, error)
}

/**
 * Decides about a request, in the order in which ws does: the headers, shouldHandle(), the
 * sub-protocols, verifyClient().
 *
 * @param {object} policy Has `options`, and `shouldHandle(req)`
 * @param {http.IncomingMessage} req The request
 * @param {import('node:stream').Duplex} socket Its socket
 * @param {Function} decide Called once, at once unless verifyClient is asynchronous, with a
 *   Refusal, or with null and `{ key, extensions, protocols }`
 */
function judgeRequest(policy, req, socket, decide) {
  // Until a driver has it: an 'error' that nobody listens to would end the process.
  socket.on('error', socketOnError)

  const verdict = judgeHeaders(req)
  const isGood = typeof verdict === 'string'
  const hasBadHeaders = !isGood && verdict.message !== INVALID_PROTOCOLS
  if (!hasBadHeaders && !policy.shouldHandle(req)) {
    decide({ status: 400 })
  } else if (!isGood) {
    const headers = verdict.versionHeader ? VERSION_HEADERS : undefined
    decide({ status: verdict.status, message: verdict.message, headers, isClientError: true })
  } else {
    const deflate = negotiateDeflate(policy.options, req.headers)
    if (deflate?.refusal) {
      decide({ status: 400, message: deflate.refusal, isClientError: true })
      return
    }
    const offered = textOf(req.headers['sec-websocket-protocol'])
    lastKey = textOf(req.headers['sec-websocket-key'])
    lastAccept = verdict
    const accepted = {
      key: lastKey,
      extensions: deflate === null ? NO_EXTENSIONS : { [PERMESSAGE_DEFLATE]: deflate },
      protocols: offered === undefined ? new Set() : subprotocol.parse(offered)
    }
    verify(policy.options, req, (refusal) => decide(refusal, accepted))
  }
}

/**
 * Asks the core about the headers.
 *
 * @param {http.IncomingMessage} req The request, or an object with its method and headers
 * @returns {string | object} Sec-WebSocket-Accept, or `{ status, message, versionHeader }`
 */
function judgeHeaders({ method, headers }) {
  return native.judgeUpgrade(
    method,
    textOf(headers.upgrade),
    textOf(headers.connection),
    textOf(headers['sec-websocket-key']),
    textOf(headers['sec-websocket-version']),
    textOf(headers['sec-websocket-protocol'])
  )
}

/**
 * Makes a string of a header's value: requests made by a test kit may hold numbers.
 *
 * @param {*} value The value
 * @returns {string | undefined} The string, or undefined if there is no such header
 */
function textOf(value) {
  return value === undefined || value === null ? undefined : String(value)
}

/**
 * Chooses among the client's offers of permessage-deflate.
 *
 * @param {object} options Options
 * @param {object} headers The request's headers
 * @returns {object | null} `{ refusal }`, or what was agreed on; null if that is nothing
 */
function negotiateDeflate({ perMessageDeflate }, headers) {
  const offers = headers['sec-websocket-extensions']
  if (!perMessageDeflate || offers === undefined) return null
  const wanted = deflateOptions(perMessageDeflate)
  const negotiated = native.negotiateDeflate(String(offers), wanted)
  if (!negotiated.refusal && !negotiated.header) return null
  return { ...negotiated, threshold: wanted.threshold }
}

/**
 * Judges the origin, and asks the user's `verifyClient`, if there is one. It is asynchronous if it
 * has two parameters.
 *
 * @param {object} options Options
 * @param {http.IncomingMessage} req The request
 * @param {Function} decide Called with a Refusal or null
 */
function verify(options, req, decide) {
  const { headers, socket } = req
  const isHybi8 = Number(headers['sec-websocket-version']) === 8
  const origin = headers[isHybi8 ? 'sec-websocket-origin' : 'origin']
  const refusal = judgeOrigin(options, req, origin)
  if (refusal !== null || !options.verifyClient) {
    decide(refusal)
    return
  }

  const info = { origin, secure: Boolean(socket && (socket.authorized || socket.encrypted)), req }
  if (options.verifyClient.length === 2) {
    options.verifyClient(info, (verified, status, message, moreHeaders) => {
      decide(verified ? null : { status: status || 401, message, headers: moreHeaders })
    })
  } else {
    decide(options.verifyClient(info) ? null : { status: 401 })
  }
}

/**
 * Says whether a socket can be upgraded; if its connection has ended, it is destroyed.
 *
 * @param {import('node:stream').Duplex} socket The socket
 * @returns {boolean} Whether it can
 * @throws {Error} If it has been upgraded already
 */
function isUsable(socket) {
  // Asked first: what is left of a socket whose descriptor was taken need not be readable.
  if (socket[kWebSocket] !== undefined && socket[kWebSocket].readyState !== CLOSED) {
    throw new Error(
      'server.handleUpgrade() was called more than once with the same socket, possibly due ' +
        'to a misconfiguration'
    )
  }
  if (socket.readable && socket.writable) return true
  socket.destroy()
  return false
}

/**
 * Answers a request with 101 and gives its socket to the WebSocket.
 *
 * @param {WebSocket} ws The WebSocket, CONNECTING
 * @param {object} options Options
 * @param {object} accepted What the answer says
 * @param {string} accepted.key The value of Sec-WebSocket-Key
 * @param {object} accepted.extensions The extensions in use, by name
 * @param {Set<string>} accepted.protocols The sub-protocols the client offers
 * @param {object} upgrade What is upgraded
 * @param {http.IncomingMessage} upgrade.req The request
 * @param {import('node:stream').Duplex} upgrade.socket Its socket
 * @param {Buffer} upgrade.head What was read behind the request
 * @param {boolean} upgrade.openLater Whether 'open' is emitted a tick later
 * @param {object} [upgrade.account] The account of the server
 * @param {string} [upgrade.address] Whose connection it is, if that is counted
 * @param {Function} [onHeaders] May change the lines of the answer's head
 * @throws {TypeError} If a line of the head would break out of it
 */
function openUpgraded(ws, options, accepted, upgrade, onHeaders) {
  const { key, extensions, protocols } = accepted
  const { req, socket, head, openLater, account, address } = upgrade
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(key)}`
  ]

  if (protocols.size > 0) {
    const protocol = options.handleProtocols
      ? options.handleProtocols(protocols, req)
      : protocols.values().next().value
    if (protocol) {
      lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
      ws._protocol = protocol
    }
  }
  if (extensions !== NO_EXTENSIONS) ws._extensions = extensions
  const deflate = extensions[PERMESSAGE_DEFLATE]
  if (deflate) lines.push(`Sec-WebSocket-Extensions: ${deflate.header}`)
  if (onHeaders) onHeaders(lines)
  lines.forEach(checkLine)

  const response = `${lines.join('\r\n')}\r\n\r\n`
  // Not among the options, since a class of the user's may pass others to `super.setSocket()`.
  ws._handshake = { abort: () => socket.destroy(), response, openLater, account, address }
  ws.setSocket(socket, head, {
    allowSynchronousEvents: options.allowSynchronousEvents,
    driver: options.driver,
    maxFragments: options.maxFragments,
    maxPayload: options.maxPayload,
    skipUTF8Validation: options.skipUTF8Validation,
    ...guardOptions(options)
  })
  socket.removeListener('error', socketOnError)
}

/**
 * Answers a key (RFC 6455 4.2.2). The core has done so when it judged the request, which is nearly
 * always the one before; others come from an asynchronous verifyClient, or from a user who calls
 * `completeUpgrade()`.
 *
 * @param {string} key The value of Sec-WebSocket-Key
 * @returns {string} The value of Sec-WebSocket-Accept
 */
function acceptOf(key) {
  if (key === lastKey) return lastAccept
  return createHash('sha1').update(key + ACCEPT_GUID).digest('base64')
}

/** The key of the request that was judged last, and its answer. */
let lastKey
let lastAccept

/**
 * Checks that a line of a head is one line.
 *
 * @param {string} line The line
 * @throws {TypeError} If it is not
 */
function checkLine(line) {
  if (/[\r\n]/.test(line)) {
    throw new TypeError(`Invalid character in a header of the handshake: ${JSON.stringify(line)}`)
  }
}

/**
 * Says whether a request is for this path.
 *
 * @param {string | null} path The path, or null for any
 * @param {string} url The request's path and query
 * @returns {boolean} Whether it is
 */
function matchesPath(path, url) {
  if (!path) return true
  const query = url.indexOf('?')
  return (query === -1 ? url : url.slice(0, query)) === path
}

/**
 * Refuses a request: an HTTP answer, and the connection ends.
 *
 * @param {import('node:stream').Duplex} socket The socket
 * @param {Refusal} refusal Why
 * @throws {TypeError} If a header that the user gave would break out of the head
 */
function abortHandshake(socket, refusal) {
  const body = bodyOf(refusal)
  const headers = {
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(body),
    ...refusal.headers
  }
  const lines = [
    `HTTP/1.1 ${refusal.status} ${http.STATUS_CODES[refusal.status]}`,
    ...Object.keys(headers).map((name) => `${name}: ${headers[name]}`)
  ]
  lines.forEach(checkLine)

  // A client that keeps its side open must not keep the connection.
  socket.once('finish', socket.destroy)
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

/**
 * Gives the body of a refusal.
 *
 * @param {Refusal} refusal The refusal
 * @returns {string} The body
 */
function bodyOf(refusal) {
  return refusal.message || http.STATUS_CODES[refusal.status]
}

/**
 * Hears errors of a socket that is not a WebSocket's yet.
 */
function socketOnError() {
  this.destroy()
}

module.exports = {
  abortHandshake,
  handleUpgrade,
  isUsable,
  judgeRequest,
  matchesPath,
  openUpgraded
}
