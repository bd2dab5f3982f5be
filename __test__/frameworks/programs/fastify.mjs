// Fastify with @fastify/websocket.

import fastifyWebSocket from '@fastify/websocket'
import Fastify from 'fastify'

import { ready, report, reportConnection } from '../support/program.mjs'

const fastify = Fastify()
await fastify.register(fastifyWebSocket, {
  errorHandler(error, webSocket) {
    report({ error: error.message, code: error.code })
    webSocket.terminate()
  },
  options: { maxPayload: 1024 * 1024, perMessageDeflate: true }
})

fastify.addHook('onRequest', async (request) => { request.seen = request.headers['x-name'] })

fastify.addHook('preValidation', async (request, reply) => {
  if (request.query.token === 'wrong') await reply.code(401).send('not you')
})

fastify.get('/', async () => 'hello')

fastify.get('/echo', { websocket: true }, (webSocket, request) => {
  reportConnection(webSocket)
  webSocket.send(JSON.stringify({ seen: request.seen, address: request.ip, id: request.id }))
  webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
  webSocket.on('close', (code, reason) => report({ code, reason: String(reason) }))
})

fastify.get('/news', { websocket: true }, (webSocket) => {
  webSocket.on('message', (data) => {
    for (const client of fastify.websocketServer.clients) {
      if (client.readyState === 1) client.send(`news: ${data}`)
    }
  })
  webSocket.send('subscribed')
})

fastify.get('/broken', { websocket: true }, () => {
  throw new Error('a handler that throws')
})

fastify.route({
  method: 'GET',
  url: '/both',
  handler: async () => 'a page',
  wsHandler: (webSocket) => webSocket.send('a message')
})

// What a test of the user's does in the process of the server.
fastify.get('/inject', async () => {
  const messages = []
  const webSocket = await fastify.injectWS('/echo', { headers: { 'x-name': 'injected' } }, {
    onInit: (client) => client.on('message', (data, isBinary) => messages.push([data.toString(), isBinary]))
  })
  reportConnection(webSocket)
  webSocket.send('text')
  webSocket.send(Buffer.from('bytes'))
  webSocket.ping('are you there?')
  const [pong] = await new Promise((resolve) => webSocket.once('pong', (...args) => resolve(args)))
  const closed = new Promise((resolve) => webSocket.once('close', (code, reason) => resolve([code, String(reason)])))
  webSocket.close(1000, 'done')
  return { messages, pong: String(pong), closed: await closed }
})

fastify.get('/inject-refused', async () => {
  return fastify.injectWS('/echo?token=wrong').then(() => 'open', ({ message }) => message)
})

await fastify.listen({ port: 0, host: '127.0.0.1' })
ready(fastify.server.address().port, () => fastify.close())
