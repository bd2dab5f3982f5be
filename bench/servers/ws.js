'use strict'

/** `ws`, the way its README shows it. With `bufferutil`, which is installed beside it. */

const http = require('node:http')
const { WebSocketServer } = require('ws')
const { answerRequest, attend, serve, webSocketOptions } = require('./control')

const server = http.createServer(answerRequest)
const wss = new WebSocketServer({ server, ...webSocketOptions() })

wss.on('connection', (ws) => attend(ws, wss.clients))
serve(server)
