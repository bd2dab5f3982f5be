'use strict'

// Test kits stop the clock, and with it process.nextTick(). Messages go on as they do with ws.

const { once } = require('events')

const { WebSocket } = require('../support/implementation')
const { connect, connectPair, echo, serve } = require('../support/servers')
const { closeOf, messagesOf } = require('../support/waiting')

afterEach(() => jest.useRealTimers())

test('messages are sent and received, and the connection closes, while the clock is faked', async () => {
  const server = await serve(echo)
  const { client, webSocket } = await connectPair(server)
  jest.useFakeTimers()
  const inbox = messagesOf(client)
  client.send('over')
  client.send(Buffer.from('and back'))
  expect((await inbox.take(2)).map(({ data }) => String(data))).toEqual(['over', 'and back'])
  const closed = closeOf(webSocket)
  client.close(1000, 'done')
  expect(await closed).toMatchObject({ code: 1000 })
})

test('a connection that is opened while the clock is faked opens', async () => {
  const server = await serve(echo)
  jest.useFakeTimers()
  const client = await connect(server.url)
  const inbox = messagesOf(client)
  client.send('hello')
  expect(String((await inbox.next()).data)).toBe('hello')
})

test('a client of ours does the same', async () => {
  const server = await serve(echo)
  jest.useFakeTimers()
  const client = new WebSocket(server.url)
  await once(client, 'open')
  const inbox = messagesOf(client)
  client.send('hello')
  expect(String((await inbox.next()).data)).toBe('hello')
  const closed = closeOf(client)
  client.close(1000)
  expect(await closed).toMatchObject({ code: 1000 })
})
