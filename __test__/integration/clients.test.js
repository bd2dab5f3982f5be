'use strict'

// offloop's clients: which driver they have, and how they do with offloop's servers, with those of ws,
// and in numbers.

const fs = require('fs')
const https = require('https')
const net = require('net')
const os = require('os')
const path = require('path')

const ws = require('ws')

const { cert, key } = require('../support/certificate')
const { defer } = require('../support/cleanup')
const { openClient, startClient, thrownBy } = require('../support/client-log')
const { duplexPair } = require('../support/duplex-pair')
const { implementation, implementationName, testBeyondWs } = require('../support/implementation')
const { Random } = require('../support/random')
const { RawClient } = require('../support/raw-client')
const { parseHead, serveRaw, switching } = require('../support/raw-server')
const { echo, serve } = require('../support/servers')
const { closeOf, messagesOf, until } = require('../support/waiting')

const { WebSocket } = implementation
/** Which driver a socket gets that a shard could take. */
const TAKEN_BY = process.env.OFFLOOP_DRIVER === 'stream' ? 'stream' : 'shard'

/**
 * @param {string} url
 * @param {object} [options]
 * @returns {Promise<object>} an open client
 */
async function connect(url, options) {
  return (await openClient(implementation, url, options)).client
}

describe('the driver', () => {
  /** Nobody but offloop has drivers. */
  const testOurs = implementationName === 'ws' ? test.skip : test

  testOurs('of a TCP connection', async () => {
    const { url } = await serve()
    expect((await connect(url))._driver.name).toBe(TAKEN_BY)
    for (const driver of ['shard', 'stream']) expect((await connect(url, { driver }))._driver.name).toBe(driver)
    expect((await connect(url, { generateMask: () => {} }))._driver.name).toBe(TAKEN_BY)
  })

  testOurs('of a Unix socket', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'offloop-'))
    defer(() => fs.rmSync(folder, { recursive: true }))
    const raw = await serveRaw({ path: path.join(folder, 's') })
    const opened = connect(`ws+unix:${path.join(folder, 's')}`)
    await raw.upgrade()
    expect((await opened)._driver.name).toBe(TAKEN_BY)
  })

  testOurs('of a TLS connection', async () => {
    const { port } = await serve(echo, { server: https.createServer({ cert, key }) })
    const client = await connect(`wss://127.0.0.1:${port}`, { rejectUnauthorized: false })
    expect(client._driver.name).toBe('stream')
  })

  testOurs('of a stream', async () => {
    const [ours, theirs] = duplexPair()
    const opened = connect('ws://nowhere', { createConnection: () => ours })
    const peer = new RawClient(theirs)
    const { headers } = parseHead(await peer.readHead())
    await peer.write(switching(headers['sec-websocket-key']))
    expect((await opened)._driver.name).toBe('stream')
  })

  testOurs('that does not exist', () => {
    expect(thrownBy(() => new WebSocket('ws://host', { driver: 'tokio' })))
      .toBe("TypeError: The driver must be 'shard' or 'stream', not tokio")
  })
})

