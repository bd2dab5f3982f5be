'use strict'

// createWebSocketStream: a WebSocket as a Duplex. The peer is a client of `ws`.

const { randomBytes } = require('node:crypto')
const { once } = require('node:events')
const { Duplex, Readable, Writable } = require('node:stream')
const { finished, pipeline } = require('node:stream/promises')

const { defer } = require('../support/cleanup')
const { implementations } = require('../support/implementation')
const { connectPair, serve } = require('../support/servers')
const { Inbox, closeOf, messagesOf, recordEvents } = require('../support/waiting')

const NAMES = ['end', 'finish', 'error', 'close']

describe.each(implementations)('createWebSocketStream of %s', (name, implementation) => {
  const { createWebSocketStream } = implementation

  /** A connection whose server's end is a stream. */
  async function open(options, serverOptions) {
    const { client, webSocket } = await connectPair(await serve(null, { of: implementation, options: serverOptions }))
    const stream = createWebSocketStream(webSocket, options)
    // What a test has not asked for must not end the process when its connections are dropped.
    defer(() => stream.on('error', () => {}))
    return { client, webSocket, stream, events: recordEvents(stream, NAMES) }
  }

  test('gives a Duplex with the options that it is given, but of bytes', async () => {
    const { stream } = await open({ readableHighWaterMark: 10, allowHalfOpen: false, objectMode: true })
    expect(stream).toBeInstanceOf(Duplex)
    expect(stream.readableHighWaterMark).toBe(10)
    expect(stream.allowHalfOpen).toBe(false)
    expect([stream.readableObjectMode, stream.writableObjectMode]).toEqual([false, false])
  })

  test('does not take hooks as options', async () => {
    const never = () => { throw new Error('called') }
    const { client, stream } = await open({ read: never, write: never, final: never, destroy: never })
    const messages = messagesOf(client)
    stream.resume()
    stream.end('hi')
    expect((await messages.next()).data.toString()).toBe('hi')
    await once(stream, 'close')
  })

  test('reads what the peer sends and sends what is written', async () => {
    const { client, stream } = await open()
    const messages = messagesOf(client)
    client.send('text')
    client.send(Buffer.from('binary'))
    const reads = new Inbox(stream, 'data')
    expect((await reads.take(2)).map(String)).toEqual(['text', 'binary'])
    stream.write('a string')
    stream.write(Buffer.from('bytes'))
    const [first, second] = await messages.take(2)
    expect([first, second]).toEqual([
      { data: Buffer.from('a string'), isBinary: true }, { data: Buffer.from('bytes'), isBinary: true }
    ])
  })

  test('sends strings as text with decodeStrings: false', async () => {
    const { client, stream } = await open({ decodeStrings: false })
    const messages = messagesOf(client)
    stream.write('text')
    expect(await messages.next()).toEqual({ data: Buffer.from('text'), isBinary: false })
  })

  test('reads text as strings in readableObjectMode', async () => {
    const { client, stream } = await open({ readableObjectMode: true })
    client.send('text')
    expect(await once(stream, 'data')).toEqual(['text'])
    client.send(Buffer.from('binary'))
    expect(await once(stream, 'data')).toEqual([Buffer.from('binary')])
  })

  test('ends, finishes and closes, in this order, when the peer closes', async () => {
    const { client, webSocket, stream, events } = await open()
    stream.resume()
    client.close(1000)
    await once(stream, 'end')
    expect(webSocket.readyState).toBe(webSocket.CLOSED)
    stream.end()
    await once(stream, 'close')
    expect(events.map(([event]) => event)).toEqual(['end', 'finish', 'close'])
    expect(stream.destroyed).toBe(true)
  })

  test('ends its writing side by itself after the peer has closed', async () => {
    const { client, stream, events } = await open({ allowHalfOpen: false })
    stream.resume()
    client.close()
    await once(stream, 'close')
    expect(events.map(([event]) => event)).toEqual(['end', 'finish', 'close'])
  })

  test('end() starts the closing handshake; finish, end and close follow', async () => {
    const { client, webSocket, stream, events } = await open()
    const closed = closeOf(client)
    const ended = once(stream, 'close')
    const messages = messagesOf(client)
    stream.resume()
    stream.end('last words')
    expect((await messages.next()).data.toString()).toBe('last words')
    expect(await closed).toEqual({ code: 1005, reason: '' })
    await ended
    expect(events.map(([event]) => event)).toEqual(['finish', 'end', 'close'])
    expect(webSocket.readyState).toBe(webSocket.CLOSED)
  })

  test('without a reader it does not close before what is buffered is read', async () => {
    const { client, stream, events } = await open()
    client.send('unread')
    client.close()
    await once(stream, 'readable')
    stream.end()
    await once(stream, 'finish')
    expect(events).toEqual([['finish']])
    stream.resume()
    await once(stream, 'close')
    expect(events.map(([event]) => event)).toEqual(['finish', 'end', 'close'])
  })

  test('destroy() drops the connection', async () => {
    const { client, webSocket, stream, events } = await open()
    const closed = closeOf(client)
    const own = closeOf(webSocket)
    stream.destroy()
    expect(webSocket.readyState).toBe(webSocket.CLOSING)
    expect(await own).toEqual({ code: 1006, reason: '' })
    expect((await closed).code).toBe(1006)
    await new Promise(setImmediate)
    expect(events).toEqual([['close']])
  })

  test('destroy(error) emits the error when the connection has ended', async () => {
    const { webSocket, stream, events } = await open()
    stream.destroy(new Error('mine'))
    await once(webSocket, 'close')
    await new Promise(setImmediate)
    expect(events).toEqual([['error', new Error('mine')], ['close']])
  })

  test('destroy() after the end of the connection closes only the stream', async () => {
    const { client, webSocket, stream, events } = await open()
    client.terminate()
    await once(webSocket, 'close')
    stream.destroy(new Error('late'))
    await new Promise(setImmediate)
    expect(events).toEqual([['error', new Error('late')], ['close']])
  })

  test('a broken rule of the peer is an error of the stream, and the peer is told', async () => {
    const { client, webSocket, events } = await open()
    const told = closeOf(client)
    const own = closeOf(webSocket)
    client._socket.write(Buffer.from([0x85, 0x80, 0, 0, 0, 0]))
    expect((await told).code).toBe(1002)
    expect((await own).code).toBe(1006)
    await new Promise(setImmediate)
    expect(events).toEqual([['error', expect.any(RangeError)], ['close']])
    expect(events[0][1].code).toBe('WS_ERR_INVALID_OPCODE')
  })

  test('an error that is emitted on it destroys it, and is thrown if nobody listens', async () => {
    const { webSocket } = await open()
    const silent = createWebSocketStream(webSocket)
    expect(() => silent.emit('error', new Error('unheard'))).toThrow('unheard')
    expect(silent.destroyed).toBe(true)
    const heard = createWebSocketStream(webSocket)
    heard.on('error', () => {})
    heard.emit('error', new Error('heard'))
    expect(heard.destroyed).toBe(true)
    await once(webSocket, 'close')
  })

  test('a write that cannot be sent fails', async () => {
    const { client, webSocket, stream } = await open()
    client.close()
    await once(webSocket, 'close')
    const written = new Promise((resolve) => stream.write('late', resolve))
    expect((await written).message).toBe('WebSocket is not open: readyState 3 (CLOSED)')
  })

  test('stops the peer when nobody reads, and goes on when somebody does', async () => {
    const { client, webSocket, stream } = await open({ readableHighWaterMark: 4 })
    for (let index = 0; index < 100; index++) client.send(`message ${String(index).padStart(3)}`)
    await once(stream, 'readable')
    expect(webSocket.isPaused).toBe(true)
    let read = ''
    stream.on('data', (chunk) => { read += chunk })
    client.close()
    await once(stream, 'end')
    expect(read).toHaveLength(1100)
    expect(read.slice(-11)).toBe('message  99')
    expect(webSocket.isPaused).toBe(false)
  })

  test('calls back for a write when it is written, and buffers no more than it says', async () => {
    const { client, stream } = await open({ writableHighWaterMark: 1000 })
    client.pause()
    const order = []
    expect(stream.write(Buffer.alloc(999), () => order.push(1))).toBe(true)
    expect(stream.write(Buffer.alloc(1), () => order.push(2))).toBe(false)
    await once(stream, 'drain')
    expect(order).toEqual([1, 2])
  })

  test('a pipeline through both ends keeps every byte', async () => {
    const { client, stream } = await open()
    const bytes = randomBytes(3_000_000)
    const echoed = pipeline(stream, stream)
    const chunks = []
    client.on('message', (data) => {
      chunks.push(data)
      if (chunks.reduce((sum, chunk) => sum + chunk.length, 0) === bytes.length) client.close()
    })
    for (let at = 0; at < bytes.length; at += 50_000) client.send(bytes.subarray(at, at + 50_000))
    await Promise.all([echoed, once(client, 'close')])
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
  })

  test('two of them can be piped into each other', async () => {
    const { client, stream } = await open()
    const far = implementations[0][1].createWebSocketStream(client)
    const bytes = randomBytes(500_000)
    const received = []
    const sink = new Writable({ write: (chunk, encoding, done) => { received.push(chunk); done() } })
    const arrived = pipeline(far, sink)
    stream.resume()
    await Promise.all([pipeline(Readable.from([bytes.subarray(0, 200_000), bytes.subarray(200_000)]), stream), arrived])
    expect(Buffer.concat(received).equals(bytes)).toBe(true)
    far.end()
    await finished(stream)
  })

  test('works with the same function of the other package', async () => {
    const { client, webSocket } = await connectPair(await serve(null, { of: implementation }))
    const stream = implementations[0][1].createWebSocketStream(webSocket)
    const events = recordEvents(stream, NAMES)
    const messages = messagesOf(client)
    stream.resume()
    stream.end('hello')
    expect((await messages.next()).data.toString()).toBe('hello')
    await once(stream, 'close')
    expect(events.map(([event]) => event)).toEqual(['finish', 'end', 'close'])
  })

  describe('over a client', () => {
    /** A client that is still connecting, as a stream; and the server's end. */
    async function connecting(options, Server = implementations[0][1].WebSocketServer) {
      const { server, wss, url } = await serve(null, { of: { WebSocketServer: Server } })
      const client = new implementation.WebSocket(url, { perMessageDeflate: false })
      defer(() => {
        client.on('error', () => {})
        client.terminate()
      })
      const stream = createWebSocketStream(client, options)
      return { client, stream, events: recordEvents(stream, NAMES), connection: once(wss, 'connection'), server, wss }
    }

    test('what is written before it is open is sent when it is', async () => {
      const { stream, connection } = await connecting()
      stream.write('early')
      const [webSocket] = await connection
      expect((await messagesOf(webSocket).next()).data.toString()).toBe('early')
    })

    test('an end before it is open closes it when it is', async () => {
      const { stream, events, connection } = await connecting()
      stream.resume()
      stream.end()
      const ended = once(stream, 'close')
      const [webSocket] = await connection
      expect((await closeOf(webSocket)).code).toBe(1005)
      await ended
      expect(events.map(([event]) => event)).toEqual(['finish', 'end', 'close'])
    })

    test('destroy() before it is open gives the connection up', async () => {
      const { client, stream, events } = await connecting()
      stream.destroy()
      await closeOf(client)
      await new Promise(setImmediate)
      const text = 'WebSocket was closed before the connection was established'
      expect(events).toEqual([['error', new Error(text)], ['close']])
    })

    test('a handshake that fails is an error of the stream, of who has written too', async () => {
      const { client, stream, events, wss } = await connecting()
      wss.shouldHandle = () => false
      stream.write('never')
      stream.end()
      await closeOf(client)
      await new Promise(setImmediate)
      expect(events).toEqual([['error', new Error('Unexpected server response: 400')], ['close']])
    })

    test('and a server of the same package everything arrives', async () => {
      const { stream, connection } = await connecting({}, implementation.WebSocketServer)
      const bytes = randomBytes(1_000_000)
      const [webSocket] = await connection
      const far = createWebSocketStream(webSocket)
      far.pipe(far)
      const received = []
      stream.on('data', (chunk) => {
        received.push(chunk)
        if (received.reduce((sum, part) => sum + part.length, 0) === bytes.length) stream.end()
      })
      for (let at = 0; at < bytes.length; at += 100_000) stream.write(bytes.subarray(at, at + 100_000))
      await Promise.all([finished(stream), finished(far)])
      expect(Buffer.concat(received).equals(bytes)).toBe(true)
    })
  })
})
