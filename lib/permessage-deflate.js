'use strict'

/**
 * permessage-deflate (RFC 7692) for users who negotiate and compress by themselves. Connections do
 * not need it: the core has both.
 */

const zlib = require('node:zlib')

const { EMPTY_BUFFER } = require('./constants')
const { DEFLATE_THRESHOLD, PERMESSAGE_DEFLATE } = require('./options')

/** RFC 7692 7.2.1: what ends each message, and is not sent. */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff])

const MIN_WINDOW_BITS = 8
const MAX_WINDOW_BITS = 15

/** Of zlib's calls so many run at once in a process: more of them fragment its memory. */
const DEFAULT_CONCURRENCY = 10

const jobs = []
let running = 0
let concurrency

/** One end of the extension, of one connection. */
class PerMessageDeflate {
  #deflate = null
  #inflate = null

  /**
   * @param {object} [options] Options
   * @param {boolean | number} [options.clientMaxWindowBits] The client's window bits; a client
   *   allows them to be limited unless this is false
   * @param {boolean} [options.clientNoContextTakeover=false] Whether the client keeps no context
   * @param {number} [options.concurrencyLimit=10] How many calls of zlib run at once in this
   *   process; the first instance decides, 0 is no limit
   * @param {boolean} [options.isServer=false] Whether this is the server's end
   * @param {number} [options.maxPayload=0] The most bytes to inflate at once; 0 is no limit
   * @param {boolean | number} [options.serverMaxWindowBits] The server's window bits
   * @param {boolean} [options.serverNoContextTakeover=false] Whether the server keeps no context
   * @param {number} [options.threshold=1024] Without a context shorter messages stay as they are
   * @param {object} [options.zlibDeflateOptions] Options of zlib
   * @param {object} [options.zlibInflateOptions] Options of zlib
   */
  constructor(options) {
    this._options = options || {}
    this._threshold = this._options.threshold ?? DEFLATE_THRESHOLD
    this._maxPayload = this._options.maxPayload | 0
    this._isServer = Boolean(this._options.isServer)
    /** What was agreed on; null before `accept()`. */
    this.params = null
    concurrency ??= (this._options.concurrencyLimit ?? DEFAULT_CONCURRENCY) || Infinity
  }

  /** @returns {string} The name of the extension */
  static get extensionName() {
    return PERMESSAGE_DEFLATE
  }

  /** @returns {object} The parameters of a client's offer */
  offer() {
    const options = this._options
    const clientBits = options.clientMaxWindowBits ?? true
    const params = {}
    if (options.serverNoContextTakeover) params.server_no_context_takeover = true
    if (options.clientNoContextTakeover) params.client_no_context_takeover = true
    if (options.serverMaxWindowBits) params.server_max_window_bits = options.serverMaxWindowBits
    if (clientBits) params.client_max_window_bits = clientBits
    return params
  }

  /**
   * Judges the client's offers, or the server's response.
   *
   * @param {object[]} configurations What `extension.parse()` gives for the extension; the
   *   parameters are changed in place
   * @returns {object} What is agreed on
   * @throws {Error | TypeError} If a parameter is wrong, or nothing can be agreed on
   */
  accept(configurations) {
    for (const params of configurations) readParams(params, this._isServer)
    const choose = this._isServer ? acceptOffer : acceptResponse
    this.params = choose(configurations, this._options)
    return this.params
  }

