'use strict'

// What a server's options do to its connections, and what may be changed while it runs.

const { once } = require('node:events')
const { Duplex } = require('node:stream')

const { defer } = require('../support/cleanup')
const { duplexPair } = require('../support/duplex-pair')
const { closeFrame, frame, OPCODE, parseFrames } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { ACCEPT, KEY, RawClient, SWITCHING, upgradeRequest } = require('../support/raw-client')
const { connect, connectPair, serve } = require('../support/servers')
const { closeOf, messagesOf, recordEvents, until } = require('../support/waiting')

describe.each(implementations)('%s', (name, of) => {
  /** A server's WebSocket and the bare socket of its peer. */
  async function openRaw(options, onConnection) {
    const { port, wss } = await serve(onConnection, { of, options })
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port })
    const [webSocket] = await connection
    return { client, webSocket, wss }
  }

  test('autoPong answers pings before the ping listener hears them, and not without it', async () => {
    for (const autoPong of [true, false]) {
      const { client, webSocket } = await openRaw({ autoPong })
      const ping = once(webSocket, 'ping')
      client.socket.write(frame(OPCODE.ping, 'are you there'))
      expect((await ping)[0]).toEqual(Buffer.from('are you there'))
      webSocket.close()
      client.socket.end(closeFrame())
      const opcodes = parseFrames(await client.readRest()).map(({ opcode }) => opcode)
      expect(opcodes).toEqual(autoPong ? [OPCODE.pong, OPCODE.close] : [OPCODE.close])
    }
  })

  test('autoPong and closeTimeout are read when a connection is opened', async () => {
    const { port, wss } = await serve(null, { of })
    wss.options.autoPong = false
    wss.options.closeTimeout = 50
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port })
    const [webSocket] = await connection
    const ping = once(webSocket, 'ping')
    client.socket.write(frame(OPCODE.ping))
    await ping
    const closed = closeOf(webSocket)
    webSocket.close()
    expect((await client.readFrame()).opcode).toBe(OPCODE.close)
    expect(await closed).toEqual({ code: 1006, reason: '' })
  })

  test('allowSynchronousEvents: false gives each event a turn of the event loop', async () => {
    const turns = async (allowSynchronousEvents) => {
      const { client, webSocket } = await openRaw({ allowSynchronousEvents })
      let turn = 0
      const count = () => { turn++; timer = setImmediate(count) }
      let timer = setImmediate(count)
      defer(() => clearImmediate(timer))
      const seen = []
      for (const event of ['message', 'ping', 'pong']) webSocket.on(event, (data) => seen.push([event, `${data}`, turn]))
      client.socket.write(Buffer.concat([
        frame(OPCODE.text, '1'), frame(OPCODE.ping, '2'), frame(OPCODE.text, '3'), frame(OPCODE.pong, '4')
      ]))
      await until(() => seen.length === 4)
      clearImmediate(timer)
      expect(seen.map(([event, data]) => [event, data])).toEqual([['message', '1'], ['ping', '2'], ['message', '3'], ['pong', '4']])
      return new Set(seen.map(([, , at]) => at)).size
    }
    expect(await turns(true)).toBe(1)
    expect(await turns(false)).toBe(4)
  })

  test('allowSynchronousEvents: true lets promises of one message settle before the next', async () => {
    const { client, webSocket } = await openRaw()
    const log = []
    webSocket.on('message', (data) => {
      log.push(`${data}`)
      Promise.resolve().then(() => log.push(`${data} settled`))
    })
    client.socket.write(Buffer.concat([frame(OPCODE.text, '1'), frame(OPCODE.text, '2')]))
    await until(() => log.length === 4)
    expect(new Set(log)).toEqual(new Set(['1', '1 settled', '2', '2 settled']))
  })

  test('perMessageDeflate may be set for one handshake and put back, as crossws does', async () => {
    const started = await serve(null, { of, options: { server: undefined, noServer: true } })
    const { wss, server, url } = started
    server.on('upgrade', (req, socket, head) => {
      const before = wss.options.perMessageDeflate
      wss.options.perMessageDeflate = req.url === '/compressed'
      try {
        wss.handleUpgrade(req, socket, head, () => {})
      } finally {
        wss.options.perMessageDeflate = before
      }
    })
    const compressed = await connect(`${url}/compressed`, [], { perMessageDeflate: true })
    const plain = await connect(`${url}/plain`, [], { perMessageDeflate: true })
    expect([compressed.extensions, plain.extensions]).toEqual(['permessage-deflate', ''])
  })

  test('perMessageDeflate: true becomes an empty object in the options', () => {
    expect(new of.WebSocketServer({ noServer: true, perMessageDeflate: true }).options.perMessageDeflate).toEqual({})
    expect(new of.WebSocketServer({ noServer: true }).options.perMessageDeflate).toBe(false)
  })

  test('handleProtocols may be set later, as graphql-ws does, and listeners of the server taken off', async () => {
    const { wss, url } = await serve(null, { of })
    wss.options.handleProtocols = (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false)
    const client = await connect(url, ['other', 'graphql-transport-ws'])
    expect(client.protocol).toBe('graphql-transport-ws')
    wss.removeAllListeners()
    const closed = new Promise((resolve) => wss.close(resolve))
    for (const webSocket of wss.clients) webSocket.close(1001, 'Going away')
    expect(await closeOf(client)).toEqual({ code: 1001, reason: 'Going away' })
    await closed
  })

  test('the class of connections may be changed on the running server', async () => {
    class Mine extends of.WebSocket {}
    const started = await serve(null, { of })
    expect((await connectPair(started)).webSocket).not.toBeInstanceOf(Mine)
    started.wss.options.WebSocket = Mine
    expect((await connectPair(started)).webSocket).toBeInstanceOf(Mine)
  })

  test('an upgrade listener may be called by hand, as express-ws and Fastify do', async () => {
    const { server, wss } = await serve(null, { of })
    const [near, far] = duplexPair()
    const client = new RawClient(far)
    const connection = once(wss, 'connection')
    const req = {
      method: 'GET',
      url: '/',
      headers: { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': KEY }
    }
    server.emit('upgrade', req, near, Buffer.alloc(0))
    const [webSocket, given] = await connection
    expect(given).toBe(req)
    expect(await client.readHead()).toBe(SWITCHING)
    expect(webSocket._socket).toBe(near)
    expect(near).toBeInstanceOf(Duplex)
    const inbox = messagesOf(webSocket)
    far.write(frame(OPCODE.text, 'over a pair'))
    expect((await inbox.next()).data.toString()).toBe('over a pair')
  })

  test('a WebSocket without an address takes any stream, as a client of Fastify\'s injectWS', async () => {
    const [near, far] = duplexPair()
    const ends = [near, far].map((socket, index) => {
      const webSocket = new of.WebSocket(null, undefined, { isServer: index === 0 })
      webSocket._isServer = index === 0
      defer(() => webSocket.terminate())
      const events = recordEvents(webSocket, ['open'])
      webSocket.setSocket(socket, Buffer.alloc(0), { maxPayload: 0 })
      expect(events).toEqual([['open']])
      return webSocket
    })
    const [server, client] = ends
    expect([server.readyState, client.readyState]).toEqual([1, 1])
    const inbox = messagesOf(server)
    client.send('masked')
    expect((await inbox.next()).data.toString()).toBe('masked')
    const closed = Promise.all(ends.map(closeOf))
    client.close(1000, 'done')
    expect(await closed).toEqual([{ code: 1000, reason: 'done' }, { code: 1000, reason: 'done' }])
  })

  test('bytes behind the request are delivered after handleUpgrade has called back', async () => {
    const order = []
    const { port } = await serve((webSocket) => {
      order.push('connection')
      webSocket.on('message', (data) => order.push(`${data}`))
      process.nextTick(() => order.push('next tick'))
    }, { of })
    const client = await RawClient.connect({ port })
    client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), frame(OPCODE.text, '1'), frame(OPCODE.text, '2')]))
    await until(() => order.length === 4)
    expect(order.filter((entry) => entry !== 'next tick')).toEqual(['connection', '1', '2'])
    expect(order[0]).toBe('connection')
  })

  test('setSocket may be overridden, and called with other options', async () => {
    class Mine extends of.WebSocket {
      setSocket(socket, head) {
        super.setSocket(socket, head, { maxPayload: 3 })
      }
    }
    const { port, wss } = await serve(null, { of, options: { WebSocket: Mine } })
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port })
    expect(client.head).toBe(SWITCHING)
    const [webSocket] = await connection
    expect(webSocket.readyState).toBe(1)
    const failed = once(webSocket, 'error')
    await client.write(frame(OPCODE.text, 'four'))
    expect((await failed)[0].code).toBe('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
  })

  test('completeUpgrade may be overridden, and called with the key of the request', async () => {
    const calls = []
    class Mine extends of.WebSocketServer {
      completeUpgrade(extensions, key, protocols, req, socket, head, cb) {
        calls.push([extensions, key, protocols, req.url, head.length, typeof cb])
        super.completeUpgrade(extensions, key, protocols, req, socket, head, cb)
      }
    }
    const { port } = await serve(null, { of: { WebSocketServer: Mine } })
    const { head } = await RawClient.upgrade({ port }, { path: '/mine', headers: { 'Sec-WebSocket-Protocol': 'a, b' } })
    expect(head).toContain(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`)
    expect(calls).toEqual([[{}, KEY, new Set(['a', 'b']), '/mine', 0, 'function']])
  })

  test('completeUpgrade may be called for a request that nobody has judged', async () => {
    const { server, wss, port } = await serve(null, { of, options: { server: undefined, noServer: true } })
    const others = [KEY, 'w4v7O6xFTi36lq3RNcgctw==']
    server.on('upgrade', (req, socket, head) => {
      wss.completeUpgrade({}, req.headers['sec-websocket-key'], new Set(), req, socket, head, (webSocket) => webSocket.send('hi'))
    })
    for (const key of others) {
      const client = await RawClient.upgrade({ port }, { headers: { 'Sec-WebSocket-Key': key } })
      expect(client.head).toContain(key === KEY ? ACCEPT : 'Oy4NRAQ13jhfONC7bP8dTKb4PTU=')
      expect((await client.readFrame()).payload.toString()).toBe('hi')
    }
  })
})
