'use strict'

// Express and WebSockets on the same port, and two kinds of WebSocket on two paths.
//
//   node examples/express.js           listens on http://localhost:8080, PORT changes it
//
// The page on / counts the seconds the server tells it. GET /clients says how many are listening.

const http = require('node:http')
const express = require('express')
const { WebSocketServer } = require('..') // in a project of your own: require('offloop')

const PORT = Number(process.env.PORT || 8080)

const PAGE = `<!doctype html>
<title>Express and offloop</title>
<h1>The server's clock: <output>?</output></h1>
<script>
  const ws = new WebSocket(location.origin.replace('http', 'ws') + '/clock')
  ws.onmessage = (event) => { document.querySelector('output').textContent = event.data }
</script>
`

// `noServer`: these two own no port. They are handed the requests that are theirs, below.
const clock = new WebSocketServer({ noServer: true })
const echo = new WebSocketServer({ noServer: true })
const byPath = new Map([['/clock', clock], ['/echo', echo]])

const app = express()
app.get('/', (req, res) => res.type('html').send(PAGE))
app.get('/clients', (req, res) => res.json({ clock: clock.clients.size, echo: echo.clients.size }))

clock.on('connection', (client) => {
  client.on('error', (error) => console.error(error.message))
  client.send(new Date().toISOString())
})

setInterval(() => {
  const time = new Date().toISOString()
  for (const client of clock.clients) client.send(time)
}, 1000).unref()

echo.on('connection', (client) => {
  client.on('error', (error) => console.error(error.message))
  client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
})

// Not app.listen(): the http server is made here, because Express does not see upgrade requests.
const server = http.createServer(app)

server.on('upgrade', (req, socket, head) => {
  const wss = byPath.get(req.url.split('?')[0])
  if (wss === undefined) {
    socket.on('error', () => socket.destroy())
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  wss.handleUpgrade(req, socket, head, (client) => wss.emit('connection', client, req))
})

server.listen(PORT, () => {
  console.log(`Express on http://localhost:${server.address().port}`)
})
