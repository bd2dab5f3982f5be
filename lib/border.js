'use strict'

/**
 * The memory that both sides of the border know, and the numbers in it.
 *
 * Events come up as records of four words: connection id, kind and flags, payload length, and a
 * number; their payloads lie one behind the other in a slab, long ones where they were read.
 * Commands go down the same way, with the payload's offset before its length.
 * `src/shard/record.rs` has the same tables.
 */

const native = require('./native')
const { threadCount } = require('./options')

const RECORD_WORDS = 4

/** Records that cross at once in either direction. */
const EVENTS_A_CALL = 256
const COMMANDS_A_CALL = 1024

/** Small, since a Buffer that the user keeps keeps its slab. */
const EVENT_SLAB_BYTES = 64 * 1024
const COMMAND_SLAB_BYTES = 64 * 1024

const eventRecords = new Uint32Array(EVENTS_A_CALL * RECORD_WORDS)
const commandRecords = new Uint32Array(COMMANDS_A_CALL * RECORD_WORDS)
const commandSlab = Buffer.allocUnsafeSlow(COMMAND_SLAB_BYTES)

/** In the result of `drain()`, above the count: the slab has no room for the next payload. */
const SLAB_FULL = 1 << 16
const COUNT_MASK = SLAB_FULL - 1

/** The lower bits of a record's second word are its kind. */
const KIND_MASK = 0xff

const EVENT = Object.freeze({
  TEXT: 1,
  BINARY: 2,
  PING: 3,
  PONG: 4,
  CLOSE: 5,
  FAILED: 6,
  WRITTEN: 7,
  ENDED: 8,
  CLOSED: 9,
  LIMITED: 10,
  OUTPUT: 11,
  HOLD: 12
})

const EVENT_FLAG = Object.freeze({
  ASCII: 1 << 8,
  LARGE: 1 << 9,
  LENT: 1 << 10,
  LAST_LENT: 1 << 11,
  KEPT: 1 << 12,
  FIRST_KEPT: 1 << 13
})

const COMMAND = Object.freeze({
  TEXT: 1,
  BINARY: 2,
  PING: 3,
  PONG: 4,
  CLOSE: 5,
  END: 6,
  DESTROY: 7,
  PAUSE: 8,
  RESUME: 9,
  START_CLOSE_TIMER: 10,
  MASKING_KEY: 12,
  RAW: 13,
  TUNE: 14
})

const COMMAND_FLAG = Object.freeze({
  MORE: 1 << 8,
  COMPRESS: 1 << 9,
  NOTIFY: 1 << 10,
  LARGE: 1 << 11,
  DISCARD: 1 << 12
})

/** What TUNE changes: the first byte of its payload; a number of eight bytes follows. */
const TUNING = Object.freeze({ NO_DELAY: 1, KEEP_ALIVE: 2, RESET: 3, MAX_PAYLOAD: 4 })

/** RFC 6455 5.3. */
const MASKING_KEY_BYTES = 4

let isStarted = false

/**
 * Lends the addon this memory, once. It starts the shards when there is a socket for them.
 *
 * @param {Function} wake Called when events wait
 * @param {Function} exit Called when the process, or the worker thread, exits
 */
function start(wake, exit) {
  if (isStarted) return
  native.start(threadCount(), wake, eventRecords, commandRecords, commandSlab)
  process.on('exit', exit)
  isStarted = true
}

/**
 * Calls something of the user's. What it throws is an uncaught exception, as it would be in any
 * other event handler, and no reason not to deliver what comes next.
 *
 * @param {Function} callback The user's function
 * @param {*} [value] Its argument
 */
function callUser(callback, value) {
  try {
    callback(value)
  } catch (error) {
    native.fatalException(error)
  }
}

/**
 * Tells the size of a frame (RFC 6455 5.2).
 *
 * @param {number} length The payload's length in bytes
 * @param {boolean} isMasked Whether there is a masking key
 * @returns {number} Bytes
 */
function frameBytes(length, isMasked) {
  let bytes = length + 2
  if (length > 65_535) bytes += 8
  else if (length > 125) bytes += 2
  return isMasked ? bytes + MASKING_KEY_BYTES : bytes
}

module.exports = {
  COMMAND,
  COMMANDS_A_CALL,
  COMMAND_FLAG,
  COMMAND_SLAB_BYTES,
  COUNT_MASK,
  EVENT,
  EVENTS_A_CALL,
  EVENT_FLAG,
  EVENT_SLAB_BYTES,
  KIND_MASK,
  MASKING_KEY_BYTES,
  RECORD_WORDS,
  SLAB_FULL,
  TUNING,
  callUser,
  commandRecords,
  commandSlab,
  eventRecords,
  frameBytes,
  start
}
