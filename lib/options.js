'use strict'

/**
 * Every default, once, under the names of ws; and the way from those names to what a driver
 * takes.
 */

const { availableParallelism } = require('node:os')

const { GUARD_DEFAULTS, MAX_MS, backpressureLimit, watchSettings } = require('./guard-options')

/** What a server's connection is limited to, and does, unless an option says otherwise. */
const CONNECTION_DEFAULTS = Object.freeze({
  ...GUARD_DEFAULTS,
  allowSynchronousEvents: true,
  autoPong: true,
  closeTimeout: 30_000, // milliseconds
  driver: undefined, // chosen by the socket
  maxBufferedChunks: 256 * 1024, // taken for the sake of ws; offloop keeps no list of chunks
  maxFragments: 16 * 1024,
  maxPayload: 100 * 1024 * 1024, // bytes
  maxPendingAutoPongs: 60,
  perMessageDeflate: false,
  skipUTF8Validation: false
})

/** What `handleUpgrade()` asks of a request. */
const UPGRADE_DEFAULTS = Object.freeze({
  ...CONNECTION_DEFAULTS,
  allowedOrigins: null,
  handleProtocols: null,
  path: null,
  verifyClient: null
})

/** What a `WebSocketServer` needs besides. */
const SERVER_DEFAULTS = Object.freeze({
  ...UPGRADE_DEFAULTS,
  backlog: null, // left to node:net, which takes 511
  clientAddress: null,
  clientTracking: true,
  host: null,
  maxConnections: 0,
  maxConnectionsPerAddress: 0,
  noServer: false,
  port: null,
  server: null
})

/** What a client asks for, and how it goes about it. */
const CLIENT_DEFAULTS = Object.freeze({
  ...CONNECTION_DEFAULTS,
  followRedirects: false,
  maxRedirects: 10,
  perMessageDeflate: true,
  protocolVersion: 13
})

/** Options of `http.request()` that the URL and the opening handshake decide, and nobody else. */
const DECIDED_BY_URL = Object.freeze({
  host: undefined,
  hostname: undefined,
  method: 'GET',
  path: undefined,
  port: undefined,
  protocol: undefined,
  protocols: undefined,
  socketPath: undefined,
  timeout: undefined
})

/** The driver of connections that do not name one; a shard only where the socket allows it. */
const DRIVER_VARIABLE = 'OFFLOOP_DRIVER'
const DRIVERS = Object.freeze(['shard', 'stream'])

/** How many threads have sockets. */
const THREADS_VARIABLE = 'OFFLOOP_THREADS'
const MAX_THREADS = 64
const MAX_DEFAULT_THREADS = 8

/** The extension's name (RFC 7692). */
const PERMESSAGE_DEFLATE = 'permessage-deflate'

/** Shorter messages are not compressed, in bytes. */
const DEFLATE_THRESHOLD = 1024

const MAX_U32 = 0xffff_ffff

/**
 * Completes the options of `handleUpgrade()`.
 *
 * @param {object | undefined} options What the user passed; keys unknown here are kept
 * @param {Function} WebSocket The class to instantiate unless an option names another
 * @returns {object} A new object
 */
function upgradeOptions(options, WebSocket) {
  return complete({ ...UPGRADE_DEFAULTS, WebSocket, ...options })
}

/**
 * Completes the options of a `WebSocketServer`.
 *
 * @param {object | undefined} options What the user passed; keys unknown here are kept
 * @param {Function} WebSocket The class to instantiate unless an option names another
 * @returns {object} A new object, which stays open to changes
 */
function serverOptions(options, WebSocket) {
  return complete({ ...SERVER_DEFAULTS, WebSocket, ...options })
}

/**
 * Completes the options of a client.
 *
 * @param {object | null | undefined} options What the user passed; keys unknown here are kept
 * @returns {object} A new object
 * @throws {TypeError} If there is no such driver
 */
function clientOptions(options) {
  const resolved = { ...CLIENT_DEFAULTS, ...options, ...DECIDED_BY_URL }
  driverName(resolved.driver)
  return complete(resolved)
}

/**
 * Rewrites the short forms of options, and checks those that would otherwise fail at a connection.
 *
 * @param {object} options The options, changed in place
 * @returns {object} The same object
 * @throws {TypeError | RangeError} If an option is none
 */
function complete(options) {
  watchSettings(options)
  backpressureLimit(options)
  if (options.perMessageDeflate === true) options.perMessageDeflate = {}
  return options
}

/**
 * Says in a driver's words how a connection is to be run.
 *
 * @param {object} ws The WebSocket: its role, what its constructor was told, its handshake
 * @param {object} options The options of `setSocket()`
 * @returns {object} Every property present; a limit of 0 means none
 */
function driverConfig(ws, options) {
  return {
    role: ws._isServer ? 'server' : 'client',
    maxPayload: payloadLimit(options.maxPayload),
    maxFragments: limit(options.maxFragments, MAX_U32),
    skipUTF8Validation: Boolean(options.skipUTF8Validation),
    // Keys of the user's own can be had in JavaScript only, so pings are answered there.
    autoPong: ws._autoPong && !options.generateMask,
    generateMask: options.generateMask,
    maxPendingAutoPongs: limit(ws._maxPendingAutoPongs, MAX_U32),
    closeTimeout: timerMs(ws._closeTimeout),
    deflate: ws._extensions[PERMESSAGE_DEFLATE],
    driver: driverName(options.driver ?? process.env[DRIVER_VARIABLE]),
    watch: watchSettings(options),
    backpressure: backpressureLimit(options),
    account: ws._handshake?.account,
    address: ws._handshake?.address
  }
}

