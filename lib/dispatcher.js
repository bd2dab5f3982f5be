'use strict'

/**
 * Takes batches of events, finds each event's connection by its id, and calls the listeners of
 * the face.
 */

const native = require('./native')
const sendQueue = require('./send-queue')
const {
  COUNT_MASK,
  EVENT,
  EVENTS_A_CALL,
  EVENT_FLAG,
  EVENT_SLAB_BYTES,
  KIND_MASK,
  RECORD_WORDS,
  SLAB_FULL,
  eventRecords,
  start
} = require('./border')
const { BufferView, EMPTY_BUFFER } = require('./constants')
const { protocolError } = require('./errors')
const { nextTick, setImmediate } = require('./ticks')

/** A connection's id: the lower bits are its place here, the others count its predecessors. */
const INDEX_BITS = 24
const INDEX_MASK = (1 << INDEX_BITS) - 1
const GENERATION_MASK = 0x7f

/** Connections whose counts of bytes lie in one block. */
const PROGRESS_BLOCK_ENTRIES = 1024

/** After so much, timers and everybody else's I/O have their turn. */
const SLICE_EVENTS = 2048
const SLICE_MS = 8

const drivers = []
const generations = []
const freeIndexes = []
const progressBlocks = []
let heldOpen = 0

/** Stream connections that are not read until everything is delivered. */
const late = []

let slab = null
let slabUsed = 0
/** The memory in which the kept payloads of the present batch lie, and where they begin. */
let keptBytes = null
let keptOffset = 0
let isRunning = false
let isAskedAgain = false
let isScheduled = false
let listeners = null
let errorRows = null

/**
 * Says who listens. Called once, when the face is loaded.
 *
 * @param {object} given See `listeners` in incoming.js
 */
function setListeners(given) {
  listeners = given
}

/**
 * Gives a connection its id and its place among the shared counts.
 *
 * @param {object} driver The connection's driver; gets `id`, `progress` and `progressIndex`
 */
function register(driver) {
  start(startSlice, sendQueue.exit)
  if (slab === null) replaceSlab()
  const index = freeIndexes.pop() ?? drivers.length
  generations[index] = ((generations[index] ?? -1) + 1) & GENERATION_MASK
  const block = Math.floor(index / PROGRESS_BLOCK_ENTRIES)
  progressBlocks[block] ??= new Float64Array(native.progressBlock())
  driver.progress = progressBlocks[block]
  const numbersEach = driver.progress.length / PROGRESS_BLOCK_ENTRIES
  driver.progressIndex = (index % PROGRESS_BLOCK_ENTRIES) * numbersEach
  driver.progress[driver.progressIndex] = 0
  driver.id = (generations[index] << INDEX_BITS) | index
  drivers[index] = driver
  if (driver.holdsLoop && heldOpen++ === 0) native.holdLoop(true)
}

/**
 * Changes whether a connection keeps the process alive.
 *
 * @param {object} driver The connection's driver
 * @param {boolean} isHeld Whether it does
 */
function holdLoop(driver, isHeld) {
  if (driver.holdsLoop === isHeld || drivers[driver.id & INDEX_MASK] !== driver) return
  driver.holdsLoop = isHeld
  if (!isHeld && --heldOpen === 0) native.holdLoop(false)
  else if (isHeld && heldOpen++ === 0) native.holdLoop(true)
}

/**
 * Takes a connection's id back. No event of it is delivered any more.
 *
 * @param {object} driver The connection's driver
 */
function unregister(driver) {
  const index = driver.id & INDEX_MASK
  if (drivers[index] !== driver) return
  native.release(driver.id)
  holdLoop(driver, false)
  drivers[index] = undefined
  freeIndexes.push(index)
}

/**
 * Goes through the connections there are.
 *
 * @yields {object} The driver of each
 */
function* openDrivers() {
  for (const driver of drivers) if (driver !== undefined) yield driver
}

