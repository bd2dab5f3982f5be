'use strict'

/**
 * What ws has inside a WebSocket, for those who reach in. Each is made when it is first asked for:
 * offloop itself has no use for them.
 */

const EventEmitter = require('node:events')

const Sender = require('./sender')
const sendQueue = require('./send-queue')
const { COMMAND, TUNING } = require('./border')
const { CLOSED } = require('./constants')
const { notOpenError } = require('./errors')
const { payloadLimit } = require('./options')
const { nextTick } = require('./ticks')
const { toBuffer } = require('./validation')

/**
 * `_sender`. Socket.IO and Rocket.Chat make the frame of a broadcast once, by `Sender.frame()`, and
 * give it to each connection's `sendFrame()`; others look for `_sender._socket`.
 */
class ConnectionSender extends Sender {
  #ws

  /** @param {object} ws The WebSocket, which has a driver */
  constructor(ws) {
    super(ws._socket, {}, ws._driver.generateMask ?? undefined)
    this.#ws = ws
  }

  /**
   * Sends a message; the frame is not compressed, whatever was negotiated.
   *
   * @param {*} data The payload
   * @param {object} options See `Sender`
   * @param {Function} [cb] Called when it is written
   */
  send(data, options, cb) {
    super.send(data, { ...options, compress: false }, cb)
  }

  /**
   * Sends a frame that is made already, in order with everything else.
   *
   * @param {(Buffer | string)[]} list Its pieces
   * @param {Function} [cb] Called when it is written
   */
  sendFrame(list, cb) {
    const { _driver: driver, _readyState: state } = this.#ws
    if (state === CLOSED) {
      if (cb) nextTick(cb, notOpenError(CLOSED))
    } else if (!this._socket.writable) {
      super.sendFrame(list, cb) // fails as ws does
    } else if (driver.pressure === null) {
      sendQueue.raw(driver, list, cb)
    } else {
      driver.pressure.send(COMMAND.RAW, Buffer.concat(list.map(toBuffer)), cb)
    }
  }
}

/**
 * `_receiver`. There is no public way to change the limit on messages of one connection, so servers
 * that trust their users only after a while (hapi's nes, VS Code's agents, SocketCluster) set
 * `_receiver._maxPayload`. Old versions of createWebSocketStream listen to it. It emits nothing.
 */
class ConnectionReceiver extends EventEmitter {
  #ws

  /** @param {object} ws The WebSocket, which has a driver */
  constructor(ws) {
    super()
    this.#ws = ws
  }

  /** @returns {number} The most bytes of a message; 0 is no limit */
  get _maxPayload() {
    return this.#ws._maxPayload
  }

  /** @param {number} bytes The limit for what is read from now on */
  set _maxPayload(bytes) {
    const ws = this.#ws
    ws._maxPayload = payloadLimit(bytes)
    if (ws._readyState !== CLOSED) {
      sendQueue.tune(ws._driver, TUNING.MAX_PAYLOAD, ws._maxPayload)
    }
  }
}

/**
 * Makes properties that are not there until somebody asks for them.
 *
 * @param {Function} WebSocket The class
 */
function mixInInternals(WebSocket) {
  for (const [name, Part] of [
    ['_sender', ConnectionSender],
    ['_receiver', ConnectionReceiver]
  ]) {
    Object.defineProperty(WebSocket.prototype, name, {
      /** @returns {object | null} The part; null before the connection is open */
      get() {
        if (this._driver === null || this._driver === undefined) return null
        const value = new Part(this)
        Object.defineProperty(this, name, { value, writable: true })
        return value
      }
    })
  }
}

module.exports = { mixInInternals }
