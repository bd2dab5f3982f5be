// webpack-dev-server for the project in `settings.folder`. `settings.own`: with a class of ours as
// its webSocketServer.

import webpack from 'webpack'
import WebpackDevServer from 'webpack-dev-server'
import BaseServer from 'webpack-dev-server/lib/servers/BaseServer.js'

import { WebSocketServer, ready, reportConnection, settings } from '../support/program.mjs'

class OffloopServer extends BaseServer {
  constructor(server) {
    super(server)
    const { path } = server.options.webSocketServer.options
    this.implementation = new WebSocketServer({ noServer: true, path })
    this.implementation.on('connection', (client) => {
      this.clients.push(client)
      client.on('close', () => this.clients.splice(this.clients.indexOf(client), 1))
      client.on('error', (error) => server.logger.error(error.message))
    })
    server.server.on('upgrade', (req, socket, head) => {
      if (!this.implementation.shouldHandle(req)) return
      this.implementation.handleUpgrade(req, socket, head, (client) => {
        this.implementation.emit('connection', client, req)
      })
    })
  }
}

const compiler = webpack({
  context: settings.folder,
  entry: './main.js',
  mode: 'development',
  infrastructureLogging: { level: 'none' },
  stats: 'none'
})
const server = new WebpackDevServer({
  host: '127.0.0.1',
  port: 0,
  static: { directory: settings.folder, watch: false },
  ...(settings.own && { webSocketServer: OffloopServer })
}, compiler)

await server.start()
server.webSocketServer.implementation.on('connection', reportConnection)
ready(server.server.address().port, () => server.stop())
