'use strict'

// Fastify with @fastify/websocket, with offloop in the place of its `ws`.

const { connectBrowser } = require('../support/browser-client')
const { connect, receive } = require('./support/clients')
const { connectionOf, startServer } = require('./support/server')

let server

beforeEach(async () => { server = await startServer('fastify', { replaceWs: true }) })

test('a route gets the request that the hooks have seen, and echoes', async () => {
  const client = await connect(`${server.ws}/echo`, [], { headers: { 'x-name': 'Ada' } })
  await server.expectConnection()
  expect(JSON.parse(await receive(client))).toEqual({ seen: 'Ada', address: '127.0.0.1', id: expect.stringMatching(/^req-/) })
  client.send('Grüße')
  expect(await receive(client)).toBe('Grüße')
  client.send(Buffer.from([0, 128, 255]))
  expect(await receive(client)).toEqual(Buffer.from([0, 128, 255]))
  client.close(3001, 'enough')
  expect(await server.report()).toEqual({ code: 3001, reason: 'enough' })
  expect(await (await fetch(server.http)).text()).toBe('hello')
})

test('a hook can refuse the request', async () => {
  await expect(connect(`${server.ws}/echo?token=wrong`)).rejects.toThrow('Unexpected server response: 401')
  await expect(connect(`${server.ws}/nowhere`)).rejects.toThrow('Unexpected server response: 404')
})

test('one route serves a page and a WebSocket', async () => {
  expect(await (await fetch(`${server.http}/both`)).text()).toBe('a page')
  expect(await receive(await connect(`${server.ws}/both`))).toBe('a message')
})

test('websocketServer.clients are the open connections', async () => {
  const clients = await Promise.all([1, 2, 3].map(() => connectBrowser(`${server.ws}/news`)))
  for (const client of clients) expect(await client.next()).toBe('subscribed')
  clients[0].webSocket.send('rain')
  for (const client of clients) expect(await client.next()).toBe('news: rain')
})

test('2 MiB come in compressed messages, and more than maxPayload is an error', async () => {
  const client = await connect(`${server.ws}/echo`, [], { perMessageDeflate: true })
  await server.expectConnection()
  await receive(client)
  expect(client.extensions).toBe('permessage-deflate')
  const text = 'fastify '.repeat(1024 * 1024 / 8)
  client.send(text)
  client.send(text)
  expect([await receive(client) === text, await receive(client) === text]).toEqual([true, true])
  client.send(`${text}!`)
  expect((await client.closed).code).toBe(1009)
  expect(await server.report()).toEqual({ error: 'Max payload size exceeded', code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' })
})

test('the error of a handler goes to the errorHandler', async () => {
  const client = await connect(`${server.ws}/broken`)
  expect(await server.report()).toEqual({ error: 'a handler that throws' })
  expect((await client.closed).code).toBe(1006)
})

test('close() closes every connection, and the process ends', async () => {
  const clients = await Promise.all([connect(`${server.ws}/news`), connect(`${server.ws}/both`)])
  await server.close()
  for (const client of clients) expect(await client.closed).toEqual({ code: 1005, reason: '' })
})

test('injectWS() connects without a port', async () => {
  const { messages, pong, closed } = await (await fetch(`${server.http}/inject`)).json()
  expect(JSON.parse(messages.shift()[0])).toMatchObject({ seen: 'injected' })
  expect(messages).toEqual([['text', false], ['bytes', true]])
  expect(pong).toBe('are you there?')
  expect(closed).toEqual([1000, 'done'])
  for (const end of ['server', 'client']) expect([end, await server.report()]).toEqual([end, connectionOf('stream')])
  expect(await (await fetch(`${server.http}/inject-refused`)).text()).toBe('Unexpected server response: 401')
})
