'use strict'

// Hono's server for Node, with offloop's WebSocketServer.

const { once } = require('events')

const { WebSocket } = require('ws')

const { connectBrowser } = require('../support/browser-client')
const { defer } = require('../support/cleanup')
const { connect, receive } = require('./support/clients')
const { startServer } = require('./support/server')

test('a route of upgradeWebSocket() greets and echoes', async () => {
  const server = await startServer('hono')
  const client = await connectBrowser(`${server.ws}/echo?name=Ada`)
  await server.expectConnection()
  expect(await client.next()).toBe('hello Ada')
  client.webSocket.send('Grüße')
  expect(await server.report()).toBe('text')
  expect(await client.next()).toBe('Grüße')
  client.webSocket.send(new Uint8Array([0, 128, 255]))
  expect(await server.report()).toBe('ArrayBuffer')
  expect(new Uint8Array(await client.next())).toEqual(new Uint8Array([0, 128, 255]))
  client.webSocket.close(3001, 'enough')
  expect(await server.report()).toEqual({ code: 3001, reason: 'enough' })
  expect(await client.closed).toMatchObject({ code: 3001, wasClean: true })
  expect(await (await fetch(server.http)).text()).toBe('hello')
})

test('what the client sends at once is not lost', async () => {
  const server = await startServer('hono')
  const client = new WebSocket(`${server.ws}/echo`)
  defer(() => client.terminate())
  client.on('open', () => { for (let n = 0; n < 100; n += 1) client.send(String(n)) })
  const received = []
  client.on('message', (data) => {
    received.push(String(data))
    if (received.length === 101) client.emit('all')
  })
  await once(client, 'all')
  expect(received).toEqual(['hello undefined', ...Array.from({ length: 100 }, (_, n) => String(n))])
})

test('the middleware can refuse, and can add headers to the answer', async () => {
  const server = await startServer('hono')
  await expect(connect(`${server.ws}/echo?token=wrong`)).rejects.toThrow('Unexpected server response: 401')
  await expect(connect(`${server.ws}/nowhere`)).rejects.toThrow('Unexpected server response: 404')
  const client = new WebSocket(`${server.ws}/echo`)
  defer(() => client.terminate())
  const [response] = await once(client, 'upgrade')
  expect(response.headers['set-cookie']).toEqual(['seen=yes; Path=/'])
})

test('its messages are compressed if the WebSocketServer compresses', async () => {
  const server = await startServer('hono', { settings: { options: { perMessageDeflate: true } } })
  const client = await connect(`${server.ws}/echo`, [], { perMessageDeflate: true })
  expect(client.extensions).toBe('permessage-deflate')
  await receive(client)
  const text = 'hono '.repeat(400_000)
  client.send(text)
  expect(await receive(client) === text).toBe(true)
})

test('the server ends when its clients have', async () => {
  const server = await startServer('hono')
  const client = await connect(`${server.ws}/echo`)
  await server.close()
  expect(await client.closed).toEqual({ code: 1001, reason: 'going away' })
})