/** Delivers what waits, for one slice of time, and lets the doorbell ring again. */
function run() {
  startSlice(true)
}

/**
 * The same for what has just happened on this thread. The doorbell's state stays as it is, so there
 * is no need to look once more whether the shards have something.
 */
function runNow() {
  startSlice(false)
}

/**
 * Delivers for one slice of time, unless that is being done already. The addon calls it when the
 * doorbell is rung, or when this thread has served a shard's sockets and that has brought news.
 *
 * @param {boolean} isRung Whether the doorbell waits for an answer
 */
function startSlice(isRung) {
  if (isRunning) {
    isAskedAgain = true
    return
  }
  if (isScheduled) return
  isRunning = true
  sendQueue.hold()
  const isDone = deliverSlice(isRung)
  isRunning = false
  sendQueue.release()
  if (!isDone) {
    isScheduled = true
    setImmediate(runNext)
  } else if (late.length > 0) {
    for (const driver of late.splice(0)) driver.delivered()
  }
}

/** Delivers the next slice, a turn of the event loop later. */
function runNext() {
  isScheduled = false
  run()
}

/**
 * Says whether a slice was not enough for what waits. If so the stream that asks is not to be read,
 * until `delivered()` is called: what it brings is decoded at once, and would wait in memory.
 *
 * @param {object} driver The stream connection's driver
 * @returns {boolean} Whether
 */
function isLate(driver) {
  if (isScheduled) late.push(driver)
  return isScheduled
}

/**
 * Delivers until nothing waits or the slice is over.
 *
 * @param {boolean} isRung Whether to answer the doorbell, by looking until there is nothing
 * @returns {boolean} Whether nothing waits
 */
function deliverSlice(isRung) {
  let delivered = 0
  let end = 0
  for (;;) {
    isAskedAgain = false
    const drained = native.drain()
    const count = drained & COUNT_MASK
    for (let record = 0; record < count; record++) {
      try {
        deliver(record * RECORD_WORDS)
      } catch (error) {
        native.fatalException(error)
      }
    }
    if (drained >= SLAB_FULL) replaceSlab()
    else if (count === 0) return true
    else if (!isRung && !isAskedAgain && count < EVENTS_A_CALL) return true
    delivered += count
    if (delivered >= SLICE_EVENTS) return false
    if (delivered > COUNT_A_CLOCK) {
      const now = performance.now()
      if (end === 0) end = now + SLICE_MS
      else if (now > end) return false
    }
    sendQueue.flush()
  }
}

/**
 * Lets V8 find out what large payloads are garbage. When it has to make memory for an ArrayBuffer
 * itself it looks how much young ones hold, also of memory that is ours, and if that is too much it
 * collects the young generation. Else it would collect everything, at a hundred times the cost.
 */
function remindOfGarbage() {
  new ArrayBuffer(1)
}

/** Takes the memory in which the next kept payloads lie. */
function takeKept() {
  const { buffer, byteOffset } = native.takeKept()
  keptBytes = buffer
  keptOffset = byteOffset
  remindOfGarbage()
}

/** A slice of fewer events does not look at the clock. */
const COUNT_A_CLOCK = 128

/**
 * Delivers one event.
 *
 * @param {number} at Where its record begins
 */
