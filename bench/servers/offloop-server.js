'use strict'

/** offloop, through its `WebSocketServer`: the file for `ws` with another `require`. */

const { WebSocketServer } = require('../../index.js')
const { attend, createServer, serve, webSocketOptions } = require('./control')

const server = createServer()
const wss = new WebSocketServer({ server, ...webSocketOptions() })

wss.on('connection', (ws) => attend(ws, wss.clients))
serve(server)
