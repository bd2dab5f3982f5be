'use strict'

const subprotocol = require('./lib/subprotocol')
const WebSocket = require('./lib/websocket')
const { handleUpgrade } = require('./lib/upgrade')
const WebSocketServer = require('./lib/websocket-server')

WebSocket.handleUpgrade = handleUpgrade
WebSocket.Server = WebSocketServer
WebSocket.subprotocol = subprotocol
WebSocket.WebSocket = WebSocket
WebSocket.WebSocketServer = WebSocketServer

module.exports = WebSocket
