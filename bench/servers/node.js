'use strict'

/**
 * The least that a WebSocket server on `node:http` can do for connections that come and go: the answer
 * to the opening handshake and the one to a Close frame, without a parser of frames. Not a server to
 * use; it shows what `node:http` itself costs.
 */

const { createHash } = require('node:crypto')
const http = require('node:http')
const { answerRequest, serve } = require('./control')

const CLOSE_ANSWER = Buffer.from([0x88, 0x02, 0x03, 0xe8])

const server = http.createServer(answerRequest)

server.on('upgrade', (req, socket) => {
  const accept = createHash('sha1')
    .update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  socket.on('error', () => {})
  socket.once('data', () => socket.end(CLOSE_ANSWER))
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
  )
})
serve(server)
