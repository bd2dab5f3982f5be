'use strict'

// Who is let in: allowedOrigins, maxConnections, maxConnectionsPerAddress.

const { once } = require('events')

const { testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connectPair, serve } = require('../support/servers')
const { closeOf } = require('../support/waiting')

/**
 * Asks for an upgrade.
 *
 * @param {{port: number}} server as `serve` returns it
 * @param {object} [headers] more headers
 * @returns {Promise<number>} the status of the answer
 */
async function statusOf({ port }, headers) {
  const { head } = await RawClient.upgrade({ port }, { headers })
  return Number(head.split(' ')[1])
}

describe('allowedOrigins', () => {
  const LIST = ['https://example.com', 'https://*.example.org:8443', 'http://localhost:3000']
  testBeyondWs.each([
    ['https://example.com', 101],
    ['HTTPS://EXAMPLE.COM', 101],
    ['http://example.com', 403],
    ['https://example.com.evil.net', 403],
    ['https://www.example.com', 403],
    ['https://a.example.org:8443', 101],
    ['https://a.b.example.org:8443', 101],
    ['https://example.org:8443', 403],
    ['https://.example.org:8443', 403],
    ['https://evil.net/.example.org:8443', 403],
    ['https://evilexample.org:8443', 403],
    ['http://localhost:3000', 101],
    ['null', 403],
    [undefined, 403]
  ])('%s gets %d', async (origin, status) => {
    const server = await serve(undefined, { options: { allowedOrigins: LIST } })
    expect(await statusOf(server, { Origin: origin })).toBe(status)
  })

  testBeyondWs('null stands for none', async () => {
    const server = await serve(undefined, { options: { allowedOrigins: [null] } })
    expect(await statusOf(server)).toBe(101)
    expect(await statusOf(server, { Origin: 'https://example.com' })).toBe(403)
  })

  testBeyondWs('may be a function of the origin and the request', async () => {
    const allowedOrigins = (origin, req) => origin === 'https://a.b' && req.url === '/'
    const server = await serve(undefined, { options: { allowedOrigins } })
    expect(await statusOf(server, { Origin: 'https://a.b' })).toBe(101)
    expect(await statusOf(server, { Origin: 'https://a.c' })).toBe(403)
    expect(server.wss.stats().refused).toBe(1)
  })
})

describe('numbers of connections', () => {
  testBeyondWs('past maxConnections get 503, until one has gone', async () => {
    const server = await serve(undefined, { options: { maxConnections: 2 } })
    const first = await connectPair(server)
    await connectPair(server)
    expect(await statusOf(server)).toBe(503)
    const closed = closeOf(first.webSocket)
    first.client.terminate()
    await closed
    expect(await statusOf(server)).toBe(101)
    expect(server.wss.stats()).toMatchObject({ accepted: 3, refused: 1 })
  })

  testBeyondWs('past maxConnectionsPerAddress get 429, by the address that is named', async () => {
    const clientAddress = jest.fn((req) => req.headers['x-client'])
    const options = { maxConnectionsPerAddress: 1, clientAddress }
    const server = await serve(undefined, { options })
    expect(await statusOf(server, { 'X-Client': 'a' })).toBe(101)
    expect(await statusOf(server, { 'X-Client': 'a' })).toBe(429)
    expect(await statusOf(server, { 'X-Client': 'b' })).toBe(101)
    expect(clientAddress).toHaveBeenCalledTimes(3)
  })

  testBeyondWs('an address is free again when its connection has gone', async () => {
    const server = await serve(undefined, { options: { maxConnectionsPerAddress: 1 } })
    const connection = once(server.wss, 'connection')
    const peer = await RawClient.upgrade({ port: server.port })
    const [webSocket] = await connection
    expect(await statusOf(server)).toBe(429)
    const closed = closeOf(webSocket)
    peer.socket.destroy()
    await closed
    expect(await statusOf(server)).toBe(101)
  })

  testBeyondWs('are looked at again after an asynchronous verifyClient', async () => {
    const waiting = []
    const verifyClient = (info, decide) => {
      waiting.push(decide)
      if (waiting.length === 2) waiting.forEach((it) => it(true))
    }
    const server = await serve(undefined, { options: { maxConnections: 1, verifyClient } })
    const statuses = await Promise.all([statusOf(server), statusOf(server)])
    expect(statuses.sort()).toEqual([101, 503])
  })
})
