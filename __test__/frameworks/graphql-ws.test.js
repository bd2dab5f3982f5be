'use strict'

// graphql-ws: its `use/ws` on offloop's WebSocketServer, and its `use/@fastify/websocket`.

const undici = require('undici')
const { createClient } = require('graphql-ws')
const ws = require('ws')

const { defer } = require('../support/cleanup')
const { WebSocket, implementationName } = require('../support/implementation')
const { connect, receive } = require('./support/clients')
const { startServer } = require('./support/server')

const SERVERS = [
  ['use/ws', 'ws', false],
  ['use/@fastify/websocket', 'fastify', true]
]
const CLIENTS = [['ws', ws.WebSocket], ['a browser', undici.WebSocket], [implementationName, WebSocket]]

describe.each(SERVERS)('graphql-ws/%s', (_name, on, replaceWs) => {
  const start = (settings) => startServer('graphql-ws', { replaceWs, settings: { on, ...settings } })

  /**
   * Makes a client.
   *
   * @param {object} server
   * @param {object} [settings] of the client
   * @returns {object}
   */
  function clientOf(server, settings) {
    const client = createClient({ url: `${server.ws}/graphql`, webSocketImpl: ws.WebSocket, retryAttempts: 0, ...settings })
    defer(() => client.dispose())
    return client
  }

  /**
   * Collects the results of an operation.
   *
   * @param {object} client
   * @param {string} query
   * @returns {Promise<object[]>} its data
   */
  async function resultsOf(client, query) {
    const results = []
    for await (const { data, errors } of client.iterate({ query })) results.push(errors ?? data)
    return results
  }

  test.each(CLIENTS)('queries, mutations and subscriptions of the client of %s', async (_, webSocketImpl) => {
    const server = await start()
    const client = clientOf(server, { webSocketImpl })
    expect(await resultsOf(client, '{ hello(name: "Ada ü") }')).toEqual([{ hello: 'hello Ada ü' }])
    await server.expectConnection()
    expect(await resultsOf(client, 'mutation { add(item: "one") }')).toEqual([{ add: ['one'] }])
    const counted = await resultsOf(client, 'subscription { count(to: 1000) { value } }')
    expect(counted.map(({ count }) => count.value)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
  })

  test('subscriptions side by side, with large results', async () => {
    const server = await start()
    const client = clientOf(server, { lazy: false })
    const query = 'subscription { count(to: 20, bytes: 100000) { value padding } }'
    for (const results of await Promise.all([1, 2, 3].map(() => resultsOf(client, query)))) {
      expect(results.map(({ count }) => [count.value, count.padding.length]))
        .toEqual(Array.from({ length: 20 }, (_, index) => [index + 1, 100_000]))
    }
  })

  test('a subscription that its client leaves ends on the server', async () => {
    const server = await start()
    const client = clientOf(server)
    for await (const { data } of client.iterate({ query: 'subscription { forever }' })) {
      if (data.forever === 50) break
    }
    await server.expectConnection()
    expect(await server.report()).toBe('the subscription has ended')
  })

  test('a client that answers pings stays, and one that does not is dropped', async () => {
    const server = await start({ keepAliveMs: 1000 })
    const init = JSON.stringify({ type: 'connection_init' })
    const [alive, mute] = await Promise.all([true, false].map((autoPong) => {
      return connect(`${server.ws}/graphql`, ['graphql-transport-ws'], { autoPong })
    }))
    expect(alive.protocol).toBe('graphql-transport-ws')
    let pings = 0
    alive.on('ping', () => { pings += 1 })
    for (const client of [alive, mute]) {
      client.send(init)
      expect(JSON.parse(await receive(client))).toEqual({ type: 'connection_ack' })
    }
    expect((await mute.closed).code).toBe(1006)
    expect(pings).toBeGreaterThan(0)
    alive.send(JSON.stringify({ type: 'ping' }))
    expect(JSON.parse(await receive(alive))).toEqual({ type: 'pong' })
  })

  test('the close codes of the protocol', async () => {
    const server = await start()
    const other = await connect(`${server.ws}/graphql`)
    expect(await other.closed).toEqual({ code: 4406, reason: 'Subprotocol not acceptable' })
    const refused = await connect(`${server.ws}/graphql`, ['graphql-transport-ws'])
    refused.send(JSON.stringify({ type: 'connection_init', payload: { token: 'wrong' } }))
    expect(await refused.closed).toEqual({ code: 4403, reason: 'Forbidden' })
    const early = await connect(`${server.ws}/graphql`, ['graphql-transport-ws'])
    early.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: '{ hello }' } }))
    expect(await early.closed).toEqual({ code: 4401, reason: 'Unauthorized' })
    const broken = await connect(`${server.ws}/graphql`, ['graphql-transport-ws'])
    broken.send('not JSON')
    expect((await broken.closed).code).toBe(4400)
  })

  test('closing the server says goodbye to each client, and the process ends', async () => {
    const server = await start()
    const client = clientOf(server, { lazy: false, onNonLazyError: () => {} })
    const closed = new Promise((resolve) => { client.on('closed', resolve) })
    await new Promise((resolve) => { client.on('connected', resolve) })
    await server.close()
    expect((await closed).code).toBe(on === 'ws' ? 1001 : 1005)
  })
})
