'use strict'

/**
 * Gathers what one tick sends, for all connections, and takes it over the border in one call.
 * What a driver is stands in driver.js.
 */

const native = require('./native')
const {
  COMMAND,
  COMMANDS_A_CALL,
  COMMAND_FLAG,
  COMMAND_SLAB_BYTES,
  MASKING_KEY_BYTES,
  RECORD_WORDS,
  commandRecords,
  commandSlab,
  frameBytes
} = require('./border')
const { EMPTY_BUFFER } = require('./constants')
const { nextTick, setImmediate } = require('./ticks')
const { closeBody, toBuffer } = require('./validation')

/** No payload above the first goes through the slab, no bytes from the second on. */
const SLAB_PAYLOAD_BYTES = 16 * 1024
const LARGE_BYTES = 8 * 1024
/** What is changed, and a number. */
const TUNING_BYTES = 9
/** The longest UTF-8 form of one UTF-16 unit. */
const UTF8_BYTES_A_UNIT = 3

let count = 0
let used = 0
let isDue = false
let isScheduled = false
let isHeld = false
let isExiting = false
/** Bytes sent since the total was looked at, when it is next, and by whom. */
let unlooked = 0
let lookAfter = Infinity
let lookAtTotal = null

/** Stream connections that have something to write. */
let dirtyStreams = []

/** The last string written to the slab and where it lies: a broadcast writes it once. */
let lastText = null
let lastOffset = 0
let lastLength = 0

/** The last frame made elsewhere that was written to the slab: Socket.IO gives it to many. */
const NO_FRAME = Object.freeze({ first: null, second: null, offset: 0, length: 0 })
let lastFrame = NO_FRAME

/**
 * Sends a message, or a fragment of one.
 *
 * @param {object} ws The WebSocket
 * @param {string | Uint8Array} data The payload
 * @param {boolean} isBinary Whether it is not text
 * @param {boolean} fin Whether it ends the message
 * @param {boolean} compress Whether it may be compressed
 * @param {Function} [callback] Called when the kernel has it, or with an error
 */
function message(ws, data, isBinary, fin, compress, callback) {
  let word = isBinary ? COMMAND.BINARY : COMMAND.TEXT
  if (!fin) word |= COMMAND_FLAG.MORE
  if (compress) word |= COMMAND_FLAG.COMPRESS
  const { pressure } = ws._driver
  if (pressure === null) send(ws._driver, word, data, callback)
  else pressure.send(word, data, callback)
}

/**
 * Sends a ping.
 *
 * @param {object} ws The WebSocket
 * @param {string | Uint8Array} data At most 125 bytes
 * @param {Function} [callback] Called when the kernel has it, or with an error
 */
function ping(ws, data, callback) {
  send(ws._driver, COMMAND.PING, data, callback)
}

/**
 * Sends a pong.
 *
 * @param {object} ws The WebSocket
 * @param {string | Uint8Array} data At most 125 bytes
 * @param {Function} [callback] Called when the kernel has it, or with an error
 */
function pong(ws, data, callback) {
  send(ws._driver, COMMAND.PONG, data, callback)
}

/**
 * Sends a close frame.
 *
 * @param {object} ws The WebSocket
 * @param {number} code The close code; 0 for none
 * @param {Uint8Array} reason The reason, at most 123 bytes
 * @param {number} flags More flags of the command
 * @param {Function} [callback] Called when the kernel has it, or with an error
 */
function close(ws, code, reason, flags, callback) {
  const driver = ws._driver
  const body = closeBody(code, reason)
  const sendIt = () => send(driver, COMMAND.CLOSE | flags, body, callback)
  if (driver.pressure !== null && driver.pressure.isHolding) driver.pressure.holdClose(sendIt)
  else sendIt()
}

/**
 * Adds a command that has no payload.
 *
 * @param {object} driver The connection's driver
 * @param {number} word Kind and flags
 */
function command(driver, word) {
  push(driver.id, word, 0, 0)
}

