'use strict'

const { Duplex } = require('stream')

/**
 * One end of a pair of streams that have no descriptor: what is written to one is read from the other.
 */
class DuplexEnd extends Duplex {
  /**
   * @param {object} [options] of the Duplex
   */
  constructor(options) {
    super(options)
    this.other = null
    this.continueOther = null
  }

  /** Node's hook: the reader wants more. */
  _read() {
    const callback = this.continueOther
    this.continueOther = null
    if (callback) callback()
  }

  /** Node's hook: hands a copy to the other end, and waits until that is read. */
  _write(chunk, encoding, callback) {
    if (chunk.length === 0) return process.nextTick(callback)
    this.other.continueOther = callback
    this.other.push(Buffer.from(chunk))
  }

  /** Node's hook: the other end sees the end of the stream. */
  _final(callback) {
    this.other.push(null)
    callback()
  }

  /** Node's hook: the other end does not survive. */
  _destroy(error, callback) {
    callback(error)
    process.nextTick(() => this.other.destroy())
  }
}

/**
 * @returns {[Duplex, Duplex]} two connected streams
 */
function duplexPair() {
  const ends = [new DuplexEnd(), new DuplexEnd()]
  ends[0].other = ends[1]
  ends[1].other = ends[0]
  return ends
}

module.exports = { duplexPair }