  /** Frees the memory of zlib. Who waits for a result gets an error. */
  cleanup() {
    const flows = [this.#inflate, this.#deflate]
    this.#inflate = null
    this.#deflate = null
    for (const flow of flows) flow?.close()
  }

  /**
   * Inflates a frame's payload.
   *
   * @param {Buffer} data The payload
   * @param {boolean} fin Whether it ends the message
   * @param {Function} callback Called with an error, or with null and the data
   */
  decompress(data, fin, callback) {
    runLimited(callback, (done) => {
      const peer = this._isServer ? 'client' : 'server'
      if (this.#inflate === null || this.#inflate.isOver) {
        const settings = { ...this._options.zlibInflateOptions, windowBits: this.#bits(peer) }
        this.#inflate = new Flow('inflate', zlib.createInflateRaw(settings), this._maxPayload)
      }
      const resets = fin && Boolean(this.params[`${peer}_no_context_takeover`])
      this.#inflate.run(data, fin ? TAIL : EMPTY_BUFFER, resets, done)
    })
  }

  /**
   * Compresses a frame's payload.
   *
   * @param {Buffer | string} data The payload
   * @param {boolean} fin Whether it ends the message
   * @param {Function} callback Called with an error, or with null and the data
   */
  compress(data, fin, callback) {
    runLimited(callback, (done) => {
      const own = this._isServer ? 'server' : 'client'
      if (this.#deflate === null || this.#deflate.isOver) {
        const settings = { ...this._options.zlibDeflateOptions, windowBits: this.#bits(own) }
        this.#deflate = new Flow('deflate', zlib.createDeflateRaw(settings), 0)
      }
      const resets = fin && Boolean(this.params[`${own}_no_context_takeover`])
      this.#deflate.run(data, EMPTY_BUFFER, resets, (error, bytes) => {
        if (error) done(error)
        else done(null, fin ? bytes.subarray(0, bytes.length - TAIL.length) : bytes)
      })
    })
  }

  /**
   * Tells the size of a window.
   *
   * @param {'client' | 'server'} end Whose window
   * @returns {number} The bits agreed on, or the most there are
   */
  #bits(end) {
    const bits = this.params[`${end}_max_window_bits`]
    return typeof bits === 'number' ? bits : MAX_WINDOW_BITS
  }
}

/** A stream of zlib that is fed piece by piece, and gives the result of each. */
class Flow {
  #name
  #stream
  #maxBytes
  #chunks = []
  #bytes = 0
  #callback = null

  /**
   * @param {'deflate' | 'inflate'} name What it does
   * @param {zlib.DeflateRaw | zlib.InflateRaw} stream The stream
   * @param {number} maxBytes The most bytes of a result; 0 is no limit
   */
  constructor(name, stream, maxBytes) {
    this.#name = name
    this.#stream = stream
    this.#maxBytes = maxBytes
    /** Whether nothing can be run any more. */
    this.isOver = false
    stream.on('data', (chunk) => this.#take(chunk))
    stream.on('end', () => (this.isOver = true))
    stream.on('error', (error) => this.#fail(error, 1007))
  }

  /**
   * Runs a piece through the stream.
   *
   * @param {Buffer | string} data The piece
   * @param {Buffer} tail What comes behind it
   * @param {boolean} resets Whether the next piece must not refer to this one
   * @param {Function} callback Called with an error, or with null and the result
   */
  run(data, tail, resets, callback) {
    this.#callback = callback
    this.#stream.write(data)
    if (tail.length > 0) this.#stream.write(tail)
    this.#stream.flush(zlib.constants.Z_SYNC_FLUSH, () => {
      if (this.#callback === null) return
      const result = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
      this.#chunks = []
      this.#bytes = 0
      if (this.isOver) this.#stream.close()
      else if (resets) this.#stream.reset()
      this.#settle(null, result)
    })
  }

  /** Ends it. Who waits gets an error. */
  close() {
    this.isOver = true
    this.#stream.close()
    const text = `The ${this.#name} stream was closed while data was being processed`
    if (this.#callback !== null) this.#settle(new Error(text))
  }

  /**
   * Takes output.
   *
   * @param {Buffer} chunk The output
   */
  #take(chunk) {
    this.#bytes += chunk.length
    if (this.#maxBytes === 0 || this.#bytes <= this.#maxBytes) {
      this.#chunks.push(chunk)
    } else if (!this.isOver) {
      const error = new RangeError('Max payload size exceeded')
      error.code = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
      this.#stream.close()
      this.#fail(error, 1009)
    }
  }

  /**
   * The data is bad, or too long.
   *
   * @param {Error} error What is wrong
   * @param {number} closeCode The close code that the peer deserves
   */
  #fail(error, closeCode) {
    this.isOver = true
    Object.defineProperty(error, 'closeCode', { value: closeCode })
    if (this.#callback !== null) this.#settle(error)
  }

  /**
   * Tells who waits.
   *
   * @param {Error | null} error What went wrong
   * @param {Buffer} [result] The result
   */
  #settle(error, result) {
    const callback = this.#callback
    this.#callback = null
    callback(error, result)
  }
}

/**
 * Runs a job now, or as soon as not too many others run.
 *
 * @param {Function} callback Called with what the job's callback is called with
 * @param {Function} job The job, given its callback
 */
function runLimited(callback, job) {
  jobs.push({ callback, job })
  runNext()
}

/** Starts the job that has waited longest, if it may run. */
function runNext() {
  if (running >= concurrency || jobs.length === 0) return
  const { callback, job } = jobs.shift()
  running++
  job((error, result) => {
    running--
    runNext()
    callback(error, result)
  })
}