/**
 * Adds a command that sends something, and counts its bytes.
 *
 * @param {object} driver The connection's driver
 * @param {number} word Kind and flags
 * @param {string | Uint8Array} data The payload
 * @param {Function} [callback] Called when the kernel has it, or with an error
 */
function send(driver, word, data, callback) {
  if (driver.isClient && driver.generateMask !== null) chooseMaskingKey(driver)
  if (driver.isStream && driver.sendApart(word, data, callback)) return
  let offset = 0
  let length
  if (typeof data === 'string') {
    if (data === lastText) {
      offset = lastOffset
      length = lastLength
    } else if (data.length * UTF8_BYTES_A_UNIT <= SLAB_PAYLOAD_BYTES) {
      makeRoom(data.length * UTF8_BYTES_A_UNIT)
      offset = used
      length = data.length === 0 ? 0 : commandSlab.utf8Write(data, offset)
      lastText = data
      lastOffset = offset
      lastLength = length
      used += length
    } else {
      length = native.stageLarge(data)
      word |= COMMAND_FLAG.LARGE
    }
  } else if (data.length < LARGE_BYTES) {
    length = data.length
    makeRoom(length)
    offset = used
    commandSlab.set(data, offset)
    used += length
  } else {
    length = native.stageLarge(data)
    word |= COMMAND_FLAG.LARGE
  }
  enqueue(driver, word, offset, length, frameBytes(length, driver.isClient), callback)
}

/**
 * Writes bytes that are not framed here, between the frames. They stay the caller's, who must not
 * change them before they are written, as with any stream.
 *
 * @param {object} driver The connection's driver
 * @param {(string | Uint8Array)[]} pieces The bytes, in one piece or two
 * @param {Function} [callback] Called when the kernel has them, or with an error
 */
function raw(driver, [first, second = EMPTY_BUFFER], callback) {
  if (first !== lastFrame.first || second !== lastFrame.second) {
    const bytes = Buffer.concat([toBuffer(first), toBuffer(second)])
    if (bytes.length > SLAB_PAYLOAD_BYTES) {
      const length = native.stageLarge(bytes)
      enqueue(driver, COMMAND.RAW | COMMAND_FLAG.LARGE, 0, length, length, callback)
      return
    }
    makeRoom(bytes.length)
    lastFrame = { first, second, offset: used, length: bytes.length }
    commandSlab.set(bytes, used)
    used += bytes.length
  }
  enqueue(driver, COMMAND.RAW, lastFrame.offset, lastFrame.length, lastFrame.length, callback)
}

/**
 * Changes something about a living connection.
 *
 * @param {object} driver The connection's driver
 * @param {number} which One of TUNING
 * @param {number} number To what
 */
function tune(driver, which, number) {
  makeRoom(TUNING_BYTES)
  commandSlab[used] = which
  commandSlab.writeBigUInt64LE(BigInt(number), used + 1)
  used += TUNING_BYTES
  push(driver.id, COMMAND.TUNE, used - TUNING_BYTES, TUNING_BYTES)
}

/**
 * Adds the record of something that is written, and counts its bytes.
 *
 * @param {object} driver The connection's driver
 * @param {number} word Kind and flags
 * @param {number} offset Where the payload lies in the slab
 * @param {number} length Its length in bytes
 * @param {number} bytes What that makes on the wire
 * @param {Function} [callback] Called when the kernel has it, or with an error
 */
function enqueue(driver, word, offset, length, bytes, callback) {
  if (charge(driver, bytes, callback)) word |= COMMAND_FLAG.NOTIFY
  if (driver.isStream && !driver.isDirty) {
    driver.isDirty = true
    dirtyStreams.push(driver)
  }
  push(driver.id, word, offset, length)
  addToTotal(bytes)
}

/**
 * Counts the bytes of something that is written.
 *
 * @param {object} driver The connection's driver
 * @param {number} bytes What it makes on the wire
 * @param {Function} [callback] Called when the kernel has it, or with an error
 * @returns {boolean} Whether somebody wants to be told
 */
