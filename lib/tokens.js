'use strict'

/**
 * Reading tokens and the white space between them, in the values of headers. Each function makes
 * one pass: no value that a stranger sends costs more than its length.
 */

const { tokenChars } = require('./validation')

const TAB = 0x09
const SPACE = 0x20

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

module.exports = { skipBlanks, skipToken, unexpected }
