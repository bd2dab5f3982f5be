'use strict'

/** Echo with `ws`, the way its README shows it. */

const http = require('node:http')
const { WebSocketServer } = require('ws')
const { serve } = require('./control')

const server = http.createServer()

new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (ws) => {
  ws.on('error', console.error)
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
})
serve(server)
