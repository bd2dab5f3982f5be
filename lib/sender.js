'use strict'

/**
 * Writes frames to a stream, for users who have done the opening handshake by themselves, or who
 * want frames without a connection. Connections of offloop do not come here: the core writes
 * their frames.
 */

const { MASKING_KEY_BYTES } = require('./border')
const { frame: makeFrame, kByteLength } = require('./frame')
const { PERMESSAGE_DEFLATE } = require('./options')
const { nextTick } = require('./ticks')
const { checkControlSize, closeBody, closeReason, isBlob, toBuffer } = require('./validation')

const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const PONG = 10

/** Writes frames, in the order of the calls, also while some payloads have to be made first. */
class Sender {
  #isFirstFragment = true
  #compresses = false
  #jobs = []

  /**
   * @param {import('node:stream').Duplex} socket Where to write
   * @param {object} [extensions] The extensions in use, by name
   * @param {Function} [generateMask] Fills a Buffer of four bytes with a masking key
   */
  constructor(socket, extensions, generateMask) {
    this._socket = socket
    this._extensions = extensions || {}
    this._generateMask = generateMask
    this._maskBuffer = generateMask ? Buffer.alloc(MASKING_KEY_BYTES) : undefined
    /** Payload bytes that wait to be made or to be written. */
    this._bufferedBytes = 0
    /** Called with the error if a Blob cannot be read. */
    this.onerror = ignore
  }

  /**
   * Makes a frame (RFC 6455 5.2).
   *
   * @param {Buffer | string} data The payload
   * @param {object} options See `FrameOptions` in frame.js
   * @returns {(Buffer | string)[]} The header and the payload, or one Buffer with both; of an
   *   empty payload there is only the header
   */
  static frame(data, options) {
    return makeFrame(data, options)
  }

  /**
   * Sends a close frame.
   *
   * @param {number} [code] The close code
   * @param {string | Uint8Array} [data] The reason, at most 123 bytes
   * @param {boolean} [mask=false] Whether the frame is masked
   * @param {Function} [cb] Called when it is written
   * @throws {TypeError | RangeError} If a close frame cannot carry them
   */
  close(code, data, mask, cb) {
    const body = closeBody(code, closeReason(code, data))
    const frame = this.#frameOptions({ fin: true, mask, opcode: CLOSE, readOnly: false })
    this.#add({ data: body, bytes: body.length, compress: false, frame, cb })
  }

  /**
   * Sends a ping.
   *
   * @param {*} data At most 125 bytes
   * @param {boolean} [mask=false] Whether the frame is masked
   * @param {Function} [cb] Called when it is written
   * @throws {RangeError} If the data is too long
   */
  ping(data, mask, cb) {
    this.#control(PING, data, mask, cb)
  }

  /**
   * Sends a pong.
   *
   * @param {*} data At most 125 bytes
   * @param {boolean} [mask=false] Whether the frame is masked
   * @param {Function} [cb] Called when it is written
   * @throws {RangeError} If the data is too long
   */
  pong(data, mask, cb) {
    this.#control(PONG, data, mask, cb)
  }

  /**
   * Sends a message, or a fragment of one.
   *
   * @param {*} data The payload
   * @param {object} options Options
   * @param {boolean} [options.binary=false] Whether it is not text
   * @param {boolean} [options.compress=false] Whether it is compressed
   * @param {boolean} [options.fin=false] Whether it ends the message
   * @param {boolean} [options.mask=false] Whether the frame is masked
   * @param {Function} [cb] Called when it is written
   */
  send(data, options, cb) {
    const payload = payloadOf(data)
    const isFirst = this.#isFirstFragment
    if (isFirst) this.#compresses = this.#isCompressed(payload.bytes, options.compress)
    this.#isFirstFragment = Boolean(options.fin)

    let opcode = 0
    if (isFirst) opcode = options.binary ? BINARY : TEXT
    const { fin, mask } = options
    const { bytes, readOnly } = payload
    // RFC 7692 6: the first frame of a compressed message has the bit, and no other.
    const rsv1 = isFirst && this.#compresses
    const frame = this.#frameOptions({ fin, mask, opcode, readOnly, rsv1 })
    this.#add({ data: payload.data, bytes, compress: this.#compresses, frame, cb })
  }

  /**
   * Writes what `frame()` has made, in one go.
   *
   * @param {(Buffer | string)[]} list One or two pieces
   * @param {Function} [cb] Called when they are written
   */
  sendFrame(list, cb) {
    if (list.length < 2) {
      this._socket.write(list[0], cb)
      return
    }
    this._socket.cork()
    this._socket.write(list[0])
    this._socket.write(list[1], cb)
    this._socket.uncork()
  }

