'use strict'

/**
 * The grammar of `Sec-WebSocket-Protocol` (RFC 6455 4.1), for users. The server's handshake
 * gets its list from the core, which follows the same rules.
 */

const { tokenChars } = require('./validation')

const TAB = 0x09
const SPACE = 0x20
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
 * Finds the first character that is not white space.
 *
 * @param {string} text Where to look
 * @param {number} from The index to begin with
 * @returns {number} Its index, or the length of the text
 */
function skipBlanks(text, from) {
  let index = from
  while (text.charCodeAt(index) === SPACE || text.charCodeAt(index) === TAB) index++
  return index
}

/**
 * Finds the first character that is not part of a token.
 *
 * @param {string} text Where to look
 * @param {number} from The index to begin with
 * @returns {number} Its index, or the length of the text
 */
function skipToken(text, from) {
  let index = from
  while (tokenChars[text.charCodeAt(index)] === 1) index++
  return index
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

/**
 * Says what is wrong at an index.
 *
 * @param {string} text The value that was read
 * @param {number} index Where reading stopped
 * @returns {SyntaxError} The error
 */
function unexpected(text, index) {
  return new SyntaxError(
    index === text.length ? 'Unexpected end of input' : `Unexpected character at index ${index}`
  )
}

module.exports = { parse }
