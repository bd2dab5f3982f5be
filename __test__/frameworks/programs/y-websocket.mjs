// y-websocket's server. `settings.own`: its parts on a WebSocketServer of ours; else the program that
// it brings.

import { Server, createServer } from 'node:http'

import { WebSocketServer, listen, ready, reportConnection, settings } from '../support/program.mjs'

if (settings.own) {
  const { setupWSConnection } = await import('@y/websocket-server/utils')
  const server = createServer()
  const wss = new WebSocketServer({ server })
  wss.on('connection', (webSocket, req) => {
    reportConnection(webSocket)
    setupWSConnection(webSocket, req)
  })
  await listen(server, () => {
    for (const client of wss.clients) client.close(1001)
    wss.close()
    server.close()
  })
} else {
  // It takes its port from the environment, and tells nobody which one it got.
  process.env.PORT = '0'
  process.env.HOST = '127.0.0.1'
  console.log = () => {}
  const { listen: listenAsWas } = Server.prototype
  Server.prototype.listen = function (...args) {
    this.once('listening', () => ready(this.address().port, () => process.exit()))
    return listenAsWas.apply(this, args)
  }
  const { emit } = WebSocketServer.prototype
  WebSocketServer.prototype.emit = function (event, ...args) {
    if (event === 'connection') reportConnection(args[0])
    return emit.call(this, event, ...args)
  }
  await import('@y/websocket-server/server')
}
