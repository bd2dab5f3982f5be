'use strict'

// What docs/differences.md says: where offloop differs from ws on purpose. Each test has both answers;
// those that stand elsewhere are named there.

const { once } = require('node:events')
const http = require('node:http')

const { duplexPair } = require('../support/duplex-pair')
const { frame, OPCODE } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { KEY, RawClient } = require('../support/raw-client')
const { connectPair, serve } = require('../support/servers')
const { closeOf, recordEvents, until } = require('../support/waiting')

const MEBIBYTE = 1024 * 1024
const isOnStream = process.env.OFFLOOP_DRIVER === 'stream'

describe.each(implementations)('%s', (name, of) => {
  const isWs = name === 'ws'
  const testOnShard = isWs || !isOnStream ? test : test.skip

  /** A server's WebSocket and the bare socket of its peer. */
  async function openRaw(options, request) {
    const { port, wss } = await serve(null, { of, options })
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port }, request)
    const [webSocket] = await connection
    return { client, webSocket, wss }
  }

  test('handshake: a Connection header without upgrade', async () => {
    const wss = new of.WebSocketServer({ noServer: true })
    const [near, far] = duplexPair()
    const client = new RawClient(far)
    const headers = { connection: 'keep-alive', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': KEY }
    wss.handleUpgrade({ method: 'GET', url: '/', headers }, near, Buffer.alloc(0), (webSocket) => webSocket.terminate())
    expect(await client.readHead()).toMatch(isWs ? /^HTTP\/1\.1 101 / : /^HTTP\/1\.1 400 /)
  })

  test('handshake: a header line with a line break in it', async () => {
    const server = http.createServer()
    const { wss, port } = await serve(null, { of, server, options: { server: undefined, noServer: true } })
    wss.on('headers', (lines) => lines.push('X-A: b\r\nX-Smuggled: c'))
    const outcome = new Promise((resolve) => {
      server.on('upgrade', (req, socket, head) => {
        try {
          wss.handleUpgrade(req, socket, head, resolve)
        } catch (error) {
          socket.destroy()
          resolve(error)
        }
      })
    })
    const client = await RawClient.connect({ port })
    client.socket.write(
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`
    )
    const result = await outcome
    if (isWs) result.terminate()
    else expect(result.message).toMatch(/^Invalid character in a header of the handshake/)
    expect((await client.readRest()).toString().includes('\r\nX-Smuggled: c')).toBe(isWs)
  })

  test.each([
    ['permessage-deflate', 'permessage-deflate'],
    ['permessage-deflate; client_max_window_bits', 'permessage-deflate']
  ])('compression: what is answered to %s', async (offer, answer) => {
    const { client } = await openRaw({ perMessageDeflate: true }, { headers: { 'Sec-WebSocket-Extensions': offer } })
    const [, line] = /Sec-WebSocket-Extensions: (.*)\r\n/.exec(client.head)
    expect(line).toBe(isWs ? answer : `${answer}; server_no_context_takeover; client_no_context_takeover`)
  })

  test('limits: pings that come in one read', async () => {
    const { client, webSocket } = await openRaw()
    webSocket.on('message', () => webSocket.send('alive'))
    const pings = Array.from({ length: 100 }, () => frame(OPCODE.ping))
    client.socket.write(Buffer.concat([...pings, frame(OPCODE.text, 'end')]))
    let answers = 0
    const served = async () => {
      while ((await client.readFrame()).opcode === OPCODE.pong) answers++
    }
    if (isWs) await expect(served()).rejects.toThrow('the stream ended')
    else await served()
    expect(answers).toBe(isWs ? 60 : 100)
  })

  test('limits: maxBufferedChunks', async () => {
    const { wss } = await serve(null, { of, options: { server: undefined, noServer: true, maxBufferedChunks: 2 } })
    const [near, far] = duplexPair()
    const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': KEY }
    const outcome = new Promise((resolve) => {
      wss.handleUpgrade({ method: 'GET', url: '/', headers }, near, Buffer.alloc(0), (webSocket) => {
        webSocket.once('error', resolve).once('message', resolve)
      })
    })
    far.resume()
    for (const byte of frame(OPCODE.text, 'in many chunks')) far.write(Buffer.from([byte]))
    const result = await outcome
    far.destroy()
    expect(isWs ? result.code : result.toString()).toBe(isWs ? 'WS_ERR_TOO_MANY_BUFFERED_PARTS' : 'in many chunks')
  })

  test('messages: binaryType fragments', async () => {
    const { client, webSocket } = await openRaw()
    webSocket.binaryType = 'fragments'
    const message = once(webSocket, 'message')
    client.socket.write(Buffer.concat([frame(OPCODE.binary, 'one', { fin: false }), frame(OPCODE.continuation, 'two')]))
    const [data] = await message
    expect(data.map(String)).toEqual(isWs ? ['one', 'two'] : ['onetwo'])
  })

  test('sending: the option mask on a server', async () => {
    const { client, webSocket } = await openRaw()
    webSocket.send('hello', { mask: true })
    expect((await client.readFrame()).masked).toBe(isWs)
  })

  test('sending: bufferedAmount right after send()', async () => {
    const { webSocket } = await openRaw()
    await new Promise((resolve) => webSocket.send('first', resolve))
    expect(webSocket.bufferedAmount).toBe(0)
    webSocket.send('hello')
    expect(webSocket.bufferedAmount).toBe(isWs ? 0 : 7)
  })

  test('sending: the error of a callback whose connection was lost', async () => {
    const { client, webSocket } = await openRaw()
    client.socket.pause()
    const errors = []
    for (let i = 0; i < 16; i++) webSocket.send(Buffer.alloc(MEBIBYTE), (error) => error && errors.push(error))
    await new Promise(setImmediate)
    const closed = closeOf(webSocket)
    webSocket._socket.destroy()
    await closed
    await until(() => errors.length > 0)
    const { code, message } = errors.at(-1)
    if (isWs) expect(['ERR_STREAM_DESTROYED', 'ECANCELED']).toContain(code)
    else expect(message).toBe('WebSocket is not open: readyState 3 (CLOSED)')
  })

  test('sending: drain is an event of the WebSocket', async () => {
    const { client, webSocket } = await openRaw()
    client.socket.resume()
    const events = recordEvents(webSocket, ['drain'])
    const drained = once(webSocket._socket, 'drain')
    for (let i = 0; i < 16; i++) webSocket.send(Buffer.alloc(MEBIBYTE))
    await drained
    if (!isWs) await until(() => events.length > 0)
    expect(events).toHaveLength(isWs ? 0 : 1)
  })

  testOnShard('the socket: data', async () => {
    const { client, webSocket } = await connectPair(await serve(null, { of }))
    const chunks = recordEvents(webSocket._socket, ['data'])
    const message = once(webSocket, 'message')
    client.send('hello')
    await message
    expect(chunks).toHaveLength(isWs ? 1 : 0)
  })

  testOnShard('the socket: close, in front of that of the WebSocket if it was destroyed, or behind it', async () => {
    const { webSocket } = await connectPair(await serve(null, { of }))
    const order = []
    webSocket._socket.prependListener('close', () => order.push('socket'))
    webSocket.on('close', () => order.push('WebSocket'))
    webSocket._socket.destroy()
    await until(() => order.length === 2)
    expect(order).toEqual(isWs ? ['socket', 'WebSocket'] : ['WebSocket', 'socket'])
  })

  test('inside: _receiver', async () => {
    const { webSocket } = await openRaw()
    expect(webSocket._receiver instanceof of.Receiver).toBe(isWs)
  })

  test('inside: a limit that is changed, and what came with the upgrade request', async () => {
    const wss = new of.WebSocketServer({ noServer: true })
    const [near] = duplexPair()
    const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': KEY }
    const outcome = new Promise((resolve) => {
      wss.handleUpgrade({ method: 'GET', url: '/', headers }, near, frame(OPCODE.text, 'four'), (webSocket) => {
        webSocket._receiver._maxPayload = 3
        for (const event of ['message', 'error']) webSocket.on(event, () => resolve(event))
      })
    })
    expect(await outcome).toBe(isWs ? 'error' : 'message')
    near.destroy()
  })

  test('inside: a limit of a Receiver that is changed after its first bytes', async () => {
    const receiver = new of.Receiver({ maxPayload: 3 })
    const events = recordEvents(receiver, ['message', 'error'])
    receiver.write(frame(OPCODE.text, 'one', { mask: null }))
    receiver._maxPayload = 4
    receiver.write(frame(OPCODE.text, 'four', { mask: null }))
    await until(() => events.length === 2)
    expect(events[1][0]).toBe(isWs ? 'message' : 'error')
  })

  test('inside: the objects in _extensions', async () => {
    const { webSocket } = await openRaw({ perMessageDeflate: true }, { headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } })
    expect(webSocket._extensions['permessage-deflate'] instanceof of.PerMessageDeflate).toBe(isWs)
  })
})