  /**
   * Sends a ping or a pong.
   *
   * @param {number} opcode Which
   * @param {*} data The payload
   * @param {boolean} mask Whether the frame is masked
   * @param {Function} cb The callback
   * @throws {RangeError} If the data is too long
   */
  #control(opcode, data, mask, cb) {
    const payload = payloadOf(data)
    const { bytes, readOnly } = payload
    checkControlSize(bytes)
    const frame = this.#frameOptions({ fin: true, mask, opcode, readOnly })
    this.#add({ data: payload.data, bytes, compress: false, frame, cb })
  }

  /**
   * Adds what all frames of this sender have in common.
   *
   * @param {object} options The rest
   * @returns {object} Everything
   */
  #frameOptions(options) {
    return {
      rsv1: false,
      ...options,
      generateMask: this._generateMask,
      maskBuffer: this._maskBuffer
    }
  }

  /**
   * Says whether a message is to be compressed. Where no context is kept, short ones are not worth
   * it.
   *
   * @param {number} bytes The size of its first fragment
   * @param {boolean | undefined} wanted Whether the user wants it
   * @returns {boolean} Whether it is
   */
  #isCompressed(bytes, wanted) {
    const deflate = this._extensions[PERMESSAGE_DEFLATE]
    if (!wanted || !deflate) return Boolean(wanted)
    const end = deflate._isServer ? 'server' : 'client'
    return !deflate.params[`${end}_no_context_takeover`] || bytes >= deflate._threshold
  }

  /**
   * Sends a frame now, or behind those that wait.
   *
   * @param {object} job `data`, `bytes`, `compress`, the options of the `frame`, and `cb`
   */
  #add(job) {
    if (this.#jobs.length === 0 && !job.compress && !isBlob(job.data)) {
      this.#write(job, job.data)
      return
    }
    this._bufferedBytes += job.bytes
    if (this.#jobs.push(job) === 1) this.#next()
  }

  /** Goes on with the frames that wait, up to one whose payload has to be made first. */
  #next() {
    while (this.#jobs.length > 0) {
      const job = this.#jobs[0]
      if (isBlob(job.data)) {
        this.#read(job)
        return
      }
      if (job.compress) {
        this.#compress(job)
        return
      }
      this.#writeFirst(job.data)
    }
  }

  /**
   * Reads the Blob of the first frame that waits.
   *
   * @param {object} job The frame
   */
  #read(job) {
    job.data.arrayBuffer().then(
      // A tick of its own: what a callback throws is then not a rejection.
      (bytes) => nextTick(() => this.#haveRead(job, bytes)),
      (error) => nextTick(() => {
        this.#fail(error)
        this.onerror(error)
      })
    )
  }

  /**
   * Goes on after a Blob has been read.
   *
   * @param {object} job The frame
   * @param {ArrayBuffer} bytes What the Blob holds
   */
  #haveRead(job, bytes) {
    if (this._socket.destroyed) {
      this.#fail(new Error('The socket was closed while the blob was being read'))
      return
    }
    job.data = Buffer.from(bytes)
    this.#next()
  }

  /**
   * Compresses the payload of the first frame that waits.
   *
   * @param {object} job The frame
   */
  #compress(job) {
    const deflate = this._extensions[PERMESSAGE_DEFLATE]
    deflate.compress(job.data, job.frame.fin, (error, bytes) => {
      if (error || this._socket.destroyed) {
        this.#fail(new Error('The socket was closed while data was being compressed'))
        return
      }
      job.frame.readOnly = false
      this.#writeFirst(bytes)
      this.#next()
    })
  }

  /**
   * Writes the first frame that waits.
   *
   * @param {Buffer | string} payload Its payload
   */
  #writeFirst(payload) {
    const job = this.#jobs.shift()
    this._bufferedBytes -= job.bytes
    this.#write(job, payload)
  }

  /**
   * Writes a frame.
   *
   * @param {object} job The frame
   * @param {Buffer | string} payload Its payload
   */
  #write({ frame, bytes, cb }, payload) {
    const isText = typeof payload === 'string'
    this.sendFrame(Sender.frame(payload, isText ? { ...frame, [kByteLength]: bytes } : frame), cb)
  }

  /**
   * Gives up: tells everybody who waits. Their bytes stay counted, and nothing behind them can be
   * sent.
   *
   * @param {Error} error Why
   */
  #fail(error) {
    for (const { cb } of this.#jobs.slice()) {
      if (typeof cb === 'function') cb(error)
    }
  }
}

/**
 * Looks at what the user passed.
 *
 * @param {*} data A string, a Blob, or what has bytes
 * @returns {{data: (string | Buffer | Blob), bytes: number, readOnly: boolean}} What to send, its
 *   size, and whether its bytes are the user's
 * @throws {TypeError} If it has no bytes
 */
function payloadOf(data) {
  if (typeof data === 'string') return { data, bytes: Buffer.byteLength(data), readOnly: false }
  if (isBlob(data)) return { data, bytes: data.size, readOnly: false }
  const buffer = toBuffer(data)
  const readOnly = ArrayBuffer.isView(data) || data instanceof ArrayBuffer
  return { data: buffer, bytes: buffer.length, readOnly }
}

/** Nobody wants to hear of it. */
function ignore() {}

module.exports = Sender