describe.each([['offloop', implementation], ['ws', ws]])('with a server of %s', (name, of) => {
  test.each([[false], [true], [{ threshold: 0, clientNoContextTakeover: true }], [{ clientMaxWindowBits: 9, serverMaxWindowBits: 9 }]])(
    'messages of all sizes come back, compressed by %p',
    async (perMessageDeflate) => {
      const { url } = await serve(echo, { of, options: { perMessageDeflate: true } })
      const client = await connect(url, { perMessageDeflate })
      expect(client.extensions).toBe(perMessageDeflate ? 'permessage-deflate' : '')
      const inbox = messagesOf(client)
      const random = new Random(4)
      const sent = [0, 1, 125, 126, 4096, 16384, 65535, 65536, 300_000].flatMap((length) => [random.bytes(length), Buffer.alloc(length, 'again')])
      for (const data of sent) client.send(data)
      for (const data of sent) expect((await inbox.next()).data.equals(data)).toBe(true)
      client.send('ein Stück Text, 文')
      expect(await inbox.next()).toEqual({ data: Buffer.from('ein Stück Text, 文'), isBinary: false })
    }
  )

  test.each([
    ['the client', (client) => client.close(4000, 'enough')],
    ['the server', (client, webSocket) => webSocket.close(4000, 'enough')]
  ])('a closing handshake that %s begins ends both', async (title, close) => {
    const { url, wss } = await serve(null, { of })
    const connection = new Promise((resolve) => wss.once('connection', resolve))
    const client = await connect(url)
    const webSocket = await connection
    const ends = [closeOf(client), closeOf(webSocket)]
    close(client, webSocket)
    expect(await Promise.all(ends)).toEqual([{ code: 4000, reason: 'enough' }, { code: 4000, reason: 'enough' }])
    await until(() => wss.clients.size === 0)
  })

  test('pause() stops the server, and resume() loses nothing', async () => {
    const { url, wss } = await serve(null, { of })
    const connection = new Promise((resolve) => wss.once('connection', resolve))
    const client = await connect(url, { perMessageDeflate: false })
    const webSocket = await connection
    const inbox = messagesOf(client)
    client.pause()
    expect(client.isPaused).toBe(true)
    const data = Buffer.alloc(1 << 20, 1)
    for (let i = 0; i < 30; i++) webSocket.send(data)
    await until(() => webSocket.bufferedAmount > 0)
    expect(inbox.items).toHaveLength(0)
    client.resume()
    for (const { data: { length } } of await inbox.take(30)) expect(length).toBe(1 << 20)
  })
})

test('1000 clients at once each get their own answers, and leave nothing behind', async () => {
  const { url, wss } = await serve(echo)
  const clients = await Promise.all(Array.from({ length: 1000 }, () => connect(url, { perMessageDeflate: false })))
  const inboxes = clients.map(messagesOf)
  for (let round = 0; round < 3; round++) clients.forEach((client, i) => client.send(`client ${i}, message ${round}`))
  for (const [i, inbox] of inboxes.entries()) {
    const texts = (await inbox.take(3)).map(({ data }) => data.toString())
    expect(texts).toEqual(Array.from({ length: 3 }, (_, round) => `client ${i}, message ${round}`))
  }
  const ends = clients.map(closeOf)
  for (const client of clients) client.close(1000)
  for (const { code } of await Promise.all(ends)) expect(code).toBe(1000)
  await until(() => wss.clients.size === 0)
})

testBeyondWs('after send(), terminate() in the same tick lets the message out', async () => {
  const raw = await serveRaw()
  const opened = connect(raw.url, { driver: 'shard' })
  const { peer } = await raw.upgrade()
  const client = await opened
  const closed = closeOf(client)
  client.send('last')
  client.terminate()
  expect((await peer.readFrame()).payload.toString()).toBe('last')
  await closed
})

test('net.Socket methods go on working on the client\'s socket', async () => {
  const { url, port } = await serve(echo)
  const { client } = await openClient(implementation, url)
  const { _socket: socket } = client
  expect([socket.remotePort, socket.remoteAddress, net.isIP(socket.localAddress)]).toEqual([port, '127.0.0.1', 4])
  const closed = closeOf(client)
  socket.destroy()
  expect((await closed).code).toBe(1006)
})

test('a client that is refused can be replaced by another at once', async () => {
  const { url } = await serve(echo, { options: { path: '/good' } })
  const { log, closed } = startClient(implementation, `${url}/bad`)
  await closed
  expect(log).toEqual(['2 error Error: Unexpected server response: 400', '3 close 1006'])
  const client = await connect(`${url}/good`)
  const inbox = messagesOf(client)
  client.send('x')
  expect((await inbox.next()).data.toString()).toBe('x')
})
