'use strict'

/** uWebSockets.js: its own HTTP server, `publish` for broadcasts. */

const uWS = require('@btc-vision/uwebsockets.js')
const { HELLO, obey, task } = require('./control')

const isDeflate = task.task === 'deflate'
const isBroadcast = task.task === 'broadcast'

const app = uWS.App()
app.ws('/*', {
  compression: isDeflate ? uWS.SHARED_COMPRESSOR | uWS.SHARED_DECOMPRESSOR : uWS.DISABLED,
  maxPayloadLength: 100 * 1024 * 1024,
  maxBackpressure: 64 * 1024 * 1024,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  open: (ws) => {
    if (isBroadcast) ws.subscribe('all')
  },
  message: isBroadcast
    ? (ws, message, isBinary) => app.publish('all', message, isBinary)
    : (ws, message, isBinary) => ws.send(message, isBinary, isDeflate)
})
app.any('/*', (res) => {
  res.writeHeader('Content-Type', 'application/json').end(HELLO)
})
app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) throw new Error('uWebSockets.js cannot listen')
  obey(uWS.us_socket_local_port(socket))
})
