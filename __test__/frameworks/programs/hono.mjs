// Hono's server for Node, which is given a WebSocketServer.

import { serve, upgradeWebSocket } from '@hono/node-server'
import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'

import { WebSocketServer, ready, report, reportConnection, settings } from '../support/program.mjs'

const app = new Hono()
app.get('/', (c) => c.text('hello'))

app.use('/echo', async (c, next) => {
  if (c.req.query('token') === 'wrong') return c.text('not you', 401)
  await next()
  setCookie(c, 'seen', 'yes')
})

app.get('/echo', upgradeWebSocket((c) => ({
  onOpen(event, webSocket) {
    reportConnection(webSocket.raw)
    webSocket.send(`hello ${c.req.query('name')}`)
  },
  onMessage({ data }, webSocket) {
    report(typeof data === 'string' ? 'text' : data.constructor.name)
    webSocket.send(data)
  },
  onClose({ code, reason }) {
    report({ code, reason })
  }
})))

const wss = new WebSocketServer({ noServer: true, ...settings.options })
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0, websocket: { server: wss } }, ({ port }) => {
  ready(port, () => {
    for (const client of wss.clients) client.close(1001, 'going away')
    server.close()
    server.closeIdleConnections()
  })
})
