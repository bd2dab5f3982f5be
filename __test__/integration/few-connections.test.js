'use strict'

// A server with few connections whose messages come one by one: there the JavaScript thread reads and
// writes the sockets itself, for as long as it has nothing better to do.

const { once } = require('events')
const { Worker } = require('worker_threads')

const { defer } = require('../support/cleanup')
const { testBeyondWs } = require('../support/implementation')
const { connect, serve } = require('../support/servers')
const { messagesOf } = require('../support/waiting')

const testOnShards = process.env.OFFLOOP_DRIVER === 'stream' ? test.skip : testBeyondWs

/** Sends one message at a time, and then the last one. All the time it pings, and counts the pongs. */
const PEER = `
  const { workerData: { url, seen, from } } = require('worker_threads')
  const client = new (require(from))(url, { perMessageDeflate: false })
  let left = 1000
  client.on('open', () => {
    client.send('alone')
    client.ping()
  })
  client.on('message', () => client.send(--left > 0 ? 'alone' : 'last'))
  client.on('pong', () => {
    Atomics.add(seen, 0, 1)
    Atomics.notify(seen, 0)
    client.ping()
  })
`

testOnShards('pings are answered in a long handler that follows many short ones', async () => {
  const seen = new Int32Array(new SharedArrayBuffer(4))
  const { url, wss } = await serve((webSocket) => {
    webSocket.on('message', (data) => {
      if (String(data) === 'alone') return webSocket.send(data)
      // Nothing but the shard can answer now. Ten seconds each are for a machine that stands still.
      const before = Atomics.load(seen, 0)
      for (let count = before; count < before + 5; count = Atomics.load(seen, 0)) {
        if (Atomics.wait(seen, 0, count, 10_000) === 'timed-out') break
      }
      wss.emit('answered', Atomics.load(seen, 0) - before)
    })
  })
  const answered = once(wss, 'answered')
  const worker = new Worker(PEER, { eval: true, workerData: { url, seen, from: require.resolve('ws') } })
  defer(() => worker.terminate())
  const [count] = await answered
  expect(count).toBeGreaterThanOrEqual(5)
})

test('messages keep their order when it becomes lively and calm again, and others come and go', async () => {
  const server = await serve((webSocket) => {
    webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
  })
  const clients = []
  for (let count = 0; count < 3; count++) {
    const client = await connect(server.url)
    clients.push({ client, messages: messagesOf(client), sent: 0, received: 0 })
  }
  const send = (one) => one.client.send(String(one.sent++))
  const receive = async (one) => expect(String((await one.messages.next()).data)).toBe(String(one.received++))

  for (let round = 0; round < 5; round++) {
    for (let turn = 0; turn < 150; turn++) {
      for (const one of clients) {
        send(one)
        await receive(one)
      }
    }
    for (const one of clients) while (one.sent < one.received + 200) send(one)
    const [large] = clients
    large.client.send('x'.repeat(100_000))
    for (const one of clients) while (one.received < one.sent) await receive(one)
    expect((await large.messages.next()).data).toHaveLength(100_000)

    const guest = await connect(server.url)
    const guests = messagesOf(guest)
    guest.send('hello')
    expect(String((await guests.next()).data)).toBe('hello')
    guest.close()
    await once(guest, 'close')
  }
})
