'use strict'

/* global Bun */

/** Bun: its own server, `publish` for broadcasts. */

const { HELLO, obey, task } = require('./control')

const isDeflate = task.task === 'deflate'
const isBroadcast = task.task === 'broadcast'

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (request, self) => {
    if (self.upgrade(request)) return undefined
    return new Response(HELLO, { headers: { 'Content-Type': 'application/json' } })
  },
  websocket: {
    perMessageDeflate: isDeflate && { compress: 'shared', decompress: 'shared' },
    maxPayloadLength: 100 * 1024 * 1024,
    backpressureLimit: 64 * 1024 * 1024,
    idleTimeout: 0,
    sendPings: false,
    open: (ws) => {
      if (isBroadcast) ws.subscribe('all')
    },
    message: isBroadcast
      ? (ws, message) => server.publish('all', message)
      : (ws, message) => ws.send(message, isDeflate)
  }
})
obey(server.port)
