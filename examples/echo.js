'use strict'

// Sends every message back to where it came from.
//
//   node examples/echo.js              listens on http://localhost:8080, PORT changes it
//
// Then, in the console of any page that came from there, or with any WebSocket client:
//
//   ws = new WebSocket('ws://localhost:8080')
//   ws.onmessage = (event) => console.log(event.data)
//   ws.send('hello')

const http = require('node:http')
const { handleUpgrade } = require('..') // in a project of your own: require('offloop')

const PORT = Number(process.env.PORT || 8080)

// Your own server: it keeps its routes, its middleware and its port.
const server = http.createServer((req, res) => {
  res.setHeader('Content-Type', 'text/plain')
  res.end('This is an echo server. Open a WebSocket to it.\n')
})

server.on('upgrade', (req, socket, head) => {
  // What is wrong with the request is answered with its HTTP status; the callback is not called then.
  handleUpgrade(req, socket, head, (client) => {
    // From here on the socket is read and written on another thread.
    client.on('message', (data, isBinary) => {
      // `data` is a Buffer for text too. Without the option it would go back as a binary message.
      client.send(data, { binary: isBinary })
    })

    client.on('close', (code, reason) => {
      console.log(`closed: ${code} ${reason}`)
    })

    // What the peer did wrong: a frame that is none, a message too big. 'close' follows.
    client.on('error', (error) => {
      console.error(`failed: ${error.code} ${error.message}`)
    })
  })
})

server.listen(PORT, () => {
  console.log(`Echo on http://localhost:${server.address().port}`)
})