/**
 * Puts the option `perMessageDeflate` into the form in which the addon takes it. Unless told
 * otherwise neither side keeps its context: that costs some of the ratio, and saves up to half a
 * megabyte a connection.
 *
 * @param {object} options The option, as `ws` documents it
 * @returns {object} What `native.negotiateDeflate()` takes; unset is undefined
 */
function deflateOptions(options) {
  const { threshold = DEFLATE_THRESHOLD, zlibDeflateOptions } = options
  const { level, memLevel, windowBits } = zlibDeflateOptions ?? {}
  return {
    serverNoContextTakeover: options.serverNoContextTakeover ?? true,
    clientNoContextTakeover: options.clientNoContextTakeover ?? true,
    serverMaxWindowBits: windowBitsNumber(options.serverMaxWindowBits),
    clientMaxWindowBits: windowBitsNumber(options.clientMaxWindowBits),
    threshold: limit(threshold, MAX_U32),
    level,
    memLevel,
    windowBits
  }
}

/**
 * The same for a client's offer. A context is given up only if the user asks for that: what the
 * server does with its own is not for us to decide.
 *
 * @param {object} options The option, as `ws` documents it
 * @returns {object} What `native.offerDeflate()` takes; unset is undefined
 */
function deflateOfferOptions(options) {
  return {
    ...deflateOptions(options),
    serverNoContextTakeover: options.serverNoContextTakeover ?? undefined,
    clientNoContextTakeover: options.clientNoContextTakeover ?? undefined
  }
}

/**
 * Reads an option that is a number of window bits, or a boolean.
 *
 * @param {*} value The option
 * @returns {number | undefined} The number; 0 for false, 1 for true
 */
function windowBitsNumber(value) {
  return value === undefined || value === null ? undefined : Number(value)
}

/**
 * Checks the name of a driver.
 *
 * @param {*} name The option, or what the environment says
 * @returns {'shard' | 'stream' | undefined} The name
 * @throws {TypeError} If there is no such driver
 */
function driverName(name) {
  if (name === undefined || name === '' || DRIVERS.includes(name)) return name || undefined
  throw new TypeError(`The driver must be 'shard' or 'stream', not ${String(name)}`)
}

/**
 * Tells how many threads are to have sockets: `OFFLOOP_THREADS`, or half of the cores, from 1
 * to 8.
 *
 * @returns {number} From 1 to 64
 * @throws {RangeError} If the environment says something else
 */
function threadCount() {
  const given = process.env[THREADS_VARIABLE]
  if (given === undefined || given === '') {
    return Math.max(1, Math.min(MAX_DEFAULT_THREADS, Math.floor(availableParallelism() / 2)))
  }
  const count = Number(given)
  if (Number.isInteger(count) && count >= 1 && count <= MAX_THREADS) return count
  throw new RangeError(`${THREADS_VARIABLE} must be from 1 to ${MAX_THREADS}, not ${given}`)
}

/**
 * Puts a connection's configuration into the order in which the addon takes it.
 *
 * @param {object} config See `driverConfig`
 * @returns {[boolean, number, number, number, number, number]} Role, flags, and four limits
 */
function nativeConfig(config) {
  const { deflate } = config
  const flags =
    (config.skipUTF8Validation ? 1 : 0) | (config.autoPong ? 2 : 0) | (deflate?.flags ?? 0)
  return [
    config.role === 'client',
    flags,
    config.maxPayload,
    config.maxFragments,
    config.maxPendingAutoPongs,
    deflate?.threshold ?? 0
  ]
}

/**
 * Reads a limit on messages.
 *
 * @param {*} value The option's value
 * @returns {number} Bytes, 0 for no limit
 */
function payloadLimit(value) {
  return limit(value, Number.MAX_SAFE_INTEGER)
}

/**
 * Reads a limit: whatever is not a positive finite number means that there is none.
 *
 * @param {*} value The option's value
 * @param {number} max The greatest limit that can be held
 * @returns {number} A whole number, 0 for no limit
 */
function limit(value, max) {
  const number = Math.floor(value)
  return number > 0 && number < Infinity ? Math.min(number, max) : 0
}

/**
 * Reads a duration as `setTimeout()` does: what no timer can be set to becomes 1.
 *
 * @param {*} value The option's value
 * @returns {number} Whole milliseconds
 */
function timerMs(value) {
  return value >= 1 && value <= MAX_MS ? Math.floor(value) : 1
}

module.exports = {
  CONNECTION_DEFAULTS,
  DEFLATE_THRESHOLD,
  PERMESSAGE_DEFLATE,
  clientOptions,
  deflateOfferOptions,
  deflateOptions,
  driverConfig,
  nativeConfig,
  payloadLimit,
  serverOptions,
  threadCount,
  upgradeOptions
}
