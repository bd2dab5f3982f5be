'use strict'

// server.stats(), client.stats, and the channels of node:diagnostics_channel.

const { spawn } = require('child_process')
const { once } = require('events')
const { createInterface } = require('readline')
const { subscribe, unsubscribe } = require('diagnostics_channel')

const { defer } = require('../support/cleanup')
const { frame } = require('../support/frames')
const { testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connect, connectPair, echo, serve } = require('../support/servers')
const { closeOf, messagesOf, until } = require('../support/waiting')

/**
 * Collects what is published on a channel during a test.
 *
 * @param {string} name the channel
 * @returns {object[]} grows
 */
function listenTo(name) {
  const messages = []
  const listener = (message) => messages.push(message)
  subscribe(name, listener)
  defer(() => unsubscribe(name, listener))
  return messages
}

testBeyondWs('server.stats() counts what goes over all its connections', async () => {
  const server = await serve(echo)
  const one = await connectPair(server)
  const other = await connectPair(server)
  const before = server.wss.stats()
  expect(before).toMatchObject({ connections: 2, accepted: 2, messagesIn: 0, closes: {} })
  for (const { client } of [one, other]) {
    const inbox = messagesOf(client)
    client.send('hello')
    client.send('hello', { fin: false })
    client.send(' again')
    await inbox.take(2)
  }
  one.client.ping('x')
  await once(one.client, 'pong')
  const closed = closeOf(one.webSocket)
  one.client.close()
  await closed
  await until(() => server.wss.stats().messagesOut === 4)
  expect(server.wss.stats()).toMatchObject({
    connections: 1,
    accepted: 2,
    closes: { peer: 1 },
    messagesIn: 4,
    messagesOut: 4,
    messageBytesIn: 32,
    messageBytesOut: 32,
    framesIn: 7,
    pingsIn: 1,
    pongsOut: 1,
    bufferedAmount: 0,
    dropped: 0,
    compressionRatio: undefined
  })
})

testBeyondWs('the ratio of compression is what went in by what came out', async () => {
  const server = await serve(echo, { options: { perMessageDeflate: { threshold: 0 } } })
  const { client } = await connectPair(server, [], { perMessageDeflate: true })
  client.send('a'.repeat(10_000))
  await messagesOf(client).next()
  expect(server.wss.stats().compressionRatio).toBeGreaterThan(10)
})

testBeyondWs('client.stats tells of one connection, also after its end', async () => {
  const server = await serve(echo)
  const { client, webSocket } = await connectPair(server)
  client.send('hello')
  await messagesOf(client).next()
  expect(webSocket.stats).toMatchObject({ messagesIn: 1, messagesOut: 1, bytesIn: 11, bufferedAmount: 0, dropped: 0 })
  expect(webSocket.stats.bytesOut).toBeGreaterThan(6)
  const closed = closeOf(webSocket)
  client.terminate()
  await closed
  expect(webSocket.stats).toMatchObject({ messagesIn: 1, messagesOut: 1, bytesIn: 11 })
})

testBeyondWs('servers are counted apart', async () => {
  const one = await serve()
  const other = await serve()
  await connectPair(one)
  expect(one.wss.stats().connections).toBe(1)
  expect(other.wss.stats().connections).toBe(0)
})

testBeyondWs('the channels tell of connections, refusals, errors and ends', async () => {
  const [connections, refusals, errors, ends] = ['connection', 'refused', 'error', 'close'].map((name) =>
    listenTo(`offloop:server:${name}`))
  const { wss, port } = await serve((webSocket) => webSocket.on('error', () => {}), { options: { path: '/chat' } })
  await RawClient.upgrade({ port }, { path: '/elsewhere' })
  const connection = once(wss, 'connection')
  const peer = await RawClient.upgrade({ port }, { path: '/chat' })
  const [client] = await connection
  const closed = closeOf(client)
  peer.socket.end(frame(3, ''))
  await closed
  expect(connections).toEqual([{ server: wss, client, request: expect.objectContaining({ url: '/chat' }) }])
  expect(refusals).toEqual([{ server: wss, request: expect.anything(), status: 400, message: undefined }])
  expect(errors.map(({ error }) => error.code)).toEqual([client.closeCause.detail])
  // The connections of the tests before may end meanwhile.
  expect(ends.filter((end) => end.client === client)).toEqual([{ client, code: 1006, reason: Buffer.alloc(0), cause: client.closeCause }])
})

testBeyondWs('examples/metrics.js serves them, and ends when it is told to', async () => {
  const program = spawn(process.execPath, [require.resolve('../../examples/metrics.js')], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  defer(() => program.kill('SIGKILL'))
  const lines = createInterface({ input: program.stdout })
  const [url] = await once(lines, 'line')
  const client = await connect(url.replace('http', 'ws'))
  client.send('hello')
  await messagesOf(client).next()
  const text = await (await fetch(url)).text()
  expect(text.split('\n')).toEqual(expect.arrayContaining(['offloop_connections 1', 'offloop_messages_in_total 1']))
  const closed = closeOf(client)
  const last = once(lines, 'line')
  const exit = once(program, 'exit')
  program.kill('SIGTERM')
  expect((await closed).code).toBe(1001)
  expect(await last).toEqual(['1 closed, 0 lost, 0 terminated'])
  expect(await exit).toEqual([0, null])
})
