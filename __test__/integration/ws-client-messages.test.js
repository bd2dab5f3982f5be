'use strict'

const { createHash } = require('crypto')

const { frame, OPCODE } = require('../support/frames')
const { RawClient } = require('../support/raw-client')
const { connect, connectPair, echo, serve } = require('../support/servers')
const { Inbox, messagesOf, recordEvents, until } = require('../support/waiting')

const hash = (data) => createHash('sha1').update(data).digest('hex')

describe('ping and pong', () => {
  test.each(['', 'x', 'ä ping', 'x'.repeat(125)])('the server answers the ping "%s" with a pong of the same payload', async (payload) => {
    const { client, webSocket } = await connectPair(await serve())
    const pings = new Inbox(webSocket, 'ping')
    const pongs = new Inbox(client, 'pong')
    client.ping(payload)
    expect((await pongs.next()).toString()).toBe(payload)
    const ping = await pings.next()
    expect(Buffer.isBuffer(ping)).toBe(true)
    expect(ping.toString()).toBe(payload)
  })

  test('the server pings with a payload and hears the pong as a Buffer', async () => {
    const { webSocket } = await connectPair(await serve())
    const pongs = new Inbox(webSocket, 'pong')
    webSocket.ping('alive?')
    webSocket.ping()
    webSocket.ping(Buffer.from([0, 255]))
    expect(await pongs.take(3)).toEqual([Buffer.from('alive?'), Buffer.alloc(0), Buffer.from([0, 255])])
  })

  test('a pong that nobody asked for is an event and closes nothing', async () => {
    const { client, webSocket } = await connectPair(await serve(echo))
    const pongs = new Inbox(webSocket, 'pong')
    const answers = messagesOf(client)
    client.pong('unasked')
    client.send('still here')
    expect((await pongs.next()).toString()).toBe('unasked')
    expect((await answers.next()).data.toString()).toBe('still here')
  })

  test('with autoPong false the server leaves the answer to the ping listener', async () => {
    const { client, webSocket } = await connectPair(await serve(null, { options: { autoPong: false } }))
    const pongs = new Inbox(client, 'pong')
    webSocket.once('ping', () => webSocket.pong('by hand'))
    client.ping('by itself')
    expect((await pongs.next()).toString()).toBe('by hand')
  })

  test('pings between the fragments of a message are heard and answered before the message', async () => {
    const { client, webSocket } = await connectPair(await serve(echo))
    const heard = recordEvents(webSocket, ['ping', 'message'])
    const seen = recordEvents(client, ['pong', 'message'])
    const answers = messagesOf(client)
    client.send('frag', { fin: false })
    client.ping('1')
    client.send('men', { fin: false })
    client.ping('2')
    client.send('ted', { fin: true })
    await answers.next()
    expect(heard.map(([name, data]) => `${name} ${data}`)).toEqual(['ping 1', 'ping 2', 'message fragmented'])
    expect(seen.map(([name, data]) => `${name} ${data}`)).toEqual(['pong 1', 'pong 2', 'message fragmented'])
  })
})

describe('messages that the user keeps', () => {
  test('stay as they were while others arrive, whatever their lengths', async () => {
    const { port } = await serve((webSocket) => webSocket.on('message', (data) => kept.push(data)))
    const kept = []
    const lengths = [0, 1, 125, 8191, 8192, 16384, 20000, 65000, 65535, 65536, 70000, 200000]
    const sent = Array.from({ length: 8 * lengths.length }, (_, i) => Buffer.alloc(lengths[i % lengths.length], `${i},`))
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(`ws://localhost:${port}`)))
    sent.forEach((data, i) => clients[i % clients.length].send(data))
    await until(() => kept.length === sent.length)
    const sorted = (list) => list.map((data) => `${data.length} ${data.subarray(0, 8)} ${data.subarray(-8)} ${hash(data)}`).sort()
    expect(sorted(kept)).toEqual(sorted(sent))
  })
})

