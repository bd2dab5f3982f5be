'use strict'

/**
 * Reads what a peer sends out of any bytes, for users who have done the opening handshake by
 * themselves. Connections of offloop do not come here: their driver has their bytes decoded.
 */

const { Writable } = require('node:stream')

const codec = require('./codec')
const { BINARY_TYPES } = require('./constants')
const { convert } = require('./incoming')
const { PERMESSAGE_DEFLATE } = require('./options')
const { nextTick, setImmediate } = require('./ticks')

/** Nobody has to end or destroy a Receiver: its decoder is given back when it is collected. */
const registry = new FinalizationRegistry((id) => codec.close(id))

/**
 * A Writable that takes the bytes behind an opening handshake. It emits `message (data, isBinary)`,
 * `ping (data)`, `pong (data)`, `conclude (code, reason)` for the close frame, and then finishes;
 * or `error` if the peer breaks a rule.
 */
class Receiver extends Writable {
  #id = null
  #events = []
  #next = 0
  #callback = null
  #isConcluded = false

  /**
   * @param {object} [options] Options
   * @param {boolean} [options.allowSynchronousEvents=true] Whether several events may be emitted
   *   in one turn of the event loop
   * @param {string} [options.binaryType='nodebuffer'] What binary messages arrive as
   * @param {object} [options.extensions] The extensions in use, by name
   * @param {boolean} [options.isServer=false] Whether this is the server's end
   * @param {number} [options.maxFragments=0] The most fragments of a message; 0 is no limit
   * @param {number} [options.maxPayload=0] The most bytes of a message; 0 is no limit
   * @param {boolean} [options.skipUTF8Validation=false] Whether text is not checked
   */
  constructor(options = {}) {
    super()
    this._allowSynchronousEvents = options.allowSynchronousEvents ?? true
    /** May be changed at any time. */
    this._binaryType = options.binaryType || BINARY_TYPES[0]
    this._extensions = options.extensions || {}
    this._isServer = Boolean(options.isServer)
    this._maxFragments = options.maxFragments | 0
    this._maxPayload = options.maxPayload | 0
    this._skipUTF8Validation = Boolean(options.skipUTF8Validation)
  }

  /**
   * Node's hook: takes bytes.
   *
   * @param {Buffer} chunk The bytes; they are unmasked in place
   * @param {string} encoding Of no meaning for bytes
   * @param {Function} callback Called when all events of these bytes are out, or with an error
   */
  _write(chunk, encoding, callback) {
    if (this.#isConcluded) {
      callback()
      return
    }
    if (this.#id === null) this.#open()
    this.#events = codec.decode(this.#id, chunk)
    this.#next = 0
    this.#callback = callback
    this.#emitRest()
  }

  /**
   * Node's hook: gives the decoder back.
   *
   * @param {Error | null} error Why
   * @param {Function} callback Called when it is done
   */
  _destroy(error, callback) {
    if (this.#id !== null) {
      registry.unregister(this)
      codec.close(this.#id)
      this.#id = null
    }
    // Bytes that come while 'finish' is on its way are of no interest, as after any close frame.
    this.#isConcluded = true
    callback(error)
  }

  /** Makes the decoder, with what has been negotiated by now. */
  #open() {
    const deflate = this._extensions[PERMESSAGE_DEFLATE]
    const peer = this._isServer ? 'client' : 'server'
    this.#id = codec.open({
      role: this._isServer ? 'server' : 'client',
      skipUTF8Validation: this._skipUTF8Validation,
      maxPayload: Math.max(0, this._maxPayload || (deflate?._maxPayload ?? 0)),
      maxFragments: Math.max(0, this._maxFragments),
      isCompressed: Boolean(deflate),
      keepsContext: !deflate?.params?.[`${peer}_no_context_takeover`]
    })
    registry.register(this, this.#id, this)
  }

  /** Emits the events that have been decoded, and then lets more bytes come. */
  #emitRest() {
    try {
      while (this.#next < this.#events.length) {
        const [name, ...values] = this.#events[this.#next++]
        if (name === 'error') {
          this.#callback(values[0])
          return
        }
        if (name === 'conclude') {
          this.#conclude(...values)
        } else if (this._allowSynchronousEvents) {
          this.#emit(name, values)
        } else {
          setImmediate(() => this.#emitDeferred(name, values))
          return
        }
      }
    } catch (error) {
      // What a listener throws is the writer's, but no reason to lose the events behind it.
      nextTick(() => this.#emitRest())
      throw error
    }
    this.#events = []
    this.#callback()
  }

  /**
   * Emits an event in a turn of the event loop for itself.
   *
   * @param {string} name Its name
   * @param {Array} values What the listeners get
   */
  #emitDeferred(name, values) {
    try {
      this.#emit(name, values)
    } finally {
      this.#emitRest()
    }
  }

  /**
   * Emits an event.
   *
   * @param {string} name Its name
   * @param {Array} values What the listeners get
   */
  #emit(name, [data, isBinary]) {
    if (name !== 'message') this.emit(name, data)
    else if (isBinary && this._binaryType !== BINARY_TYPES[0]) {
      this.emit('message', convert(data, this._binaryType), true)
    } else this.emit('message', data, isBinary)
  }

  /**
   * The close frame has come: nothing that may follow is looked at.
   *
   * @param {number} code The close code, 1005 if there was none
   * @param {Buffer} reason The reason
   */
  #conclude(code, reason) {
    this.#isConcluded = true
    this.emit('conclude', code, reason)
    this.end()
  }
}

module.exports = Receiver
