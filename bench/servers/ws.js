'use strict'

/** `ws`, the way its README shows it. With `bufferutil`, which is installed beside it. */

const { WebSocketServer } = require('ws')
const { attend, createServer, serve, webSocketOptions } = require('./control')

const server = createServer()
const wss = new WebSocketServer({ server, ...webSocketOptions() })

wss.on('connection', (ws) => attend(ws, wss.clients))
serve(server)
