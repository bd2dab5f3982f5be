// Express, with a WebSocketServer on its http.Server.

import { createServer } from 'node:http'

import express from 'express'

import { WebSocketServer, listen, reportConnection } from '../support/program.mjs'

const app = express()
app.get('/', (req, res) => res.send('hello'))

const server = createServer(app)
const wss = new WebSocketServer({ server, path: '/socket' })
wss.on('connection', (webSocket, req) => {
  reportConnection(webSocket)
  webSocket.send(`hello ${req.headers['user-agent']}`)
  webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
})

await listen(server, () => {
  for (const client of wss.clients) client.terminate()
  wss.close()
  server.close()
})
