// graphql-ws on a WebSocketServer, or on Fastify. `settings.on`: 'ws' or 'fastify';
// `settings.keepAliveMs`: how often each client is asked whether it is there.

import { once } from 'node:events'
import { createServer } from 'node:http'

import fastifyWebSocket from '@fastify/websocket'
import Fastify from 'fastify'
import { buildSchema } from 'graphql'
import { makeHandler } from 'graphql-ws/use/@fastify/websocket'
import { useServer } from 'graphql-ws/use/ws'

import { WebSocketServer, listen, ready, report, reportConnection, settings } from '../support/program.mjs'

const schema = buildSchema(`
  type Query { hello(name: String!): String! }
  type Mutation { add(item: String!): [String!]! }
  type Subscription { count(to: Int!, bytes: Int): Number!, forever: Int! }
  type Number { value: Int!, padding: String! }
`)

const items = []
const options = {
  schema,
  roots: {
    query: { hello: ({ name }) => `hello ${name}` },
    mutation: { add: ({ item }) => items.push(item) && items },
    subscription: {
      async* count({ to, bytes = 0 }) {
        for (let value = 1; value <= to; value += 1) yield { count: { value, padding: 'x'.repeat(bytes) } }
      },
      async* forever() {
        try {
          for (let value = 1; ; value += 1) yield await new Promise((resolve) => { setImmediate(resolve, { forever: value }) })
        } finally {
          report('the subscription has ended')
        }
      }
    }
  },
  onConnect({ connectionParams, extra }) {
    reportConnection(extra.socket)
    return connectionParams?.token !== 'wrong'
  },
  onDisconnect: (context, code, reason) => report({ disconnected: code, reason })
}

const { keepAliveMs = 0 } = settings
if (settings.on === 'ws') {
  const server = createServer()
  const wss = new WebSocketServer({ server, path: '/graphql' })
  const { dispose } = useServer(options, wss, keepAliveMs)
  await listen(server, async () => {
    await dispose()
    server.close()
    await once(server, 'close')
  })
} else {
  const fastify = Fastify()
  await fastify.register(fastifyWebSocket)
  await fastify.register(async (scope) => {
    scope.get('/graphql', { websocket: true }, makeHandler(options, keepAliveMs))
  })
  await fastify.listen({ port: 0, host: '127.0.0.1' })
  ready(fastify.server.address().port, () => fastify.close())
}
