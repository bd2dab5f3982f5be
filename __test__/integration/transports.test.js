'use strict'

// The same connection over everything an upgrade can come on: sockets a shard can take, and streams
// that only the stream driver can serve, whatever OFFLOOP_DRIVER asks for.

const { once } = require('events')
const fs = require('fs')
const http = require('http')
const https = require('https')
const os = require('os')
const path = require('path')

const undici = require('undici')

const { connectBrowser } = require('../support/browser-client')
const { cert, key } = require('../support/certificate')
const { defer } = require('../support/cleanup')
const { duplexPair } = require('../support/duplex-pair')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { handleUpgrade, WebSocketServer } = require('../support/implementation')
const { KEY, RawClient, SWITCHING } = require('../support/raw-client')
const { connect, echo, serve, serveByHandleUpgrade } = require('../support/servers')
const { closeOf, messagesOf } = require('../support/waiting')

/**
 * @returns {string} the name of a Unix socket, or of a pipe on Windows, that is free
 */
function socketPath() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'offloop-'))
  defer(() => fs.rmSync(folder, { recursive: true }))
  return process.platform === 'win32' ? `\\\\.\\pipe\\${path.basename(folder)}` : path.join(folder, 'socket')
}

const TRANSPORTS = [
  ['plain HTTP', async (onConnection) => (await serveByHandleUpgrade(onConnection)).url, {}],
  ['TLS', async (onConnection) => {
    const { port } = await serveByHandleUpgrade(onConnection, { server: https.createServer({ cert, key }) })
    return `wss://localhost:${port}`
  }, { ca: cert }],
  ['a Unix socket', async (onConnection) => {
    const server = http.createServer()
    const name = socketPath()
    await serveByHandleUpgrade(onConnection, { server, path: name })
    return `ws+unix:${name}:/`
  }, {}]
]

describe.each(TRANSPORTS)('over %s', (name, start, clientOptions) => {
  /**
   * @returns {Promise<{client: object, webSocket: object, req: object}>} an open echo connection
   */
  async function open() {
    let accepted
    const url = await start((webSocket, req) => {
      echo(webSocket)
      accepted = { webSocket, req }
    })
    const client = await connect(url, [], clientOptions)
    return { client, ...accepted }
  }

  test.each([0, 5, 126, 65536, 1024 * 1024])('%d bytes come back unchanged', async (length) => {
    const { client } = await open()
    const inbox = messagesOf(client)
    const data = Buffer.alloc(length, 'payload')
    client.send(data)
    expect((await inbox.next()).data.equals(data)).toBe(true)
  })

  test('2,000 messages in a burst come back in order', async () => {
    const { client } = await open()
    const inbox = messagesOf(client)
    for (let i = 0; i < 2000; i++) client.send(`${i}`)
    const answers = (await inbox.take(2000)).map(({ data }) => data.toString())
    expect(answers).toEqual(Array.from({ length: 2000 }, (_, i) => `${i}`))
  })

  test('the closing handshake works from both sides', async () => {
    for (const closer of ['client', 'webSocket']) {
      const pair = await open()
      const closed = Promise.all([closeOf(pair.client), closeOf(pair.webSocket)])
      pair[closer].close(4000, 'over')
      expect(await closed).toEqual([{ code: 4000, reason: 'over' }, { code: 4000, reason: 'over' }])
    }
  })

  test('terminate() and socket.destroy() end it with 1006', async () => {
    for (const end of [({ webSocket }) => webSocket.terminate(), ({ req }) => req.socket.destroy()]) {
      const pair = await open()
      const closed = Promise.all([closeOf(pair.client), closeOf(pair.webSocket)])
      end(pair)
      expect((await closed).map(({ code }) => code)).toEqual([1006, 1006])
    }
  })

  test('a peer that goes away without a word is a close with 1006', async () => {
    const { client, webSocket } = await open()
    const closed = closeOf(webSocket)
    client._socket.destroy()
    expect(await closed).toEqual({ code: 1006, reason: '' })
  })

  test('a long message does not hold back what another connection says', async () => {
    const [slow, quick] = [await open(), await open()]
    const [answer, slowAnswer] = [messagesOf(quick.client), messagesOf(slow.client)]
    slow.client.send(Buffer.alloc(8 * 1024 * 1024))
    quick.client.send('quick')
    expect((await answer.next()).data.toString()).toBe('quick')
    expect((await slowAnswer.next()).data).toHaveLength(8 * 1024 * 1024)
  })
})

describe('TLS', () => {
  test('a browser-style client is served by a WebSocketServer on an https.Server', async () => {
    const { port } = await serve(echo, { server: https.createServer({ cert, key }) })
    const dispatcher = new undici.Agent({ connect: { ca: cert } })
    defer(() => dispatcher.destroy())
    const client = await connectBrowser(`wss://localhost:${port}`, { dispatcher })
    client.webSocket.send('über TLS')
    expect(await client.next()).toBe('über TLS')
  })

  test('verifyClient is told that the connection is secure, or that it is not', async () => {
    const seen = []
    const options = { verifyClient: ({ secure }) => seen.push(secure) }
    const { port } = await serve(null, { server: https.createServer({ cert, key }), options })
    await connect(`wss://localhost:${port}`, [], { ca: cert })
    await connect((await serve(null, { options })).url)
    expect(seen).toEqual([true, false])
  })

  test('the addresses of the request\'s socket can be read', async () => {
    const { port, wss } = await serve(echo, { server: https.createServer({ cert, key }) })
    const connection = once(wss, 'connection')
    await connect(`wss://localhost:${port}`, [], { ca: cert })
    const [, req] = await connection
    expect(req.socket.remoteAddress).toBe('127.0.0.1')
    expect(req.socket.encrypted).toBe(true)
  })
})

describe('a Duplex without a descriptor, and a request without a socket', () => {
  const headers = { upgrade: 'websocket', connection: 'upgrade', 'sec-websocket-key': KEY, 'sec-websocket-version': '13' }
  const request = () => ({ method: 'GET', url: '/', headers })

  test.each([
    ['handleUpgrade', (socket, head, accept) => handleUpgrade(request(), socket, head, accept)],
    ['WebSocketServer', (socket, head, accept) => new WebSocketServer({ noServer: true }).handleUpgrade(request(), socket, head, accept)]
  ])('are upgraded and closed by %s', async (name, upgrade) => {
    const [near, far] = duplexPair()
    const client = new RawClient(far)
    const closed = new Promise((resolve) => {
      upgrade(near, frame(OPCODE.text, 'head'), (webSocket) => {
        echo(webSocket)
        resolve(closeOf(webSocket))
      })
    })
    expect(await client.readHead()).toBe(SWITCHING)
    expect((await client.readFrame()).payload.toString()).toBe('head')
    for (const length of [1, 200, 100000]) {
      far.write(frame(OPCODE.binary, Buffer.alloc(length, 3)))
      expect((await client.readFrame()).payload.equals(Buffer.alloc(length, 3))).toBe(true)
    }
    far.end(closeFrame(4001, 'enough'))
    const { payload } = await client.readFrame()
    expect(payload.readUInt16BE(0)).toBe(4001)
    expect(await closed).toEqual({ code: 4001, reason: 'enough' })
  })
})
