'use strict'

// Servers on a free port, with everything about them closed after the test.

const { once } = require('events')
const http = require('http')

const ws = require('ws')

const { defer } = require('./cleanup')
const { implementation } = require('./implementation')

/**
 * Starts a server on a free port of 127.0.0.1, or on what is given, and registers its end.
 *
 * @param {import('net').Server} server
 * @param {string} [path] a Unix socket instead of a port
 * @returns {Promise<import('net').Server>} listening
 */
async function listen(server, path) {
  const sockets = new Set()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  defer(async () => {
    const closed = server.listening ? once(server, 'close') : null
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  if (path) server.listen(path)
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/**
 * Starts a WebSocket server of the implementation under test on an `http.Server`.
 *
 * @param {Function} [onConnection] called with each WebSocket and its request
 * @param {object} [settings]
 * @param {object} [settings.options] options of the WebSocketServer
 * @param {object} [settings.of] the implementation [the one under test]
 * @param {import('http').Server} [settings.server] [a new one]
 * @returns {Promise<{server: object, wss: object, port: number, url: string}>}
 */
async function serve(onConnection, { options, of = implementation, server = http.createServer() } = {}) {
  const wss = new of.WebSocketServer({ server, ...options })
  wss.on('connection', (webSocket, req) => {
    defer(() => webSocket.terminate())
    if (onConnection) onConnection(webSocket, req)
  })
  await listen(server)
  const { port } = server.address()
  return { server, wss, port, url: `ws://127.0.0.1:${port}` }
}

/**
 * Starts an `http.Server` whose upgrades all go to `handleUpgrade`.
 *
 * @param {Function} [onConnection] called with each WebSocket and its request
 * @param {object} [settings]
 * @param {object} [settings.options] options of handleUpgrade
 * @param {import('http').Server} [settings.server] [a new http.Server]
 * @param {string} [settings.path] a Unix socket instead of a port
 * @returns {Promise<{server: object, port: number, url: string}>}
 */
async function serveByHandleUpgrade(onConnection, { options, server = http.createServer(), path } = {}) {
  server.on('upgrade', (req, socket, head) => {
    implementation.handleUpgrade(req, socket, head, options ?? {}, (webSocket) => {
      defer(() => webSocket.terminate())
      if (onConnection) onConnection(webSocket, req)
    })
  })
  await listen(server, path)
  const { port } = server.address()
  return { server, port, url: `ws://127.0.0.1:${port}` }
}

/**
 * Makes a WebSocket send back what it gets.
 *
 * @param {object} webSocket
 */
function echo(webSocket) {
  webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
}

/**
 * Connects the `ws` client.
 *
 * @param {string} url
 * @param {string[]} [protocols]
 * @param {object} [options]
 * @returns {Promise<import('ws').WebSocket>} open
 */
async function connect(url, protocols = [], options = {}) {
  const client = new ws.WebSocket(url, protocols, { perMessageDeflate: false, ...options })
  defer(() => {
    client.on('error', () => {})
    client.terminate()
  })
  await once(client, 'open')
  return client
}

/**
 * Connects the `ws` client and waits for the server's half of the connection.
 *
 * @param {{wss: object, url: string}} server as `serve` returns it
 * @param {string[]} [protocols]
 * @param {object} [options]
 * @returns {Promise<{client: object, webSocket: object, req: object}>}
 */
async function connectPair({ wss, url }, protocols, options) {
  const connection = once(wss, 'connection')
  const client = await connect(url, protocols, options)
  const [webSocket, req] = await connection
  return { client, webSocket, req }
}

module.exports = { connect, connectPair, echo, listen, serve, serveByHandleUpgrade }
