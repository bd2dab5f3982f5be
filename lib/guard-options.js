'use strict'

/**
 * The options about dead peers, deadlines, limits and pressure: their defaults, and the numbers
 * that the addon takes. All of them are off unless the user turns them on.
 */

const { isValidStatusCode } = require('./validation')

/** Options of a connection. */
const GUARD_DEFAULTS = Object.freeze({
  heartbeat: null,
  idleTimeout: 0, // milliseconds
  maxBackpressure: null,
  messageTimeout: 0, // milliseconds
  rateLimit: null
})

/** What `heartbeat: true` means, and what an object leaves out. */
const HEARTBEAT_DEFAULTS = Object.freeze({
  interval: 30_000, // milliseconds; proxies cut a silent connection after 60 s
  timeout: 10_000 // milliseconds
})

/** What `rateLimit` leaves out. */
const RATE_DEFAULTS = Object.freeze({
  messages: 0, // an interval; 0 is no limit
  bytes: 0, // an interval; 0 is no limit
  interval: 1000, // milliseconds
  burst: 1, // intervals' worth that can be saved up
  policy: 'close'
})

/** What `maxBackpressure` leaves out, or a number in its place. */
const BACKPRESSURE_DEFAULTS = Object.freeze({ policy: 'close', code: 1013 })

const BACKPRESSURE_POLICIES = Object.freeze(['close', 'dropNewest', 'dropOldest'])

const RATE_POLICIES = Object.freeze(['close', 'pause'])

/** The longest time that a timer can be set to, in milliseconds. */
const MAX_MS = 0x7fff_ffff

/**
 * Picks what `setSocket()` has to know of a connection's options.
 *
 * @param {object} options All of them
 * @returns {object} These
 */
function guardOptions(options) {
  return {
    heartbeat: options.heartbeat,
    idleTimeout: options.idleTimeout,
    maxBackpressure: options.maxBackpressure,
    messageTimeout: options.messageTimeout,
    rateLimit: options.rateLimit
  }
}

/**
 * Puts what a connection is watched for into the order in which the addon takes it.
 *
 * @param {object} options Options
 * @returns {Float64Array | undefined} The nine numbers of `native.createProfile()`; undefined if
 *   there is nothing to watch
 * @throws {TypeError | RangeError} If an option is none
 */
function watchSettings({ heartbeat, idleTimeout, messageTimeout, rateLimit }) {
  if (!heartbeat && !idleTimeout && !messageTimeout && !rateLimit) return undefined
  const pulse = heartbeat ? complete('heartbeat', heartbeat, HEARTBEAT_DEFAULTS) : null
  const rate = rateLimit ? complete('rateLimit', rateLimit, RATE_DEFAULTS) : null
  if (rate !== null && !RATE_POLICIES.includes(rate.policy)) {
    throw new TypeError(`rateLimit.policy must be 'close' or 'pause', not ${rate.policy}`)
  }
  return Float64Array.of(
    pulse === null ? 0 : time('heartbeat.interval', pulse.interval),
    pulse === null ? 0 : time('heartbeat.timeout', pulse.timeout),
    idleTimeout ? time('idleTimeout', idleTimeout) : 0,
    messageTimeout ? time('messageTimeout', messageTimeout) : 0,
    rate === null ? 0 : amount('rateLimit.messages', rate.messages),
    rate === null ? 0 : amount('rateLimit.bytes', rate.bytes),
    rate === null ? 0 : time('rateLimit.interval', rate.interval),
    rate === null ? 0 : amount('rateLimit.burst', rate.burst),
    rate?.policy === 'pause' ? 1 : 0
  )
}

/**
 * Reads the option `maxBackpressure`.
 *
 * @param {object} options Options
 * @returns {{bytes: number, policy: string, code: number} | null} The limit, null for none
 * @throws {TypeError | RangeError} If it is none
 */
function backpressureLimit({ maxBackpressure }) {
  if (!maxBackpressure) return null
  const given = typeof maxBackpressure === 'number' ? { bytes: maxBackpressure } : maxBackpressure
  const { bytes, policy, code } = complete('maxBackpressure', given, BACKPRESSURE_DEFAULTS)
  if (!BACKPRESSURE_POLICIES.includes(policy)) {
    const known = "'close', 'dropNewest' or 'dropOldest'"
    throw new TypeError(`maxBackpressure.policy must be ${known}, not ${policy}`)
  }
  if (!isValidStatusCode(code)) {
    throw new RangeError(`maxBackpressure.code must be a close code, not ${code}`)
  }
  const most = amount('maxBackpressure.bytes', bytes)
  return most === 0 ? null : { bytes: most, policy, code }
}

/**
 * Completes an option that is an object, or `true` for its defaults.
 *
 * @param {string} name The option's name
 * @param {*} given What the user passed
 * @param {object} defaults Its defaults
 * @returns {object} All its properties
 * @throws {TypeError} If it is something else
 */
function complete(name, given, defaults) {
  if (given === true) return defaults
  if (typeof given !== 'object') {
    throw new TypeError(`${name} must be an object`)
  }
  return { ...defaults, ...given }
}

/**
 * Checks a time.
 *
 * @param {string} name The option's name
 * @param {*} value What the user passed
 * @returns {number} Milliseconds
 * @throws {RangeError} If no timer can be set to it
 */
function time(name, value) {
  if (value >= 1 && value <= MAX_MS) return Number(value)
  throw new RangeError(`${name} must be from 1 to ${MAX_MS} milliseconds, not ${String(value)}`)
}

/**
 * Checks an amount.
 *
 * @param {string} name The option's name
 * @param {*} value What the user passed; 0 is no limit
 * @returns {number} The number
 * @throws {RangeError} If it is negative, or no number
 */
function amount(name, value) {
  if (value >= 0 && value < Infinity) return Number(value)
  throw new RangeError(`${name} must be a number from 0 on, not ${String(value)}`)
}

module.exports = { GUARD_DEFAULTS, MAX_MS, backpressureLimit, guardOptions, watchSettings }
