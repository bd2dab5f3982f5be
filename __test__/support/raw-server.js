'use strict'

// A server made of bare sockets: it sees every byte that a client sends, and can answer anything.

const { createHash } = require('crypto')
const net = require('net')

const { RawClient } = require('./raw-client')
const { listen } = require('./servers')

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * Reads the head of a request.
 *
 * @param {string} head
 * @returns {{line: string, lines: string[], headers: object}} `headers` by names in lower case
 */
function parseHead(head) {
  const [line, ...lines] = head.trimEnd().split('\r\n')
  const headers = Object.fromEntries(lines.map((each) => {
    const colon = each.indexOf(': ')
    return [each.slice(0, colon).toLowerCase(), each.slice(colon + 2)]
  }))
  return { line, lines, headers }
}

/**
 * @param {string} key a Sec-WebSocket-Key
 * @returns {string} the Sec-WebSocket-Accept that answers it
 */
function acceptOf(key) {
  return createHash('sha1').update(key + GUID).digest('base64')
}

/**
 * Writes a 101 response.
 *
 * @param {string} key the request's Sec-WebSocket-Key
 * @param {object} [headers] replaces or adds headers; undefined takes one away
 * @returns {string}
 */
function switching(key, headers = {}) {
  const all = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Accept': acceptOf(key), ...headers }
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

/**
 * Starts a server that leaves everything to the test.
 *
 * @param {object} [settings]
 * @param {string} [settings.path] a Unix socket instead of a port
 * @param {import('net').Server} [settings.server] [a new net.Server]
 * @param {string} [settings.event] what the server tells of a connection by ['connection']
 * @returns {Promise<RawServer>}
 */
async function serveRaw({ path, server = net.createServer({ allowHalfOpen: true }), event = 'connection' } = {}) {
  const raw = new RawServer(server, event)
  await listen(server, path)
  raw.port = server.address().port
  raw.host = `127.0.0.1:${raw.port}`
  raw.url = `ws://${raw.host}`
  return raw
}

class RawServer {
  /**
   * @param {import('net').Server} server
   * @param {string} event
   */
  constructor(server, event) {
    this.server = server
    this.waiting = []
    this.connections = []
    server.on(event, (socket) => {
      const peer = new RawClient(socket)
      if (this.waiting.length > 0) this.waiting.shift()(peer)
      else this.connections.push(peer)
    })
  }

  /** @returns {Promise<RawClient>} the other end of the next connection */
  accept() {
    if (this.connections.length > 0) return Promise.resolve(this.connections.shift())
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  /** @returns {Promise<{peer: RawClient, request: object}>} the next connection, its request read */
  async request() {
    const peer = await this.accept()
    return { peer, request: parseHead(await peer.readHead()) }
  }

  /**
   * Answers the next request by an upgrade.
   *
   * @param {object} [headers] as for `switching`
   * @param {Buffer} [behind] what is sent in one piece with the response
   * @returns {Promise<{peer: RawClient, request: object}>}
   */
  async upgrade(headers, behind = Buffer.alloc(0)) {
    const { peer, request } = await this.request()
    const response = Buffer.from(switching(request.headers['sec-websocket-key'], headers))
    peer.socket.write(Buffer.concat([response, behind]))
    return { peer, request }
  }

  /**
   * Answers the next request by some text.
   *
   * @param {string} response
   * @returns {Promise<{peer: RawClient, request: object}>}
   */
  async answer(response) {
    const { peer, request } = await this.request()
    peer.socket.write(response)
    return { peer, request }
  }
}

module.exports = { acceptOf, parseHead, serveRaw, switching }
