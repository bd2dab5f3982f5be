'use strict'

// Passes on what one client says to all the others, with a server class that listens by itself.
//
//   node examples/broadcast.js         listens on ws://localhost:8080, PORT changes it
//
// Connect two clients or more, and send something from one of them.

const { WebSocket, WebSocketServer } = require('..') // in a project of your own: require('offloop')

const PORT = Number(process.env.PORT || 8080)
const MAX_BUFFERED_BYTES = 1024 * 1024

const wss = new WebSocketServer({ port: PORT, maxPayload: 64 * 1024 })

wss.on('connection', (client, req) => {
  const name = `${req.socket.remoteAddress} port ${req.socket.remotePort}`
  console.log(`${name} came, ${wss.clients.size} here`)

  client.on('message', (data, isBinary) => {
    // Sending a thousand times in a row is not a thousand system calls here: all sends of one
    // turn of the event loop cross to the threads that own the sockets in one go.
    for (const other of wss.clients) {
      if (other === client || other.readyState !== WebSocket.OPEN) continue
      if (other.bufferedAmount > MAX_BUFFERED_BYTES) {
        // It does not read. What it misses would otherwise pile up in our memory.
        other.terminate()
      } else {
        other.send(data, { binary: isBinary })
      }
    }
  })

  client.on('error', (error) => console.error(`${name}: ${error.message}`))
  client.on('close', () => console.log(`${name} left, ${wss.clients.size} here`))
})

wss.on('listening', () => {
  console.log(`Broadcast on http://localhost:${wss.address().port}`)
})

// A clean end: no new connections, a close frame to everybody, and the process ends by itself.
process.once('SIGINT', () => wss.shutdown({ reason: 'the server is going away' }))
