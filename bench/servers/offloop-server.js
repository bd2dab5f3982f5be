'use strict'

/** offloop, through its `WebSocketServer`: the file for `ws` with another `require`. */

const http = require('node:http')
const { WebSocketServer } = require('../../index.js')
const { answerRequest, attend, serve, webSocketOptions } = require('./control')

const server = http.createServer(answerRequest)
const wss = new WebSocketServer({ server, ...webSocketOptions() })

wss.on('connection', (ws) => attend(ws, wss.clients))
serve(server)
