'use strict'

/**
 * Profiles: what connections are watched for. Connections that agree share one, which the addon
 * keeps under a number.
 *
 * Those of shard connections are watched on their shards. Those over a stream are looked at now
 * and then by a timer here.
 */

const native = require('./native')

/** Profiles of connections that belong to no server; those of the oldest are given back. */
const MOST_PROFILES = 64

/** A stream's deadlines are looked at so often in the shortest of its times. */
const LOOKS_A_TIME = 4
const MOST_MS_A_LOOK = 1000
const FEWEST_MS_A_LOOK = 10

/** Where the times lie among the settings; the others are amounts. */
const TIMES = Object.freeze([0, 1, 2, 3, 6])

/** Numbers by settings. */
const profiles = new Map()

let watchedStreams = 0
let lookTimer = null
let msALook = Infinity

/**
 * Sees to it that the connection which the addon is given next is watched.
 *
 * @param {object} config See `driverConfig` in options.js
 */
function useProfile({ account, watch }) {
  if (account) native.useProfile(account.profileOf(watch))
  else if (watch !== undefined) native.useProfile(profileOf(watch))
}

/**
 * Finds or makes a profile.
 *
 * @param {Float64Array} watch What `watchSettings()` returned
 * @returns {number} Its number
 */
function profileOf(watch) {
  const key = watch.join()
  let number = profiles.get(key)
  if (number === undefined) {
    number = createProfile(watch)
    profiles.set(key, number)
    if (profiles.size > MOST_PROFILES) releaseOldest()
  }
  return number
}

/**
 * Makes a profile.
 *
 * @param {Float64Array} watch What `watchSettings()` returned
 * @returns {number} Its number
 */
function createProfile(watch) {
  return native.createProfile(new Uint8Array(watch.buffer))
}

/** Gives the oldest profile back. Connections that have it keep it. */
function releaseOldest() {
  const [[key, number]] = profiles
  profiles.delete(key)
  native.releaseProfile(number)
}

/**
 * Has the deadlines of one more stream looked at.
 *
 * @param {Float64Array} watch What `watchSettings()` returned
 * @param {Function} deliver Delivers what has come of it
 */
function watchStream(watch, deliver) {
  watchedStreams++
  const times = TIMES.map((index) => watch[index]).filter((ms) => ms > 0)
  const wanted = Math.min(MOST_MS_A_LOOK, Math.min(...times) / LOOKS_A_TIME)
  const allowed = Math.max(FEWEST_MS_A_LOOK, wanted)
  if (allowed < msALook) {
    clearInterval(lookTimer)
    msALook = allowed
    lookTimer = setInterval(() => {
      native.tickStreams()
      deliver()
    }, msALook).unref()
  }
}

/** One of these streams is gone. */
function unwatchStream() {
  if (--watchedStreams > 0) return
  clearInterval(lookTimer)
  msALook = Infinity
}

/** The settings of connections that are only counted. */
const UNWATCHED = new Float64Array(9)

module.exports = { UNWATCHED, createProfile, unwatchStream, useProfile, watchStream }
