'use strict'

/**
 * The client's opening handshake (RFC 6455 4.1). The request is Node's own.
 *
 *   connect() ─> request ─┬─ 101, judged by the core ────> setSocket(), 'open'
 *                  ^      ├─ redirect ──┐
 *                  └──────┼─────────────┘
 *                         ├─ any other response ─────────> 'unexpected-response', or
 *                         └─ lost, timed out, close() ───> 'error', 'close'
 */

const http = require('node:http')
const https = require('node:https')
const { URL } = require('node:url')

const native = require('./native')
const {
  checkUrl,
  checkVersion,
  isIpc,
  isSecure,
  parseAddress,
  prepareRequest
} = require('./client-request')
const { failOpening } = require('./closing')
const { CLOSING, CONNECTING } = require('./constants')
const { guardOptions } = require('./guard-options')
const { PERMESSAGE_DEFLATE, clientOptions } = require('./options')
const { nextTick } = require('./ticks')

/**
 * Begins to connect.
 *
 * @param {object} ws The WebSocket
 * @param {string | URL} address Where to
 * @param {string | string[] | object} [protocols] Sub-protocols, or the options
 * @param {object} [options] Options: those of offloop, and whatever `http.request()` takes
 * @returns {object} The options, completed
 * @throws {SyntaxError | RangeError} If that cannot be asked of any server
 */
function connect(ws, address, protocols, options) {
  if (typeof protocols === 'object' && protocols !== null && !Array.isArray(protocols)) {
    options = protocols
    protocols = undefined
  }
  if (protocols === undefined) protocols = options?.protocols
  if (protocols === undefined) protocols = []
  else if (!Array.isArray(protocols)) protocols = [protocols]

  ws._isServer = false
  ws._redirects = 0
  return openRequest(ws, address, protocols, options)
}

/**
 * Sends one request: the first, or one that follows a redirect.
 *
 * @param {object} ws The WebSocket
 * @param {string | URL} address Where to
 * @param {string[]} protocols The sub-protocols
 * @param {object} [options] What the user passed; behind a redirect, with the headers to send
 * @returns {object | undefined} The options, completed; undefined if a redirect leads nowhere
 * @throws {SyntaxError | RangeError} If that cannot be asked of any server
 */
function openRequest(ws, address, protocols, options) {
  const resolved = clientOptions(options)
  checkVersion(resolved.protocolVersion)
  const url = parseAddress(address)
  ws._url = url.href
  const fault = checkUrl(url)
  if (fault !== null) {
    if (ws._redirects === 0) throw fault
    giveUp(ws, fault)
    return undefined
  }

  const asked = prepareRequest(resolved, url, protocols)
  if (resolved.followRedirects) options = carryCredentials(ws, url, resolved, options)
  const req = isSecure(url) ? https.request(resolved) : http.request(resolved)
  const attempt = new Attempt(ws, req, resolved, asked, (location) => {
    follow(ws, location, address, protocols, options)
  })
  // Who wants the request itself before it is answered finds it here, as in ws.
  ws._req = req
  ws._handshake = attempt
  if (ws._redirects > 0) ws.emit('redirect', ws._url, req)
  attempt.listen()
  if (resolved.finishRequest) resolved.finishRequest(req, ws)
  else req.end()
  return resolved
}

/**
 * Decides which of the user's secrets a request that may be redirected, or has been, carries. As
 * with curl, another host than the first gets none, unless a 'redirect' listener takes care.
 *
 * @param {object} ws The WebSocket; remembers the first server
 * @param {URL} url Where this request goes
 * @param {object} resolved The options of this request; changed in place
 * @param {object} [options] What the user passed, or what this returned the last time
 * @returns {object} The options of the next request
 */
function carryCredentials(ws, url, resolved, options) {
  const place = isIpc(url) ? resolved.socketPath : url.host
  if (ws._redirects === 0) {
    ws._originalIpc = isIpc(url)
    ws._originalSecure = isSecure(url)
    ws._originalHostOrSocketPath = place
    // A copy, as the user's object is to stay as it is.
    const headers = Object.entries(options.headers || {})
    options = {
      ...options,
      headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]))
    }
  } else if (ws.listenerCount('redirect') === 0) {
    const isSameHost = isIpc(url) === ws._originalIpc && place === ws._originalHostOrSocketPath
    if (!isSameHost || (ws._originalSecure && !isSecure(url))) {
      delete resolved.headers.authorization
      delete resolved.headers.cookie
      if (!isSameHost) delete resolved.headers.host
      resolved.auth = undefined
    }
  }
  // The first Authorization header is the one that is sent on.
  if (resolved.auth && !options.headers.authorization) {
    options.headers.authorization = `Basic ${Buffer.from(resolved.auth).toString('base64')}`
  }
  return options
}

/**
 * Follows a redirect.
 *
 * @param {object} ws The WebSocket
 * @param {string} location Where to, as the server wrote it
 * @param {string | URL} address Where that was
 * @param {string[]} protocols The sub-protocols
 * @param {object} options The options of the next request
 */