describe('fragments', () => {
  test('a message in three fragments arrives as one, in both directions', async () => {
    const { client, webSocket } = await connectPair(await serve())
    const [up, down] = [messagesOf(webSocket), messagesOf(client)]
    for (const [sender, inbox] of [[client, up], [webSocket, down]]) {
      sender.send(Buffer.from([1, 2]), { fin: false })
      sender.send(Buffer.alloc(0), { fin: false })
      sender.send(Buffer.from([3]), { fin: true })
      sender.send('next')
      expect(await inbox.take(2)).toEqual([
        { data: Buffer.from([1, 2, 3]), isBinary: true },
        { data: Buffer.from('next'), isBinary: false }
      ])
    }
  })

  test('the kind of a message is that of its first fragment', async () => {
    const { client, webSocket } = await connectPair(await serve())
    const inbox = messagesOf(client)
    webSocket.send('te', { fin: false })
    webSocket.send(Buffer.from('xt'), { fin: true })
    webSocket.send('bin', { binary: true, fin: false })
    webSocket.send('ary', { fin: true })
    expect(await inbox.take(2)).toEqual([
      { data: Buffer.from('text'), isBinary: false },
      { data: Buffer.from('binary'), isBinary: true }
    ])
  })

  test('an emoji cut into bytes over four fragments arrives whole', async () => {
    const { port, wss } = await serve()
    const inbox = new Promise((resolve) => wss.on('connection', (webSocket) => resolve(messagesOf(webSocket))))
    const client = await RawClient.upgrade({ port })
    const bytes = Buffer.from('🎉')
    await client.write(frame(OPCODE.text, bytes.subarray(0, 1), { fin: false }))
    await client.write(frame(OPCODE.continuation, bytes.subarray(1, 2), { fin: false }))
    await client.write(frame(OPCODE.continuation, bytes.subarray(2, 3), { fin: false }))
    await client.write(frame(OPCODE.continuation, bytes.subarray(3)))
    expect(await (await inbox).next()).toEqual({ data: Buffer.from('🎉'), isBinary: false })
  })

  test('1,000 fragments of changing sizes arrive as one message', async () => {
    const { client, webSocket } = await connectPair(await serve())
    const inbox = messagesOf(webSocket)
    const pieces = Array.from({ length: 1000 }, (_, i) => Buffer.alloc(i % 300, i))
    pieces.forEach((piece, i) => client.send(piece, { fin: i === pieces.length - 1 }))
    const { data } = await inbox.next()
    expect(data.equals(Buffer.concat(pieces))).toBe(true)
  })
})

describe('send()', () => {
  test.each([
    ['a number', 42, '42', false],
    ['a Buffer', Buffer.from('buffer'), 'buffer', true],
    ['a Uint8Array in the middle of its memory', Buffer.from('xxmiddlexx').subarray(2, 8), 'middle', true],
    ['a Uint16Array', Uint16Array.of(0x4241, 0x4443), 'ABCD', true],
    ['a DataView', new DataView(Uint8Array.of(65, 66, 67).buffer, 1, 1), 'B', true],
    ['an ArrayBuffer', Uint8Array.of(65, 66).buffer, 'AB', true],
    ['an array of numbers', [65, 66], 'AB', true],
    ['a byte order mark', '\ufeffstays', '\ufeffstays', false],
    ['nothing', undefined, '', true],
    ['a lone surrogate, which becomes U+FFFD', 'a\ud800b', 'a\ufffdb', false]
  ])('takes %s', async (title, value, text, isBinary) => {
    const { client, webSocket } = await connectPair(await serve())
    const inbox = messagesOf(client)
    webSocket.send(value)
    expect(await inbox.next()).toEqual({ data: Buffer.from(text), isBinary })
  })

  test('sends a string as binary, or a Buffer as text, when told to', async () => {
    const { client, webSocket } = await connectPair(await serve())
    const inbox = messagesOf(client)
    webSocket.send('string', { binary: true })
    webSocket.send(Buffer.from('buffer'), { binary: false })
    expect(await inbox.take(2)).toEqual([
      { data: Buffer.from('string'), isBinary: true },
      { data: Buffer.from('buffer'), isBinary: false }
    ])
  })

  test.each([10, 200, 70000])('a Buffer of %d bytes that is changed in a later turn is sent as it was', async (length) => {
    const { client, webSocket } = await connectPair(await serve())
    const inbox = messagesOf(client)
    const reused = Buffer.alloc(length)
    for (let i = 0; i < 20; i++) {
      reused.fill(i)
      await new Promise((resolve) => webSocket.send(reused, resolve))
    }
    const received = await inbox.take(20)
    received.forEach(({ data }, i) => expect(data.equals(Buffer.alloc(length, i))).toBe(true))
  })

  test('calls back once a send, without an error, in the order of the sends', async () => {
    const { client, webSocket } = await connectPair(await serve())
    const calls = []
    const inbox = messagesOf(client)
    await new Promise((resolve) => {
      for (let i = 0; i < 50; i++) webSocket.send(`${i}`, (error) => calls.push([i, error]))
      webSocket.send('options', { binary: true }, (error) => { calls.push(['last', error]); resolve() })
    })
    expect(calls.slice(0, -1).map(([i]) => i)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(calls.every(([, error]) => !error)).toBe(true)
    await inbox.take(51)
    expect(calls).toHaveLength(51)
  })

  test('never calls back before it has returned', async () => {
    const { webSocket } = await connectPair(await serve())
    let returned = false
    const called = new Promise((resolve) => webSocket.send('x', () => resolve(returned)))
    returned = true
    expect(await called).toBe(true)
  })

  test('ping() and pong() call back too, with the callback at any place', async () => {
    const { webSocket } = await connectPair(await serve())
    for (const method of ['ping', 'pong']) {
      for (const args of [[], ['data'], ['data', false]]) {
        const error = await new Promise((resolve) => webSocket[method](...args, resolve))
        expect(error ?? null).toBeNull()
      }
    }
  })
})
