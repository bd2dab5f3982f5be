'use strict'

/**
 * The grammar of `Sec-WebSocket-Protocol` (RFC 6455 4.1), for users. The server's handshake
 * gets its list from the core, which follows the same rules.
 */

const { skipBlanks, skipToken, unexpected } = require('./tokens')

const COMMA = 0x2c

/**
 * Reads the value of a `Sec-WebSocket-Protocol` header, in one pass over its characters.
 *
 * @param {string} header The value
 * @returns {Set<string>} The names, in their order
 * @throws {SyntaxError} If it is not a list of different tokens
 */
function parse(header) {
  const names = new Set()
  let at = 0
  for (;;) {
    // White space may surround the commas, but neither begin nor end the value.
    const start = at === 0 ? 0 : skipBlanks(header, at)
    const end = skipToken(header, start)
    if (end === start) throw unexpected(header, start)

    const next = skipBlanks(header, end)
    if (next === header.length) {
      if (next !== end) throw unexpected(header, next)
      add(names, header.slice(start, end))
      return names
    }
    if (header.charCodeAt(next) !== COMMA) throw unexpected(header, next)
    add(names, header.slice(start, end))
    at = next + 1
  }
}

/**
 * Adds a name to the set.
 *
 * @param {Set<string>} names The names so far
 * @param {string} name The name
 * @throws {SyntaxError} If the set has it
 */
function add(names, name) {
  if (names.has(name)) throw new SyntaxError(`The "${name}" subprotocol is duplicated`)
  names.add(name)
}

module.exports = { parse }
