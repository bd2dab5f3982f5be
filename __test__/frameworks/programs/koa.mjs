// Koa, with offloop's WebSocketServer for some paths and handleUpgrade() for others.

import { createServer } from 'node:http'

import Koa from 'koa'

import { WebSocketServer, listen, report, reportConnection } from '../support/program.mjs'

const app = new Koa({ keys: ['a key'] })
app.use((ctx) => {
  if (ctx.path === '/login') ctx.cookies.set('user', ctx.query.user, { signed: true })
  ctx.body = 'hello'
})

const server = createServer(app.callback())
const wss = new WebSocketServer({ noServer: true })

server.on('upgrade', (req, socket, head) => {
  // The context of the request, as the middleware has it.
  const ctx = app.createContext(req, { getHeader() {}, setHeader() {} })
  const user = ctx.cookies.get('user', { signed: true })
  if (user === undefined) {
    socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')
    return
  }
  wss.handleUpgrade(req, socket, head, (webSocket) => wss.emit('connection', webSocket, req, { ctx, user }))
})

wss.on('connection', (webSocket, req, { ctx, user }) => {
  reportConnection(webSocket)
  webSocket.send(`hello ${user} from ${ctx.ip}`)
  webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
  webSocket.on('close', (code) => report({ code }))
})

await listen(server, () => {
  for (const client of wss.clients) client.close(1001)
  wss.close()
  server.close()
  server.closeIdleConnections()
})
