'use strict'

// tRPC's adapter for ws, on offloop's WebSocketServer.

const { createTRPCClient, createWSClient, wsLink } = require('@trpc/client')
const undici = require('undici')
const ws = require('ws')

const { defer } = require('../support/cleanup')
const { WebSocket, implementationName } = require('../support/implementation')
const { connect } = require('./support/clients')
const { startServer } = require('./support/server')

const CLIENTS = [['ws', ws.WebSocket], ['a browser', undici.WebSocket], [implementationName, WebSocket]]

/**
 * Makes a client.
 *
 * @param {object} server
 * @param {object} [options] of its connection
 * @returns {{client: object, connection: object}}
 */
function clientOf(server, options) {
  const connection = createWSClient({ url: server.ws, WebSocket: ws.WebSocket, ...options })
  defer(() => connection.close())
  return { client: createTRPCClient({ links: [wsLink({ client: connection })] }), connection }
}

/**
 * Collects what a subscription brings until it completes.
 *
 * @param {object} procedure
 * @param {*} input
 * @returns {Promise<Array>}
 */
function resultsOf(procedure, input) {
  const results = []
  return new Promise((resolve, reject) => {
    procedure.subscribe(input, {
      onData: (data) => results.push(data),
      onComplete: () => resolve(results),
      onError: reject
    })
  })
}

test.each(CLIENTS)('queries, mutations and errors for the client of %s', async (_, webSocketClass) => {
  const server = await startServer('trpc')
  const { client } = clientOf(server, { WebSocket: webSocketClass, connectionParams: { team: 'ü' } })
  expect(await client.hello.query('Ada')).toBe('hello Ada of ü')
  await server.expectConnection()
  const sums = await Promise.all(Array.from({ length: 100 }, (_, a) => client.add.mutate({ a, b: 1 })))
  expect(sums).toEqual(Array.from({ length: 100 }, (_, a) => a + 1))
  await expect(client.refuse.mutate()).rejects.toMatchObject({ message: 'not you', data: { code: 'FORBIDDEN' } })
})

test('subscriptions side by side, with large results', async () => {
  const server = await startServer('trpc')
  const { client } = clientOf(server)
  const [many, large] = await Promise.all([
    resultsOf(client.count, { to: 1000 }),
    resultsOf(client.count, { to: 20, bytes: 100_000 })
  ])
  expect(many.map(({ n }) => n)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
  expect(large.map(({ padding }) => padding.length)).toEqual(Array(20).fill(100_000))
})

test('a client that is told to reconnect goes on where it was', async () => {
  const server = await startServer('trpc')
  const { client } = clientOf(server)
  const received = []
  const six = new Promise((resolve) => {
    const subscription = client.resume.subscribe(undefined, {
      onData({ data }) {
        received.push(data)
        if (data === 3) server.child.process.kill('SIGUSR2')
        if (data === 6) resolve(subscription)
      }
    })
  })
  await server.expectConnection()
  expect(await server.report()).toEqual({ subscribedFrom: 1 })
  const subscription = await six
  expect(received).toEqual([1, 2, 3, 4, 5, 6])
  // The new connection opens before the old one closes, and nothing says which the server sees first.
  const reports = [await server.report(), await server.report(), await server.report()]
  expect(reports).toEqual(expect.arrayContaining([{ subscribedFrom: 4 }, 'unsubscribed']))
  subscription.unsubscribe()
  expect(await server.report()).toBe('unsubscribed')
})

test('a client that does not answer pings is dropped', async () => {
  const server = await startServer('trpc', { settings: { keepAlive: { enabled: true, pingMs: 100, pongWaitMs: 100 } } })
  const client = await connect(server.ws)
  // tRPC asks with a text, which a client of tRPC answers with another one.
  expect((await client.inbox.next()).data.toString()).toBe('PING')
  expect((await client.closed).code).toBe(1006)
})

test('the process ends when its clients have', async () => {
  const server = await startServer('trpc')
  const client = await connect(server.ws)
  await server.close()
  expect((await client.closed).code).toBe(1001)
})
