'use strict'

const { frame, OPCODE } = require('../support/frames')
const { Random } = require('../support/random')
const { RawClient } = require('../support/raw-client')
const { connect, echo, serve } = require('../support/servers')
const { closeOf, messagesOf, until } = require('../support/waiting')

test('200 clients talking at once each get their own answers, in order', async () => {
  const { url } = await serve(echo)
  const clients = await Promise.all(Array.from({ length: 200 }, () => connect(url)))
  const inboxes = clients.map(messagesOf)
  for (let round = 0; round < 10; round++) clients.forEach((client, i) => client.send(`client ${i}, message ${round}`))
  for (const [i, inbox] of inboxes.entries()) {
    const texts = (await inbox.take(10)).map(({ data }) => data.toString())
    expect(texts).toEqual(Array.from({ length: 10 }, (_, round) => `client ${i}, message ${round}`))
  }
})

test('300 handshakes that begin at the same time all succeed', async () => {
  const { url, wss } = await serve(echo)
  const clients = await Promise.all(Array.from({ length: 300 }, () => connect(url)))
  expect(wss.clients.size).toBe(300)
  const closed = clients.map(closeOf)
  for (const client of clients) client.close(1000)
  for (const { code } of await Promise.all(closed)) expect(code).toBe(1000)
  await until(() => wss.clients.size === 0)
})

test('a broadcast that is sent while clients come and go reaches all who are open, once', async () => {
  const { url, wss } = await serve()
  const staying = await Promise.all(Array.from({ length: 30 }, () => connect(url)))
  const inboxes = staying.map(messagesOf)
  for (let i = 0; i < 30; i++) {
    const guest = await connect(url)
    if (i % 3 === 0) guest.terminate()
    for (const webSocket of wss.clients) webSocket.send(`news ${i}`)
    if (i % 3 === 1) guest.close()
  }
  for (const inbox of inboxes) {
    const texts = (await inbox.take(30)).map(({ data }) => data.toString())
    expect(texts).toEqual(Array.from({ length: 30 }, (_, i) => `news ${i}`))
  }
})

test('messages of random sizes on 20 connections at once come back byte for byte', async () => {
  const { url } = await serve(echo)
  const clients = await Promise.all(Array.from({ length: 20 }, () => connect(url)))
  const random = new Random(20)
  const sizes = [0, 1, 64, 125, 126, 1000, 4096, 16383, 65535, 65536, 200000]
  await Promise.all(clients.map(async (client) => {
    const inbox = messagesOf(client)
    const sent = Array.from({ length: 20 }, () => random.bytes(random.pick(sizes)))
    for (const data of sent) client.send(data)
    for (const data of sent) expect((await inbox.next()).data.equals(data)).toBe(true)
  }))
})

test('a client that floods does not keep the timers and requests of the server waiting for its end', async () => {
  const { port, server, wss } = await serve()
  server.on('request', (req, res) => res.end('ok'))
  let received = 0
  wss.on('connection', (webSocket) => webSocket.on('message', () => { received++ }))
  const flood = await RawClient.upgrade({ port })
  const messages = Buffer.concat(Array.from({ length: 20000 }, () => frame(OPCODE.text, 'x')))
  let flooding = true
  const pump = () => { if (flooding) flood.socket.write(messages, pump) }
  pump()
  await until(() => received > 20000)
  const before = received
  const client = await RawClient.connect({ port })
  await client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect((await client.readRest()).toString()).toMatch(/200 OK[^]*ok$/)
  await until(() => received > before)
  flooding = false
})