function deliver(at) {
  const id = eventRecords[at]
  const word = eventRecords[at + 1]
  const length = eventRecords[at + 2]
  const kind = word & KIND_MASK
  const driver = drivers[id & INDEX_MASK]
  const isGone = driver === undefined || driver.id !== id
  let payload = EMPTY_BUFFER
  if (kind <= EVENT.CLOSE) {
    // Taken also for a connection that is gone: the payloads come in the order of the records.
    if (word & EVENT_FLAG.LENT) {
      if (!isGone) payload = driver.lent(eventRecords[at + 3], length, word & EVENT_FLAG.LAST_LENT)
    } else if (word & EVENT_FLAG.LARGE) {
      payload = native.takeLarge()
      remindOfGarbage()
    } else if (word & EVENT_FLAG.KEPT) {
      if (word & EVENT_FLAG.FIRST_KEPT) takeKept()
      payload = new BufferView(keptBytes, keptOffset + eventRecords[at + 3], length)
    } else if (length > 0) {
      payload = new BufferView(slab, slabUsed, length)
      slabUsed += length
    }
  }
  if (isGone) return
  if (driver.isStream && kind < EVENT.WRITTEN && driver.isDropped()) return
  const { ws } = driver
  if (kind === EVENT.TEXT) {
    listeners.message(ws, payload, false, (word & EVENT_FLAG.ASCII) !== 0)
  } else if (kind === EVENT.BINARY) {
    listeners.message(ws, payload, true, false)
  } else {
    deliverOther(driver, kind, length, payload, eventRecords[at + 3])
  }
}

/**
 * Delivers an event that is not a message.
 *
 * @param {object} driver The connection's driver
 * @param {number} kind One of EVENT
 * @param {number} length The record's third word
 * @param {Buffer} payload The payload
 * @param {number} number The record's fourth word
 */
function deliverOther(driver, kind, length, payload, number) {
  const { ws } = driver
  switch (kind) {
    case EVENT.PING:
      listeners.ping(ws, payload)
      break
    case EVENT.PONG:
      listeners.pong(ws, payload)
      break
    case EVENT.CLOSE:
      listeners.closeFrame(ws, number, payload)
      break
    case EVENT.FAILED:
      errorRows ??= native.errorTable()
      listeners.failed(ws, protocolError(errorRows[length], number))
      break
    case EVENT.WRITTEN:
      written(driver)
      break
    case EVENT.ENDED:
      listeners.peerEnded(ws)
      break
    case EVENT.LIMITED:
      listeners.limited(ws, length, number)
      break
    case EVENT.OUTPUT:
      driver.pump()
      break
    case EVENT.HOLD:
      driver.hold(length === 1)
      break
    case EVENT.CLOSED:
      unregister(driver)
      driver.closed()
      // 'finish' of Node's socket is on its way, and createWebSocketStream of ws needs it first.
      if (driver.hasEnded()) nextTick(tellClosed, driver, 0, 0)
      else tellClosed(driver, length, number)
      break
  }
}

/**
 * Tells that a connection is gone.
 *
 * @param {object} driver The connection's driver
 * @param {number} errno The operating system's error number, 0 for none
 * @param {number} word 1 if it came of writing, and from bit 8 on the reason
 */
function tellClosed(driver, errno, word) {
  try {
    listeners.closed(driver.ws, errno, word >>> 8)
  } finally {
    // Also after an exception in a 'close' handler: the server waits for Node's socket.
    driver.afterClosed(errno, word & 1)
  }
}

/**
 * Tells those who waited for bytes to be written.
 *
 * @param {object} driver The connection's driver
 */
function written(driver) {
  driver.settle()
  if (driver.needsDrain && driver.charged - driver.taken() <= LOW_WATER_BYTES) {
    driver.needsDrain = false
    if (driver.pressure !== null) driver.pressure.feed()
    if (driver.needsDrain) return
    driver.tellReady()
    listeners.drained(driver.ws)
    driver.drained()
  }
}

/** 'drain' is emitted when no more than this is unwritten. */
const LOW_WATER_BYTES = 16 * 1024

/** Lends the addon new memory for payloads. */
function replaceSlab() {
  const bytes = Buffer.allocUnsafeSlow(EVENT_SLAB_BYTES)
  slab = bytes.buffer
  slabUsed = 0
  native.useSlab(bytes)
}

module.exports = {
  holdLoop,
  isLate,
  openDrivers,
  register,
  run,
  runNow,
  setListeners,
  unregister
}
