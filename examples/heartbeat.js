'use strict'

// Finds connections that are gone without a word: a cable pulled out, a laptop asleep.
//
//   node examples/heartbeat.js         listens on ws://localhost:8080, PORT changes it
//   BEAT_MS=1000 node examples/heartbeat.js     beats faster than every 30 seconds
//
// TCP says nothing as long as nothing is sent. So the server sends a ping frame now and then. Every
// WebSocket client answers it with a pong by itself; browsers do, and pages need not know. Who has
// not answered when the next beat comes is dropped.

const { WebSocketServer } = require('..') // in a project of your own: require('offloop')

const PORT = Number(process.env.PORT || 8080)
const BEAT_MS = Number(process.env.BEAT_MS || 30_000)

const wss = new WebSocketServer({ port: PORT })

wss.on('connection', (client) => {
  // The object is yours to write on: it is the same one for the life of the connection.
  client.isAlive = true
  client.on('pong', () => {
    client.isAlive = true
  })
  client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
  client.on('error', (error) => console.error(error.message))
  client.on('close', (code) => console.log(`closed: ${code}, ${wss.clients.size} here`))
})

const heartbeat = setInterval(() => {
  for (const client of wss.clients) {
    if (!client.isAlive) {
      // close() would wait for an answer that does not come; terminate() does not wait.
      client.terminate()
      continue
    }
    client.isAlive = false
    client.ping()
  }
}, BEAT_MS)

wss.on('close', () => clearInterval(heartbeat))

wss.on('listening', () => {
  console.log(`Heartbeat every ${BEAT_MS} ms on http://localhost:${wss.address().port}`)
})

process.once('SIGINT', () => {
  wss.close()
  for (const client of wss.clients) client.close(1001, 'the server is going away')
})