function follow(ws, location, address, protocols, options) {
  let target
  try {
    target = new URL(location, address)
  } catch {
    giveUp(ws, new SyntaxError(`Invalid URL: ${location}`))
    return
  }
  openRequest(ws, target, protocols, options)
}

/**
 * Tells at once that the opening handshake has failed.
 *
 * @param {object} ws The WebSocket
 * @param {Error} error Why
 */
function giveUp(ws, error) {
  ws._readyState = CLOSING
  failOpening(ws, error)
}

/** One request, until it is answered or given up. */
class Attempt {
  #ws
  #req
  #options
  #asked
  #redirect
  #isOver = false

  /**
   * @param {object} ws The WebSocket
   * @param {http.ClientRequest} req The request
   * @param {object} options The options, completed
   * @param {object} asked What the response is judged by; see `Asked` in client-request.js
   * @param {Function} redirect Called with the place that a redirect names
   */
  constructor(ws, req, options, asked, redirect) {
    this.#ws = ws
    this.#req = req
    this.#options = options
    this.#asked = asked
    this.#redirect = redirect
  }

  /** Hears what becomes of the request. */
  listen() {
    const req = this.#req
    if (this.#options.timeout) {
      req.on('timeout', () => this.#fail('Opening handshake has timed out'))
    }
    req.on('error', (error) => this.#lost(error))
    req.on('response', (res) => this.#answered(res))
    req.on('upgrade', (res, socket, head) => this.#upgraded(res, socket, head))
  }

  /** Drops the request and its connection. What it says of that is of no interest. */
  abort() {
    const req = this.#req
    this.#isOver = true
    req.abort()
    // Behind a response that has come to its end, the request alone would leave the socket open.
    if (req.socket && !req.socket.destroyed) req.socket.destroy()
  }

  /**
   * Gives the handshake up; the events come a tick later.
   *
   * @param {string} message Why
   */
  #fail(message) {
    this.#ws._readyState = CLOSING
    this.abort()
    nextTick(failOpening, this.#ws, new Error(message))
  }

  /**
   * The request could not be sent, or was not answered.
   *
   * @param {Error} error Why
   */
  #lost(error) {
    if (this.#isOver) return
    this.#isOver = true
    this.#ws._req = null
    giveUp(this.#ws, error)
  }

  /**
   * The server does not upgrade.
   *
   * @param {http.IncomingMessage} res Its response
   */
  #answered(res) {
    const { followRedirects, maxRedirects } = this.#options
    const { location } = res.headers
    const isRedirect = location && res.statusCode >= 300 && res.statusCode < 400
    if (isRedirect && followRedirects) {
      if (++this.#ws._redirects > maxRedirects) {
        this.#fail('Maximum redirects exceeded')
        return
      }
      this.#isOver = true
      this.#req.abort()
      this.#redirect(location)
    } else if (!this.#ws.emit('unexpected-response', this.#req, res)) {
      this.#fail(`Unexpected server response: ${res.statusCode}`)
    }
  }

  /**
   * The server upgrades.
   *
   * @param {http.IncomingMessage} res Its response
   * @param {import('node:stream').Duplex} socket The socket
   * @param {Buffer} head What was read behind the response
   */
  #upgraded(res, socket, head) {
    const ws = this.#ws
    ws.emit('upgrade', res)
    // A listener may have closed the WebSocket.
    if (ws._readyState !== CONNECTING) return
    this.#isOver = true
    ws._req = null
    ws._handshake = null

    const { headers } = res
    const { key, protocols, deflate } = this.#asked
    const verdict = native.judgeResponse(
      headers.upgrade,
      headers['sec-websocket-accept'],
      headers['sec-websocket-protocol'],
      headers['sec-websocket-extensions'],
      key,
      protocols,
      deflate
    )
    if (verdict.failure) {
      refuse(ws, socket, new Error(verdict.failure))
      return
    }
    if (protocols.length > 0) ws._protocol = headers['sec-websocket-protocol']
    if (verdict.deflate) {
      const agreed = { ...verdict.deflate, threshold: deflate.threshold }
      ws._extensions = { [PERMESSAGE_DEFLATE]: agreed }
    }
    const options = this.#options
    ws.setSocket(socket, head, {
      allowSynchronousEvents: options.allowSynchronousEvents,
      driver: options.driver,
      generateMask: options.generateMask,
      maxBufferedChunks: options.maxBufferedChunks,
      maxFragments: options.maxFragments,
      maxPayload: options.maxPayload,
      skipUTF8Validation: options.skipUTF8Validation,
      ...guardOptions(options)
    })
  }
}

/**
 * Fails a connection whose response breaks a rule.
 *
 * @param {object} ws The WebSocket
 * @param {import('node:stream').Duplex} socket The socket
 * @param {Error} error What is wrong
 */
function refuse(ws, socket, error) {
  ws._readyState = CLOSING
  socket.destroy(error)
  socket.once('error', (reason) => ws.emit('error', reason))
  socket.once('close', () => ws.emitClose())
}

module.exports = { connect }
