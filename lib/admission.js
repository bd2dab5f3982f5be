'use strict'

/**
 * Who is let in: the options `allowedOrigins`, `maxConnections` and `maxConnectionsPerAddress`.
 */

/** Between the scheme and the rest of a host, in place of at least one label. */
const WILDCARD = '*.'

const LABELS = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/

/**
 * Decides about a request by its origin.
 *
 * @param {object} options Options
 * @param {import('node:http').IncomingMessage} req The request
 * @param {string | undefined} origin Its origin
 * @returns {object | null} A Refusal, or null
 */
function judgeOrigin({ allowedOrigins }, req, origin) {
  if (!allowedOrigins) return null
  const isAllowed =
    typeof allowedOrigins === 'function'
      ? allowedOrigins(origin, req)
      : [].concat(allowedOrigins).some((allowed) => matchesOrigin(allowed, origin))
  return isAllowed ? null : { status: 403 }
}

/**
 * Compares an origin with one that is allowed.
 *
 * @param {string | null} allowed An origin, also with `*.` in front of its host; null for none
 * @param {string | undefined} origin The request's
 * @returns {boolean} Whether it is allowed
 */
function matchesOrigin(allowed, origin) {
  if (allowed === null || origin === undefined) return allowed === null && origin === undefined
  const wanted = allowed.toLowerCase()
  const given = origin.toLowerCase()
  const at = wanted.indexOf(`://${WILDCARD}`)
  if (at === -1) return given === wanted
  const scheme = wanted.slice(0, at + 3)
  const rest = wanted.slice(at + 3 + WILDCARD.length - 1)
  if (!given.startsWith(scheme) || !given.endsWith(rest)) return false
  return LABELS.test(given.slice(scheme.length, given.length - rest.length))
}

/**
 * Decides about a request by how many connections there are.
 *
 * @param {object} options Options
 * @param {object} account Counts the server's connections
 * @param {string | undefined} address What `countedAddress()` returned
 * @returns {object | null} A Refusal, or null
 */
function judgeNumbers({ maxConnections, maxConnectionsPerAddress }, account, address) {
  if (maxConnections > 0 && account.open >= maxConnections) return { status: 503 }
  const isTooMany = address !== undefined && account.openOf(address) >= maxConnectionsPerAddress
  return isTooMany ? { status: 429 } : null
}

/**
 * Tells to whom a connection is put down.
 *
 * @param {object} options Options
 * @param {import('node:http').IncomingMessage} req The request
 * @returns {string | undefined} The address; undefined if that is not counted, or not known
 */
function countedAddress({ maxConnectionsPerAddress, clientAddress }, req) {
  if (!(maxConnectionsPerAddress > 0)) return undefined
  return clientAddress ? clientAddress(req) : req.socket?.remoteAddress
}

module.exports = { countedAddress, judgeNumbers, judgeOrigin }
