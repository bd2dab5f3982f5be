'use strict'

/**
 * A small seeded random generator (xorshift32): the same seed gives the same test everywhere.
 */
class Random {
  /**
   * @param {number} seed not 0
   */
  constructor(seed) {
    this.state = seed | 0 || 1
  }

  /**
   * @param {number} limit
   * @returns {number} a whole number from 0 to below the limit
   */
  below(limit) {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return (this.state >>> 0) % limit
  }

  /**
   * @param {Array} list
   * @returns {*} one of its items
   */
  pick(list) {
    return list[this.below(list.length)]
  }

  /**
   * @param {number} length
   * @returns {Buffer} random bytes
   */
  bytes(length) {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = this.below(256)
    return bytes
  }

  /**
   * Cuts bytes into pieces of random lengths, none empty.
   *
   * @param {Buffer} bytes
   * @param {number} most the longest piece
   * @returns {Buffer[]}
   */
  cut(bytes, most) {
    const pieces = []
    for (let at = 0; at < bytes.length;) {
      const length = 1 + this.below(most)
      pieces.push(bytes.subarray(at, at + length))
      at += length
    }
    return pieces
  }
}

module.exports = { Random }
