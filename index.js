'use strict'

const createWebSocketStream = require('./lib/stream')
const extension = require('./lib/extension')
const PerMessageDeflate = require('./lib/permessage-deflate')
const Receiver = require('./lib/receiver')
const Sender = require('./lib/sender')
const { setTotalBackpressure } = require('./lib/pressure')
const subprotocol = require('./lib/subprotocol')
const WebSocket = require('./lib/websocket')
const { handleUpgrade } = require('./lib/upgrade')
const WebSocketServer = require('./lib/websocket-server')

WebSocket.createWebSocketStream = createWebSocketStream
WebSocket.extension = extension
WebSocket.handleUpgrade = handleUpgrade
WebSocket.PerMessageDeflate = PerMessageDeflate
WebSocket.Receiver = Receiver
WebSocket.Sender = Sender
WebSocket.Server = WebSocketServer
WebSocket.setTotalBackpressure = setTotalBackpressure
WebSocket.subprotocol = subprotocol
WebSocket.WebSocket = WebSocket
WebSocket.WebSocketServer = WebSocketServer

module.exports = WebSocket
