// One http.Server for Vite with its own `ws`, crossws with its own, crossws on a WebSocketServer of
// ours, and a WebSocketServer of ours alone. `settings.folder`: Vite's project.

import { createServer } from 'node:http'

import crossws from 'crossws/adapters/node'
import { createServer as createVite } from 'vite'

import { until } from '../../support/waiting.js'
import { WebSocketServer, listen, report, reportConnection, settings } from '../support/program.mjs'

const hooks = {
  upgrade(request) {
    const { searchParams } = new URL(request.url)
    if (searchParams.get('token') === 'wrong') return new Response('not you', { status: 401 })
    return {
      headers: { 'x-name': 'crossws' },
      context: { name: searchParams.get('name') },
      ...(searchParams.has('compress') && { perMessageDeflate: true })
    }
  },
  open(peer) {
    peer.subscribe('news')
    peer.send({ name: peer.context.name, address: peer.remoteAddress, compressed: peer.websocket.extensions })
  },
  message(peer, message) {
    const text = message.text()
    if (text.startsWith('publish ')) peer.publish('news', text.slice(8))
    else if (text === 'bye') peer.close(3001, 'enough')
    else peer.send(message.rawData)
  },
  close(peer, { code, reason }) {
    report({ code, reason })
  }
}

const server = createServer((req, res) => vite.middlewares(req, res))
const vite = await createVite({
  root: settings.folder,
  logLevel: 'silent',
  server: { middlewareMode: true, hmr: { server } }
})
// Before that, it does not see what the test changes.
await until(() => vite.watcher.getWatched()[settings.folder]?.includes('text.js'))

const crosswsServer = new WebSocketServer({ noServer: true, handleProtocols: () => false })
const onOffloop = crossws({ hooks, wss: crosswsServer })
const onItsOwn = crossws({ hooks })
crosswsServer.on('connection', reportConnection)

const wss = new WebSocketServer({ noServer: true })
wss.on('connection', (webSocket) => {
  reportConnection(webSocket)
  webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
})

server.on('upgrade', (req, socket, head) => {
  const path = req.url.split('?')[0]
  if (path === '/crossws') onOffloop.handleUpgrade(req, socket, head)
  else if (path === '/crossws-alone') onItsOwn.handleUpgrade(req, socket, head)
  else if (path === '/offloop') wss.handleUpgrade(req, socket, head, (webSocket) => wss.emit('connection', webSocket, req))
})

await listen(server, async () => {
  for (const each of [onOffloop, onItsOwn]) {
    each.closeAll(1001)
    await each.close()
  }
  for (const client of wss.clients) client.close(1001)
  server.close()
  await vite.close()
})
