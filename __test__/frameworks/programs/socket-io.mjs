// Socket.IO. `settings.engine`: whether offloop is given as its wsEngine.

import { createServer } from 'node:http'

import { Server } from 'socket.io'

import { WebSocketServer, listen, report, reportConnection, settings } from '../support/program.mjs'

const server = createServer()
const io = new Server(server, {
  maxHttpBufferSize: 8 * 1024 * 1024,
  ...(settings.engine && { wsEngine: WebSocketServer }),
  ...settings.options
})

io.engine.on('initial_headers', (headers) => { headers['x-initial'] = 'yes' })
io.engine.on('connection', (connection) => {
  if (connection.transport.name === 'websocket') reportConnection(connection.transport.socket)
  connection.once('upgrade', (transport) => reportConnection(transport.socket))
})

io.on('connection', (socket) => {
  socket.on('echo', (...args) => socket.emit('echo', ...args))
  socket.on('ask', (value, answer) => answer({ you: value }))
  socket.on('ask me', async (value) => socket.emit('answered', await socket.emitWithAck('question', value)))
  socket.on('join', (room, done) => {
    socket.join(room)
    done()
  })
  socket.on('to room', (room, ...args) => io.to(room).emit('news', ...args))
  socket.on('to all', (...args) => io.emit('news', ...args))
  socket.on('to others', (...args) => socket.broadcast.emit('news', ...args))
  socket.on('volatile', (...args) => socket.volatile.emit('echo', ...args))
  socket.on('address', (answer) => answer([socket.handshake.address, socket.conn.remoteAddress]))
  socket.on('leave', () => socket.disconnect(true))
  socket.on('disconnect', (reason) => report({ disconnected: reason }))
})

await listen(server, () => io.close())