function charge(driver, bytes, callback) {
  driver.charged += bytes
  if (callback !== undefined) driver.wait(callback)
  driver.needsDrain ||= driver.charged - driver.taken() > driver.highWaterBytes
  return callback !== undefined || driver.needsDrain
}

/**
 * Adds to the total of all connections, and has it looked at now and then.
 *
 * @param {number} bytes What was sent
 */
function addToTotal(bytes) {
  unlooked += bytes
  if (unlooked > lookAfter) {
    unlooked = 0
    lookAtTotal()
  }
}

/**
 * Has the user choose the masking key of the next frame.
 *
 * @param {object} driver The connection's driver
 */
function chooseMaskingKey(driver) {
  // One Buffer for all keys, as in ws: the function may go on from the key before.
  const key = (driver.maskingKey ??= Buffer.alloc(MASKING_KEY_BYTES))
  driver.generateMask(key)
  makeRoom(MASKING_KEY_BYTES)
  commandSlab.set(key, used)
  used += MASKING_KEY_BYTES
  push(driver.id, COMMAND.MASKING_KEY, used - MASKING_KEY_BYTES, MASKING_KEY_BYTES)
}

/**
 * Sees to it that the slab has room.
 *
 * @param {number} bytes How much; at most SLAB_PAYLOAD_BYTES
 */
function makeRoom(bytes) {
  if (used + bytes > COMMAND_SLAB_BYTES) submit()
}

/**
 * Adds a record, and sees to it that it will cross.
 *
 * @param {number} id The connection's id
 * @param {number} word Kind and flags
 * @param {number} offset Where the payload lies in the slab
 * @param {number} length Its length in bytes
 */
function push(id, word, offset, length) {
  const at = count * RECORD_WORDS
  commandRecords[at] = id
  commandRecords[at + 1] = word
  commandRecords[at + 2] = offset
  commandRecords[at + 3] = length
  count++
  if (count === COMMANDS_A_CALL) submit()
  schedule()
}

/** Sees to it that everything crosses at the end of this tick. */
function schedule() {
  isDue = true
  if (isExiting) flushAtOnce()
  if (isScheduled || isHeld) return
  isScheduled = true
  nextTick(flushScheduled)
}

/**
 * Has somebody look at what waits on all connections, now and then.
 *
 * @param {number} bytes After how many bytes sent
 * @param {Function | null} look What to call
 */
function watchTotal(bytes, look) {
  lookAfter = bytes
  lookAtTotal = look
}

/** Takes the records over the border. */
function submit() {
  native.submit(count)
  isDue = false
  count = 0
  used = 0
  lastText = null
  lastFrame = NO_FRAME
}

/** Takes the records over the border, if there are any. */
function submitDue() {
  if (isDue) submit()
}

/** The end of a tick. */
function flushScheduled() {
  isScheduled = false
  flush()
}

/** Takes everything over the border, and writes what stream connections have to write. */
function flush() {
  submitDue()
  if (dirtyStreams.length === 0) return
  const streams = dirtyStreams
  dirtyStreams = []
  for (const driver of streams) {
    driver.isDirty = false
    driver.pump()
  }
}

/** Takes everything over the border, and waits until it is with the kernel. */
function flushAtOnce() {
  flush()
  native.settle()
}

/**
 * The process exits. What was sent in this tick goes out, and what its 'exit' listeners send: with
 * ws it would be with the kernel by now.
 */
function exit() {
  flushAtOnce()
  isExiting = true
  // Somebody may only say that it exits.
  setImmediate(() => { isExiting = false })
}

/** Until `release()`: everything waits, whoever called this will flush. */
function hold() {
  isHeld = true
}

/** Ends `hold()`. */
function release() {
  isHeld = false
  flush()
}

module.exports = {
  addToTotal,
  charge,
  close,
  command,
  exit,
  flush,
  hold,
  message,
  ping,
  pong,
  raw,
  release,
  schedule,
  send,
  submitDue,
  tune,
  watchTotal
}
