'use strict'

/**
 * The grammar of `Sec-WebSocket-Extensions` (RFC 6455 9.1), for users. The server's handshake
 * has its offers read by the core, which follows the same rules.
 */

const { skipBlanks, skipToken, unexpected } = require('./tokens')
const { tokenChars } = require('./validation')

const COMMA = ','
const SEMICOLON = ';'
const QUOTE = '"'
const BACKSLASH = '\\'

/**
 * Reads the value of a `Sec-WebSocket-Extensions` header, in one pass over its characters.
 *
 * @param {string} header The value
 * @returns {object} By the name of the extension a list of its offers; an offer has by the name of
 *   a parameter a list of its values, `true` for none. No object in it has a prototype
 * @throws {SyntaxError} If the grammar does not allow it
 */
function parse(header) {
  const offers = Object.create(null)
  let at = 0
  while (at < header.length || at === 0) {
    // White space may surround the separators, but neither begin nor end the value.
    const start = at === 0 ? 0 : skipBlanks(header, at)
    const end = skipToken(header, start)
    if (end === start) throw unexpected(header, start)
    const params = Object.create(null)
    let next = separatorAfter(header, end)
    while (header[next] === SEMICOLON) next = readParam(header, next + 1, params)
    add(offers, header.slice(start, end), params)
    if (next === header.length) return offers
    at = next + 1
  }
  throw unexpected(header, at)
}

/**
 * Reads one parameter.
 *
 * @param {string} header The value of the header
 * @param {number} from The index behind the semicolon
 * @param {object} params Gets the parameter
 * @returns {number} The index of the separator behind it, or the length of the header
 * @throws {SyntaxError} If it is none
 */
function readParam(header, from, params) {
  const start = skipBlanks(header, from)
  const end = skipToken(header, start)
  if (end === start) throw unexpected(header, start)
  const name = header.slice(start, end)
  if (header[end] !== '=') {
    const next = separatorAfter(header, end)
    add(params, name, true)
    return next
  }

  const isQuoted = header[end + 1] === QUOTE
  const { value, next } = isQuoted ? readQuoted(header, end + 2) : readToken(header, end + 1)
  const separator = separatorAfter(header, next)
  add(params, name, value)
  return separator
}

/**
 * Reads a value that is a token.
 *
 * @param {string} header The value of the header
 * @param {number} start Where it begins
 * @returns {{value: string, next: number}} The token and the index behind it
 * @throws {SyntaxError} If there is none
 */
function readToken(header, start) {
  const next = skipToken(header, start)
  if (next === start) throw unexpected(header, next)
  return { value: header.slice(start, next), next }
}

/**
 * Reads a value in quotes. RFC 6455 9.1: what it means without them must be a token too.
 *
 * @param {string} header The value of the header
 * @param {number} start The index behind the opening quote
 * @returns {{value: string, next: number}} What it means, and the index behind the closing quote
 * @throws {SyntaxError} If it is not one
 */
function readQuoted(header, start) {
  let value = ''
  let at = start
  while (header[at] !== QUOTE || value === '') {
    if (header[at] === BACKSLASH) at++
    if (at >= header.length) throw unexpected(header, header.length)
    if (tokenChars[header.charCodeAt(at)] !== 1) throw unexpected(header, at)
    value += header[at]
    at++
  }
  return { value, next: at + 1 }
}

/**
 * Finds what separates an element from the next one.
 *
 * @param {string} header The value of the header
 * @param {number} end The index behind the element
 * @returns {number} The index of a comma or a semicolon, or the length of the header
 * @throws {SyntaxError} If neither follows
 */
function separatorAfter(header, end) {
  const next = skipBlanks(header, end)
  const isLast = end === header.length
  const isSeparator = header[next] === COMMA || header[next] === SEMICOLON
  if (!isLast && !isSeparator) throw unexpected(header, next)
  return next
}

/**
 * Adds to a list, which may be the first mention of its name.
 *
 * @param {object} lists Lists by name, without a prototype
 * @param {string} name The name
 * @param {*} element What to add
 */
function add(lists, name, element) {
  if (lists[name] === undefined) lists[name] = [element]
  else lists[name].push(element)
}

/**
 * Writes the value of a `Sec-WebSocket-Extensions` header.
 *
 * @param {object} extensions By name what `parse()` gives for it; where that gives a list of one
 *   element, the element will do
 * @returns {string} The value
 */
function format(extensions) {
  return Object.entries(extensions)
    .flatMap(([name, offers]) => listOf(offers).map((params) => formatOffer(name, params)))
    .join(', ')
}

/**
 * Writes one offer.
 *
 * @param {string} name The extension's name
 * @param {object} params Values by the name of the parameter
 * @returns {string} The offer
 */
function formatOffer(name, params) {
  const written = Object.entries(params).map(([param, values]) =>
    listOf(values)
      .map((value) => (value === true ? param : `${param}=${value}`))
      .join('; ')
  )
  return [name, ...written].join('; ')
}

/**
 * Makes a list of what may be one.
 *
 * @param {*} value A list, or an element
 * @returns {Array} The list
 */
function listOf(value) {
  return Array.isArray(value) ? value : [value]
}

module.exports = { format, parse }
