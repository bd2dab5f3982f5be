/**
 * A client made of a bare socket, for those that attack: it sends what it likes, counts what comes,
 * and never throws.
 */

import net from 'node:net'

import frames from '../__test__/support/frames.js'

export const { closeFrame, frame, OPCODE } = frames

/** A good upgrade request, up to the empty line. */
const REQUEST_LINES = [
  'GET / HTTP/1.1',
  'Host: soak',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13'
]

/** A good upgrade request. */
export const REQUEST = `${REQUEST_LINES.join('\r\n')}\r\n\r\n`

/** The same, with an offer to compress. */
export const DEFLATE_REQUEST =
  `${REQUEST_LINES.join('\r\n')}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n`

/** Nobody waits longer than this for anything. */
const PATIENCE_MS = 10_000

/** One connection. */
export class Raw {
  /** @param {net.Socket} socket connecting, or connected */
  constructor(socket) {
    this.socket = socket
    this.bytes = 0
    this.head = null // of an HTTP answer, while it is awaited
    this.isClosed = false
    this.wake = () => {}
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('end', () => this.wake())
    socket.on('error', () => {})
    socket.on('close', () => { this.isClosed = true; this.wake() })
  }

  /**
   * Connects.
   *
   * @param {number} port where
   * @returns {Promise<Raw>} connected, or closed already if nobody listens there
   */
  static async connect(port) {
    const raw = new Raw(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
    await new Promise((resolve) => raw.socket.once('connect', resolve).once('close', resolve))
    raw.socket.setNoDelay()
    return raw
  }

  /**
   * Connects and upgrades.
   *
   * @param {number} port where
   * @param {string} [request] what to ask [REQUEST]
   * @returns {Promise<Raw>} upgraded; `bytes` counts what comes behind the answer
   */
  static async upgrade(port, request = REQUEST) {
    const raw = await Raw.connect(port)
    raw.head = ''
    raw.socket.write(request)
    await raw.#until(() => raw.head === null)
    return raw
  }

  /**
   * Sends.
   *
   * @param {string|Buffer} bytes what
   * @returns {Promise<void>} settles when the kernel has them, or the connection is gone
   */
  write(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()))
  }

  /**
   * Waits for an amount of bytes.
   *
   * @param {number} bytes how many, in all
   * @returns {Promise<boolean>} whether they came
   */
  received(bytes) {
    return this.#until(() => this.bytes >= bytes)
  }

  /** @returns {Promise<boolean>} whether the server has ended the connection */
  ended() {
    return this.#until(() => this.isClosed || this.socket.readableEnded)
  }

  /** Ends our side, and waits for the other's. */
  async leave() {
    this.socket.end()
    await this.ended()
    this.socket.destroy()
  }

  /** Resets the connection. */
  reset() {
    this.socket.resetAndDestroy()
  }

  /**
   * Counts what has come.
   *
   * @param {Buffer} chunk the bytes
   */
  #take(chunk) {
    let count = chunk.length
    if (this.head !== null) {
      this.head += chunk.toString('latin1')
      const end = this.head.indexOf('\r\n\r\n')
      if (end < 0) return
      count = this.head.length - end - 4
      this.head = null
    }
    this.bytes += count
    this.wake()
  }

  /**
   * @param {Function} condition looked at whenever something has happened
   * @returns {Promise<boolean>} whether it came to hold
   */
  async #until(condition) {
    const timer = setTimeout(() => { this.socket.destroy() }, PATIENCE_MS)
    while (!condition() && !this.isClosed) await new Promise((resolve) => { this.wake = resolve })
    clearTimeout(timer)
    return condition()
  }
}
