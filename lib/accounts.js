'use strict'

/**
 * What the connections of one server have in common: how many there are, what is counted of them,
 * and why they ended. Bytes, messages and frames are counted by the drivers, in memory of the
 * addon's that is only read here.
 */

const dispatcher = require('./dispatcher')
const native = require('./native')
const { UNWATCHED, createProfile } = require('./profiles')

/** Numbers in a row, one row a thread; `src/shard/profile.rs` has the same table. */
const COUNTERS = Object.freeze([
  'messagesIn',
  'messageBytesIn',
  'wireBytesIn',
  'messagesOut',
  'messageBytesOut',
  'wireBytesOut',
  'framesOut',
  'pingsIn',
  'pongsIn',
  'pingsOut',
  'pongsOut',
  'framesIn',
  'compressibleBytesOut',
  'compressedBytesOut'
])
const COUNTERS_A_ROW = 16

/** The account of one server. */
class Account {
  #profiles = new Map()
  #counters = []
  #addresses = new Map()
  #closes = {}

  /** Begins with nothing. */
  constructor() {
    this.open = 0
    this.accepted = 0
    this.refused = 0
    this.dropped = 0
  }

  /**
   * Finds or makes the profile of a connection that is to be counted here.
   *
   * @param {Float64Array | undefined} watch What `watchSettings()` returned
   * @returns {number} Its number
   */
  profileOf(watch) {
    const key = watch === undefined ? '' : watch.join()
    let number = this.#profiles.get(key)
    if (number === undefined) {
      number = createProfile(watch ?? UNWATCHED)
      this.#profiles.set(key, number)
      this.#counters.push(new Float64Array(native.profileCounters(number)))
    }
    return number
  }

  /**
   * A connection has been opened.
   *
   * @param {string | undefined} address Whose it is, if that is counted
   */
  opened(address) {
    this.open++
    this.accepted++
    if (address !== undefined) this.#addresses.set(address, this.openOf(address) + 1)
  }

  /**
   * A connection has ended.
   *
   * @param {string | undefined} address As for `opened()`
   * @param {{type: string}} cause Why
   */
  closed(address, { type }) {
    this.open--
    this.#closes[type] = (this.#closes[type] ?? 0) + 1
    if (address === undefined) return
    const left = this.openOf(address) - 1
    if (left > 0) this.#addresses.set(address, left)
    else this.#addresses.delete(address)
  }

  /**
   * Tells how many connections of an address are open.
   *
   * @param {string} address The address
   * @returns {number} How many
   */
  openOf(address) {
    return this.#addresses.get(address) ?? 0
  }

  /**
   * Sums everything up.
   *
   * @returns {object} See `ServerStats` in index.d.ts
   */
  stats() {
    const sums = COUNTERS.map((_, index) => this.#sum(index))
    const counted = Object.fromEntries(COUNTERS.map((name, index) => [name, sums[index]]))
    const { compressibleBytesOut, compressedBytesOut } = counted
    return {
      connections: this.open,
      accepted: this.accepted,
      refused: this.refused,
      closes: { ...this.#closes },
      dropped: this.dropped,
      bufferedAmount: this.#bufferedAmount(),
      ...counted,
      compressionRatio:
        compressedBytesOut > 0 ? compressibleBytesOut / compressedBytesOut : undefined
    }
  }

  /** No connection will be added: gives back what new ones would need. */
  release() {
    for (const number of this.#profiles.values()) native.releaseProfile(number)
    this.#profiles.clear()
  }

  /** @returns {number} How many bytes wait to be sent */
  #bufferedAmount() {
    let amount = 0
    for (const { account, ws } of dispatcher.openDrivers()) {
      if (account === this) amount += ws.bufferedAmount
    }
    return amount
  }

  /**
   * Sums up one number of all rows.
   *
   * @param {number} index Which
   * @returns {number} The sum
   */
  #sum(index) {
    let sum = 0
    for (const table of this.#counters) {
      for (let at = index; at < table.length; at += COUNTERS_A_ROW) sum += table[at]
    }
    return sum
  }
}

module.exports = { Account }
