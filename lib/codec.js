'use strict'

/**
 * The core as a decoder, for `Receiver`: bytes in, events out, at once and without a connection.
 *
 * It has an instance of the addon for itself. In the other one a call would also deliver what
 * waits there of the connections, in the middle of whatever the user is doing.
 */

const native = require('./native')
const {
  COUNT_MASK,
  EVENT,
  EVENTS_A_CALL,
  EVENT_FLAG,
  EVENT_SLAB_BYTES,
  KIND_MASK,
  RECORD_WORDS,
  SLAB_FULL
} = require('./border')
const { BufferView, EMPTY_BUFFER } = require('./constants')
const { protocolError } = require('./errors')
const { nativeConfig } = require('./options')

/** What an extension adds to the flags of a connection; see `Negotiated` in the addon. */
const DEFLATE_FLAG = 1 << 2
const RECEIVE_NO_CONTEXT_TAKEOVER_FLAG = 1 << 4

/** What the events are called where they are emitted. */
const EVENT_NAMES = Object.freeze({
  [EVENT.TEXT]: 'message',
  [EVENT.BINARY]: 'message',
  [EVENT.PING]: 'ping',
  [EVENT.PONG]: 'pong',
  [EVENT.CLOSE]: 'conclude',
  [EVENT.FAILED]: 'error'
})

const freeIds = []
let idCount = 0
let addon = null
let errorRows = null
let records = null
let slab = null
let slabUsed = 0

/**
 * Begins to decode what one peer sends.
 *
 * @param {object} config How
 * @param {'client' | 'server'} config.role Who decodes
 * @param {boolean} config.skipUTF8Validation Whether text is not checked
 * @param {number} config.maxPayload The most bytes of a message; 0 is no limit
 * @param {number} config.maxFragments The most fragments of a message; 0 is no limit
 * @param {boolean} config.isCompressed Whether permessage-deflate is in use
 * @param {boolean} config.keepsContext Whether a compressed message may refer to those before it
 * @returns {number} An id, to be given back by `close()`
 */
function open(config) {
  if (addon === null) start()
  const id = freeIds.pop() ?? idCount++
  let flags = 0
  if (config.isCompressed) flags |= DEFLATE_FLAG
  if (!config.keepsContext) flags |= RECEIVE_NO_CONTEXT_TAKEOVER_FLAG
  const deflate = config.isCompressed ? { flags, threshold: 0 } : undefined
  const full = { ...config, autoPong: false, maxPendingAutoPongs: 0, deflate }
  addon.openStream(id, ...nativeConfig(full))
  return id
}

/**
 * Decodes what has come.
 *
 * @param {number} id What `open()` returned
 * @param {Buffer} chunk The bytes; they are unmasked in place
 * @returns {Array[]} Events: the name of each, and the arguments that its listeners get
 */
function decode(id, chunk) {
  const events = []
  addon.receive(id, chunk, true)
  for (;;) {
    const drained = addon.drain()
    const count = drained & COUNT_MASK
    for (let record = 0; record < count; record++) {
      events.push(readEvent(record * RECORD_WORDS, chunk))
    }
    if (drained >= SLAB_FULL) replaceSlab()
    else if (count === 0) return events
  }
}

/**
 * Ends decoding.
 *
 * @param {number} id What `open()` returned; not to be used any more
 */
function close(id) {
  addon.release(id)
  freeIds.push(id)
}

/** Makes the instance. It has no threads: nothing is read but what `decode()` is given. */
function start() {
  records = new Uint32Array(EVENTS_A_CALL * RECORD_WORDS)
  addon = native.createInstance()
  addon.start(0, () => {}, records, new Uint32Array(0), EMPTY_BUFFER)
  replaceSlab()
}

/** Lends the addon new memory for payloads. */
function replaceSlab() {
  const bytes = Buffer.allocUnsafeSlow(EVENT_SLAB_BYTES)
  slab = bytes.buffer
  slabUsed = 0
  addon.useSlab(bytes)
}

/**
 * Reads an event.
 *
 * @param {number} at Where its record begins
 * @param {Buffer} chunk What it came in
 * @returns {Array} Its name, and the arguments that its listeners get
 */
function readEvent(at, chunk) {
  const kind = records[at + 1] & KIND_MASK
  const length = records[at + 2]
  const number = records[at + 3]
  if (kind === EVENT.FAILED) {
    errorRows ??= native.errorTable()
    return [EVENT_NAMES[kind], protocolError(errorRows[length], number)]
  }
  let payload = EMPTY_BUFFER
  if (records[at + 1] & EVENT_FLAG.LENT) {
    payload = chunk.subarray(number, number + length)
  } else if (records[at + 1] & EVENT_FLAG.LARGE) {
    payload = addon.takeLarge()
  } else if (length > 0) {
    payload = new BufferView(slab, slabUsed, length)
    slabUsed += length
  }
  if (kind === EVENT.CLOSE) return [EVENT_NAMES[kind], number, payload]
  if (kind === EVENT.PING || kind === EVENT.PONG) return [EVENT_NAMES[kind], payload]
  return [EVENT_NAMES[kind], payload, kind === EVENT.BINARY]
}

module.exports = { close, decode, open }