/**
 * Checks the parameters of an offer or a response, and puts each value in the place of the list
 * of its values.
 *
 * @param {object} params Lists of values by name, changed in place
 * @param {boolean} isOffer Whether the parameters are a client's offer
 * @throws {Error | TypeError} If one of them is wrong
 */
function readParams(params, isOffer) {
  for (const [name, values] of Object.entries(params)) {
    if (values.length > 1) throw new Error(`Parameter "${name}" must have only a single value`)
    const read = PARAM_READERS[name]
    if (read === undefined) throw new Error(`Unknown parameter "${name}"`)
    const value = read(values[0], isOffer)
    if (value === undefined) {
      throw new TypeError(`Invalid value for parameter "${name}": ${values[0]}`)
    }
    params[name] = value
  }
}

/** RFC 7692 7.1: what the values may be. Undefined stands for any other. */
const PARAM_READERS = Object.freeze({
  __proto__: null,
  client_max_window_bits: (value, isOffer) =>
    // Only an offer may leave the number to the other side.
    value === true && isOffer ? true : readWindowBits(value),
  client_no_context_takeover: readFlag,
  server_max_window_bits: readWindowBits,
  server_no_context_takeover: readFlag
})

/**
 * Reads a parameter that has no value.
 *
 * @param {*} value What it has
 * @returns {true | undefined} True if it has none
 */
function readFlag(value) {
  return value === true ? true : undefined
}

/**
 * Reads a number of window bits.
 *
 * @param {string | number | true} value The value
 * @returns {number | undefined} From 8 to 15
 */
function readWindowBits(value) {
  const bits = Number(value)
  const isValid = Number.isInteger(bits) && bits >= MIN_WINDOW_BITS && bits <= MAX_WINDOW_BITS
  return isValid ? bits : undefined
}

/**
 * Chooses among a client's offers (RFC 7692 7.1).
 *
 * @param {object[]} offers The offers
 * @param {object} options The server's options
 * @returns {object} The offer chosen, made the response
 * @throws {Error} If there is none to choose
 */
function acceptOffer(offers, options) {
  const accepted = offers.find((offer) => suits(offer, options))
  if (accepted === undefined) throw new Error('None of the extension offers can be accepted')

  if (options.serverNoContextTakeover) accepted.server_no_context_takeover = true
  if (options.clientNoContextTakeover) accepted.client_no_context_takeover = true
  if (typeof options.serverMaxWindowBits === 'number') {
    accepted.server_max_window_bits = options.serverMaxWindowBits
  }
  if (typeof options.clientMaxWindowBits === 'number') {
    accepted.client_max_window_bits = options.clientMaxWindowBits
  } else if (
    options.clientMaxWindowBits === false ||
    accepted.client_max_window_bits === true
  ) {
    delete accepted.client_max_window_bits
  }
  return accepted
}

/**
 * Says whether a server can take an offer.
 *
 * @param {object} offer The offer
 * @param {object} options The server's options
 * @returns {boolean} Whether it can
 */
function suits(offer, options) {
  const { clientMaxWindowBits: clientBits, serverMaxWindowBits: serverBits } = options
  if (offer.server_no_context_takeover && options.serverNoContextTakeover === false) return false
  if (offer.server_max_window_bits) {
    if (serverBits === false) return false
    if (typeof serverBits === 'number' && serverBits > offer.server_max_window_bits) return false
  }
  if (typeof clientBits !== 'number') return true
  const offered = offer.client_max_window_bits
  return typeof offered === 'number' ? clientBits <= offered : Boolean(offered)
}

/**
 * Judges a server's response (RFC 7692 7.1).
 *
 * @param {object[]} response The response: one configuration
 * @param {object} options The client's options
 * @returns {object} The parameters that hold
 * @throws {Error} If the server may not respond so
 */
function acceptResponse([params], options) {
  const { clientMaxWindowBits: clientBits, clientNoContextTakeover } = options
  if (params.client_no_context_takeover && clientNoContextTakeover === false) {
    throw new Error('Unexpected parameter "client_no_context_takeover"')
  }
  const given = params.client_max_window_bits
  if (given && (clientBits === false || (typeof clientBits === 'number' && given > clientBits))) {
    throw new Error('Unexpected or invalid parameter "client_max_window_bits"')
  }
  if (!given && typeof clientBits === 'number') params.client_max_window_bits = clientBits
  return params
}

module.exports = PerMessageDeflate
