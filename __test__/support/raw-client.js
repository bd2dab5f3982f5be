'use strict'

// A client made of a bare TCP socket: it can send anything, in any pieces, and sees every byte.

const { once } = require('events')
const net = require('net')

const { defer } = require('./cleanup')
const { parseFrame } = require('./frames')

/** The key and accept value that RFC 6455, 1.3 prints as its example. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

/** The response to `upgradeRequest()` without options, byte for byte as `ws` sends it. */
const SWITCHING =
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`

/**
 * Writes an upgrade request.
 *
 * @param {object} [options]
 * @param {string} [options.method] ['GET']
 * @param {string} [options.path] ['/']
 * @param {object} [options.headers] replaces or adds headers; undefined takes one away
 * @returns {string}
 */
function upgradeRequest({ method = 'GET', path = '/', headers = {} } = {}) {
  const all = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...headers
  }
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

class RawClient {
  /**
   * @param {import('stream').Duplex} socket connected, or about to be
   */
  constructor(socket) {
    this.socket = socket
    this.received = Buffer.alloc(0)
    this.ended = false
    this.closed = false
    this.error = null
    this.chunks = []
    this.wake = () => {}
    socket.on('data', (chunk) => { this.chunks.push(chunk); this.wake() })
    socket.on('end', () => { this.ended = true; this.wake() })
    socket.on('error', (error) => { this.error = error })
    socket.on('close', () => { this.closed = true; this.wake() })
    defer(() => socket.destroy())
  }

  /**
   * @param {object} target what `net.connect` takes
   * @returns {Promise<RawClient>} connected; nothing is sent yet
   */
  static async connect(target) {
    const socket = net.connect({ host: '127.0.0.1', allowHalfOpen: true, ...target })
    const client = new RawClient(socket)
    await once(socket, 'connect')
    socket.setNoDelay()
    return client
  }

  /**
   * @param {object} target what `net.connect` takes
   * @param {object} [request] as for `upgradeRequest`
   * @returns {Promise<RawClient>} upgraded; `head` holds the response
   */
  static async upgrade(target, request) {
    const client = await RawClient.connect(target)
    client.socket.write(upgradeRequest(request))
    client.head = await client.readHead()
    return client
  }

  /**
   * @param {string|Buffer} bytes
   * @returns {Promise<void>} resolves when the kernel took them
   */
  write(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()))
  }

  /**
   * Waits until the bytes received contain what is looked for, and takes it from them.
   *
   * @param {Function} find given all bytes not yet taken, returns `{ size, value }` or null
   * @returns {Promise<*>} the value; rejects when the stream ends first
   */
  async read(find) {
    for (;;) {
      if (this.chunks.length > 0) this.received = Buffer.concat([this.received, ...this.chunks.splice(0)])
      const found = find(this.received)
      if (found) {
        this.received = this.received.subarray(found.size)
        return found.value
      }
      if (this.ended || this.closed) throw new Error(`the stream ended, ${this.received.length} bytes unread: ${this.error}`)
      await new Promise((resolve) => { this.wake = resolve })
    }
  }

  /** @returns {Promise<string>} a response's head, its empty line included */
  readHead() {
    return this.read((bytes) => {
      const end = bytes.indexOf('\r\n\r\n')
      return end < 0 ? null : { size: end + 4, value: bytes.toString('latin1', 0, end + 4) }
    })
  }

  /** @returns {Promise<object>} the next frame, as `parseFrame` gives it */
  readFrame() {
    return this.read((bytes) => {
      const frame = parseFrame(bytes)
      return frame && { size: frame.size, value: frame }
    })
  }

  /** @returns {Promise<Buffer>} everything up to the peer's FIN, or up to its reset */
  readRest() {
    return this.read((bytes) => (this.ended || this.closed ? { size: bytes.length, value: bytes } : null))
  }
}

module.exports = { ACCEPT, KEY, RawClient, SWITCHING, upgradeRequest }
