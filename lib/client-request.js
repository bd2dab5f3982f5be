'use strict'

/**
 * What a client asks for: from a URL, names of sub-protocols and options to the options of Node's
 * `http.request()` (RFC 6455 4.1). What the URL and the opening handshake decide, the user's
 * options cannot; everything else of theirs reaches Node as it is.
 */

const { randomBytes } = require('node:crypto')
const net = require('node:net')
const { unescape } = require('node:querystring')
const tls = require('node:tls')
const { URL } = require('node:url')

const native = require('./native')
const { deflateOfferOptions } = require('./options')
const { skipToken } = require('./tokens')

const IPC_SCHEME = 'ws+unix:'
const SECURE_SCHEME = 'wss:'

/** The scheme of each that may be written instead. */
const SYNONYMS = new Map([['http:', 'ws:'], ['https:', SECURE_SCHEME]])

/** Versions of the protocol; they differ in the name of the Origin header only. */
const PROTOCOL_VERSIONS = Object.freeze([8, 13])

/**
 * What one request asks for, and what its response is judged by.
 *
 * @typedef {object} Asked
 * @property {string} key The value of Sec-WebSocket-Key
 * @property {string[]} protocols The sub-protocols, in the order of preference
 * @property {object | undefined} deflate What the offer of permessage-deflate was made of
 */

/**
 * Reads the address of a server.
 *
 * @param {string | URL} address The address
 * @returns {URL} With the scheme `ws:`, `wss:`, `ws+unix:` or one that `checkUrl` refuses
 * @throws {SyntaxError} If it is not a URL
 */
function parseAddress(address) {
  let url = address
  if (!(address instanceof URL)) {
    try {
      url = new URL(address)
    } catch {
      throw new SyntaxError(`Invalid URL: ${address}`)
    }
  }
  const scheme = SYNONYMS.get(url.protocol)
  if (scheme === undefined) return url
  // The user's own object stays as it is.
  url = new URL(url)
  url.protocol = scheme
  return url
}

/**
 * Checks that a URL can be connected to.
 *
 * @param {URL} url The URL
 * @returns {SyntaxError | null} What is wrong with it
 */
function checkUrl(url) {
  const isKnown = ['ws:', SECURE_SCHEME, IPC_SCHEME].includes(url.protocol)
  if (!isKnown) {
    return new SyntaxError(
      'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"'
    )
  }
  if (isIpc(url) && !url.pathname) return new SyntaxError("The URL's pathname is empty")
  // RFC 6455 3: fragment identifiers MUST NOT be used.
  if (url.hash) return new SyntaxError('The URL contains a fragment identifier')
  return null
}

/**
 * Checks the version of the protocol that is asked for.
 *
 * @param {*} version The option `protocolVersion`
 * @throws {RangeError} If there is no such version
 */
function checkVersion(version) {
  if (PROTOCOL_VERSIONS.includes(version)) return
  throw new RangeError(
    `Unsupported protocol version: ${version} ` +
      `(supported versions: ${PROTOCOL_VERSIONS.join(', ')})`
  )
}

/**
 * Completes the options of a request by what the URL and the opening handshake demand.
 *
 * @param {object} options What `clientOptions()` returned; changed in place
 * @param {URL} url A URL that `checkUrl` has nothing against
 * @param {string[]} protocols The sub-protocols
 * @returns {Asked} What is asked for
 * @throws {SyntaxError} If a sub-protocol is no token, or stands there twice
 */
function prepareRequest(options, url, protocols) {
  const defaultPort = isSecure(url) ? 443 : 80
  options.createConnection ||= isSecure(url) ? connectTls : connectPlain
  options.defaultPort ||= defaultPort
  options.port = url.port || defaultPort
  options.host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  options.path = url.pathname + url.search
  options.timeout = options.handshakeTimeout

  const key = randomBytes(16).toString('base64')
  const headers = {
    ...options.headers,
    'Sec-WebSocket-Version': options.protocolVersion,
    'Sec-WebSocket-Key': key,
    Connection: 'Upgrade',
    Upgrade: 'websocket'
  }
  options.headers = headers
  let deflate
  if (options.perMessageDeflate) {
    deflate = deflateOfferOptions(options.perMessageDeflate)
    headers['Sec-WebSocket-Extensions'] = native.offerDeflate(deflate)
  }
  if (protocols.length > 0) {
    checkProtocols(protocols)
    headers['Sec-WebSocket-Protocol'] = protocols.join(',')
  }
  if (options.origin) {
    const name = options.protocolVersion < 13 ? 'Sec-WebSocket-Origin' : 'Origin'
    headers[name] = options.origin
  }
  if (url.username || url.password) {
    options.auth = `${unescape(url.username)}:${unescape(url.password)}`
  }
  if (isIpc(url)) splitIpcPath(options)
  return { key, protocols, deflate }
}

/**
 * Checks the names of sub-protocols (RFC 6455 4.1: tokens, each MUST be unique).
 *
 * @param {Array} protocols The names
 * @throws {SyntaxError} If they are not
 */
function checkProtocols(protocols) {
  const names = new Set()
  for (const name of protocols) {
    const isToken = typeof name === 'string' && name !== '' && skipToken(name, 0) === name.length
    if (!isToken || names.has(name)) {
      throw new SyntaxError('An invalid or duplicated subprotocol was specified')
    }
    names.add(name)
  }
}

/**
 * Splits the path of a `ws+unix:` URL into that of the socket and, behind a colon, that of the
 * request.
 *
 * @param {object} options Options with the whole in `path`; changed in place
 */
function splitIpcPath(options) {
  const whole = options.path
  const colon = whole.indexOf(':')
  options.socketPath = colon === -1 ? whole : whole.slice(0, colon)
  options.path = colon === -1 ? '' : whole.slice(colon + 1)
}

/**
 * Says whether a URL is that of a Unix socket or a named pipe.
 *
 * @param {URL} url The URL
 * @returns {boolean} Whether it is
 */
function isIpc(url) {
  return url.protocol === IPC_SCHEME
}

/**
 * Says whether a URL asks for TLS.
 *
 * @param {URL} url The URL
 * @returns {boolean} Whether it does
 */
function isSecure(url) {
  return url.protocol === SECURE_SCHEME
}

/**
 * Connects without TLS. With a `createConnection` Node uses no agent, unless one is given.
 *
 * @param {object} options What Node gives to `createConnection`
 * @returns {net.Socket} The socket
 */
function connectPlain(options) {
  // To `net.connect()` the path is the socket's, not that of the request.
  options.path = options.socketPath
  return net.connect(options)
}

/**
 * Connects with TLS.
 *
 * @param {object} options What Node gives to `createConnection`
 * @returns {tls.TLSSocket} The socket
 */
function connectTls(options) {
  options.path = undefined
  if (!options.servername && options.servername !== '') {
    // RFC 6066 3: no addresses are permitted in the server's name.
    options.servername = net.isIP(options.host) ? '' : options.host
  }
  return tls.connect(options)
}

module.exports = { checkUrl, checkVersion, isIpc, isSecure, parseAddress, prepareRequest }
