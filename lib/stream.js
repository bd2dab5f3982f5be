'use strict'

/** A WebSocket as a stream: what it receives can be read, what is written is sent. */

const { Duplex } = require('node:stream')

const { nextTick } = require('./ticks')

/** Whose methods are Node's hooks. Those that a user passes as options are not for a WebSocket. */
const HOOKS = Object.freeze({
  destroy: undefined,
  final: undefined,
  read: undefined,
  write: undefined,
  writev: undefined
})

/** The stream. Who destroys it drops the connection; who ends it starts the closing handshake. */
class WebSocketStream extends Duplex {
  #ws
  #failed = false

  /**
   * @param {object} ws The WebSocket
   * @param {object} [options] Options of the Duplex
   */
  constructor(ws, options) {
    super({
      ...options,
      ...HOOKS,
      // The stream is over when the connection is, and says 'close' then.
      autoDestroy: false,
      emitClose: false,
      objectMode: false,
      writableObjectMode: false
    })
    this.#ws = ws
    ws.on('message', (data, isBinary) => this.#receive(data, isBinary))
    ws.once('error', (error) => this.#fail(error))
    ws.once('close', () => {
      if (!this.destroyed) this.push(null)
    })
    // Whichever comes last: nothing will be read or written any more.
    this.on('end', () => this.#destroyIfDone())
    this.on('finish', () => this.#destroyIfDone())
    this.on('error', destroyOnError)
  }

  /** Node's hook: the reader wants more. */
  _read() {
    if (this.#ws.isPaused) this.#ws.resume()
  }

  /**
   * Node's hook: sends what is written, as soon as the connection is open.
   *
   * @param {Buffer | string} chunk A message
   * @param {string} encoding Of no meaning
   * @param {Function} callback Called when it is on its way, or with an error
   */
  _write(chunk, encoding, callback) {
    const ws = this.#ws
    if (ws.readyState === ws.CONNECTING) {
      ws.once('open', () => this._write(chunk, encoding, callback))
    } else {
      ws.send(chunk, callback)
    }
  }

  /**
   * Node's hook: the writer has ended. Starts the closing handshake, and waits for our side of
   * the transport to have ended.
   *
   * @param {Function} callback Called when it has
   */
  _final(callback) {
    const ws = this.#ws
    if (ws.readyState === ws.CONNECTING) {
      ws.once('open', () => this._final(callback))
      return
    }
    const socket = ws._socket
    // The opening handshake has failed: 'error' will end this stream.
    if (socket === null) return
    if (socket._writableState.finished) {
      callback()
      return
    }
    socket.once('finish', () => callback())
    ws.close()
  }

  /**
   * Node's hook: the stream is being destroyed. That takes until the connection has ended.
   *
   * @param {Error | null} error Why
   * @param {Function} callback Called when it has
   */
  _destroy(error, callback) {
    const ws = this.#ws
    const emitClose = () => nextTick(() => this.emit('close'))
    if (ws.readyState === ws.CLOSED) {
      callback(error)
      emitClose()
      return
    }
    let isTold = false
    ws.once('error', (later) => {
      isTold = true
      callback(later)
    })
    ws.once('close', () => {
      if (!isTold) callback(error)
      emitClose()
    })
    // After an error a close frame is on its way to the peer, which must not be dropped.
    if (!this.#failed) ws.terminate()
  }

  /**
   * A message has come: stops reading if nobody reads it.
   *
   * @param {Buffer | ArrayBuffer | Buffer[] | Blob} data The message
   * @param {boolean} isBinary Whether it is not text
   */
  #receive(data, isBinary) {
    const isText = !isBinary && this.readableObjectMode
    if (!this.push(isText ? data.toString() : data)) this.#ws.pause()
  }

  /**
   * The connection has failed.
   *
   * @param {Error} error Why
   */
  #fail(error) {
    if (this.destroyed) return
    this.#failed = true
    this.destroy(error)
  }

  /** Ends the stream if both its sides have ended. */
  #destroyIfDone() {
    if (!this.destroyed && this.readableEnded && this.writableFinished) this.destroy()
  }
}

/**
 * Hears an error of the stream, such as one of a stream that is piped into it. If nobody else
 * does, it is an uncaught one, as that of any other stream.
 *
 * @param {Error} error The error
 */
function destroyOnError(error) {
  this.removeListener('error', destroyOnError)
  this.destroy()
  if (this.listenerCount('error') === 0) this.emit('error', error)
}

/**
 * Makes a stream of a WebSocket.
 *
 * @param {object} ws The WebSocket
 * @param {object} [options] Options of the Duplex
 * @returns {Duplex} The stream
 */
function createWebSocketStream(ws, options) {
  return new WebSocketStream(ws, options)
}

module.exports = createWebSocketStream
