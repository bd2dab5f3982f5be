'use strict'

// `ws._socket`, Node's socket under a WebSocket: what frameworks and their users do with it.

const { once } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const { Duplex } = require('node:stream')

const certificate = require('../support/certificate')
const { defer } = require('../support/cleanup')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { RawClient, SWITCHING } = require('../support/raw-client')
const { connectPair, echo, serve } = require('../support/servers')
const { closeOf, messagesOf, recordEvents, until } = require('../support/waiting')

/**
 * `test` for what one tick sends and writes: on the stream driver frames go out at its end, and what the
 * socket takes at once leaves no backlog.
 */
function testTick(name) {
  return name === 'offloop' && process.env.OFFLOOP_DRIVER === 'stream' ? test.skip : test
}

describe.each(implementations)('the socket of a WebSocket of %s', (name, implementation) => {
  /** A connection of a client of `ws`. */
  async function open(serve_ = {}) {
    const pair = await connectPair(await serve(serve_.onConnection, { of: implementation, ...serve_ }))
    return { ...pair, socket: pair.webSocket._socket }
  }

  /** A connection of a bare socket, whose opening handshake is read. */
  async function openRaw() {
    const { port, wss } = await serve(null, { of: implementation })
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port })
    const [webSocket, req] = await connection
    return { client, webSocket, socket: webSocket._socket, req }
  }

  test('is the request\'s socket, the same object for life, with what others have put on it', async () => {
    const server = http.createServer()
    server.on('connection', (socket) => { socket.mark = 'mine' })
    const { client, webSocket, req, socket } = await open({ server })
    expect(socket).toBe(req.socket)
    expect(socket).toBeInstanceOf(net.Socket)
    expect(socket).toBeInstanceOf(Duplex)
    expect([socket.mark, socket.constructor]).toEqual(['mine', net.Socket])
    client.close()
    await closeOf(webSocket)
    expect(webSocket._socket).toBe(socket)
  })

  test('keeps the methods of a class of the user\'s', async () => {
    class Named extends net.Socket {
      hello() { return 'hello' }
    }
    const server = http.createServer()
    server.on('connection', (socket) => { Object.setPrototypeOf(socket, Named.prototype) })
    const { socket } = await open({ server })
    expect(socket).toBeInstanceOf(Named)
    expect(socket.hello()).toBe('hello')
  })

  test('knows its addresses', async () => {
    const { client, socket } = await open()
    const { localPort, remotePort } = client._socket
    expect([socket.remoteAddress, socket.remotePort, socket.remoteFamily]).toEqual(['127.0.0.1', localPort, 'IPv4'])
    expect([socket.localAddress, socket.localPort, socket.localFamily]).toEqual(['127.0.0.1', remotePort, 'IPv4'])
    expect(socket.address()).toEqual({ address: '127.0.0.1', family: 'IPv4', port: remotePort })
  })

  test('says how it is', async () => {
    const { client, webSocket, socket } = await open()
    const state = () => [
      socket.readable, socket.writable, socket.destroyed, socket.connecting, socket.pending, socket.readyState,
      socket.encrypted, socket.authorized, socket.allowHalfOpen, socket.closed, socket.timeout
    ]
    expect(state()).toEqual([true, true, false, false, false, 'open', undefined, undefined, true, false, 0])
    client.close()
    await closeOf(webSocket)
    await until(() => socket.closed)
    expect([socket.readable, socket.writable, socket.destroyed, socket.readyState]).toEqual([false, false, true, 'closed'])
    expect([socket.readableEnded, socket.writableFinished]).toEqual([true, true])
  })

  test('tells of TLS', async () => {
    const server = https.createServer(certificate)
    const { wss, port } = await serve(null, { of: implementation, server })
    const { webSocket } = await connectPair(
      { wss, url: `wss://127.0.0.1:${port}` }, [], { ca: certificate.cert, ...certificate }
    )
    expect([webSocket._socket.encrypted, webSocket._socket.authorized]).toEqual([true, false])
    expect(webSocket._socket.getPeerCertificate()).toEqual({})
    expect(webSocket._socket.getCipher().version).toBe('TLSv1.3')
  })

  test('counts bytes, those of the opening handshake too, and keeps the counts', async () => {
    const { client, webSocket, socket } = await openRaw()
    const before = client.socket.bytesWritten
    // The peer may read the answer before its writer has counted it.
    await until(() => socket.bytesWritten > 0)
    expect([socket.bytesRead, socket.bytesWritten]).toEqual([before, SWITCHING.length])
    const message = once(webSocket, 'message')
    await client.write(frame(OPCODE.text, 'hello'))
    await message
    await new Promise((resolve) => webSocket.send('x'.repeat(200), resolve))
    expect([socket.bytesRead, socket.bytesWritten]).toEqual([before + 11, SWITCHING.length + 204])
    const closed = closeOf(webSocket)
    client.socket.end(closeFrame(1000))
    await closed
    const counts = [before + 19, SWITCHING.length + 208]
    expect([socket.bytesRead, socket.bytesWritten]).toEqual(counts)
    await until(() => socket.closed)
    expect([socket.bytesRead, socket.bytesWritten]).toEqual(counts)
  })

  test('knows what is not written', async () => {
    const { client, webSocket, socket } = await openRaw()
    expect([socket.writableLength, socket.bufferSize, socket.writableNeedDrain]).toEqual([0, 0, false])
    client.socket.pause()
    for (let i = 0; i < 16; i++) webSocket.send(Buffer.alloc(1 << 20))
    await new Promise(setImmediate)
    expect(socket.writableLength).toBeGreaterThan(1 << 20)
    expect(socket.writableLength).toBe(webSocket.bufferedAmount)
    expect(socket.bufferSize).toBe(socket.writableLength)
    expect(socket.writableNeedDrain).toBe(true)
    client.socket.resume()
    await once(socket, 'drain')
    expect(socket.writableNeedDrain).toBe(false)
  })

  testTick(name)('emits drain for whoever listens before, after a backlog of more than its mark', async () => {
    const { webSocket, socket } = await open()
    const drained = once(socket, 'drain')
    webSocket.send(Buffer.alloc(socket.writableHighWaterMark + 1))
    await drained
  })

  testTick(name)('emits drain for whoever listens when there is a backlog', async () => {
    const { webSocket, socket } = await open()
    webSocket.send(Buffer.alloc(socket.writableHighWaterMark + 1))
    await new Promise((resolve) => socket.addListener('drain', resolve))
  })

  test('chains setNoDelay, setKeepAlive, setTimeout, ref and unref', async () => {
    const { socket } = await open()
    expect(socket.setNoDelay(false)).toBe(socket)
    expect(socket.setKeepAlive(true, 1000)).toBe(socket)
    expect(socket.setTimeout(1000)).toBe(socket)
    expect(socket.setTimeout(0)).toBe(socket)
    expect(socket.unref().ref()).toBe(socket)
    expect(() => socket.setTimeout('soon')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  })

  // In Linux' table of connections the timer of one that waits to be probed is of kind 2.
  const testOnLinux = process.platform === 'linux' ? test : test.skip
  testOnLinux('setKeepAlive() has the kernel probe the peer, or not', async () => {
    const { socket } = await open()
    const hex = (port) => port.toString(16).toUpperCase().padStart(4, '0')
    const place = new RegExp(`: 0100007F:${hex(socket.localPort)} 0100007F:${hex(socket.remotePort)} 01 \\S+ (\\d\\d):`)
    const timer = () => place.exec(fs.readFileSync('/proc/net/tcp', 'latin1'))[1]
    socket.setKeepAlive(true, 60_000)
    await until(() => timer() === '02')
    socket.setKeepAlive(false)
    await until(() => timer() === '00')
  })

  test('emits timeout when nothing moves, and not as long as something does', async () => {
    const { client, webSocket, socket } = await open({ onConnection: echo })
    const before = socket.listenerCount('timeout')
    const limit = 300
    let longestPause = 0
    let last = performance.now()
    let isOver = false
    socket.setTimeout(limit, () => { isOver = true })
    expect(socket.timeout).toBe(limit)
    expect(socket.listenerCount('timeout')).toBe(before + 1)
    const start = last
    const answers = messagesOf(client)
    while (performance.now() - start < 4 * limit) {
      client.send('beat')
      await answers.next()
      const now = performance.now()
      longestPause = Math.max(longestPause, now - last)
      last = now
    }
    // A busy machine may have made a pause.
    if (longestPause < limit / 2) expect(isOver).toBe(false)
    if (!isOver) await once(socket, 'timeout')
    expect(webSocket.readyState).toBe(webSocket.OPEN)
  })

  test('pause() stops the messages, resume() lets them come', async () => {
    const { client, webSocket, socket } = await open()
    const inbox = messagesOf(webSocket)
    expect(socket.isPaused()).toBe(false)
    expect(socket.pause()).toBe(socket)
    expect(socket.isPaused()).toBe(true)
    client.send('held')
    const other = await open({ onConnection: echo })
    other.client.send('sentinel')
    await messagesOf(other.client).next()
    expect(inbox.items).toEqual([])
    expect(socket.resume()).toBe(socket)
    expect(socket.isPaused()).toBe(false)
    expect((await inbox.next()).data.toString()).toBe('held')
  })

  test('is paused and resumed by the WebSocket', async () => {
    const { webSocket, socket } = await open()
    webSocket.pause()
    expect(socket.isPaused()).toBe(true)
    webSocket.resume()
    expect(socket.isPaused()).toBe(false)
  })

  testTick(name)('write() puts bytes between the frames, in the order of the calls', async () => {
    const { client, webSocket, socket } = await open()
    const inbox = messagesOf(client)
    webSocket.send('1')
    const written = new Promise((resolve) => socket.write(frame(OPCODE.text, '2', { mask: null }), resolve))
    webSocket.send('3')
    socket.write(frame(OPCODE.text, '4', { mask: null }).toString('latin1'), 'latin1')
    socket.write(frame(OPCODE.binary, Buffer.alloc(100_000, 5), { mask: null }))
    webSocket.send('6')
    const received = (await inbox.take(6)).map(({ data }) => data.toString().slice(0, 1))
    expect(received).toEqual(['1', '2', '3', '4', '\u0005', '6'])
    expect(await written).toBeFalsy()
  })

  testTick(name)('what is sent or written while it is corked goes out', async () => {
    const { client, webSocket, socket } = await open()
    const inbox = messagesOf(client)
    socket.cork()
    expect(socket.writableCorked).toBe(1)
    webSocket.send('sent')
    webSocket.send('and sent')
    socket.uncork()
    socket.cork()
    socket.write(frame(OPCODE.text, 'written', { mask: null }))
    socket.write(frame(OPCODE.text, 'and written', { mask: null }))
    socket.uncork()
    const texts = (await inbox.take(4)).map(({ data }) => data.toString())
    expect(texts).toEqual(['sent', 'and sent', 'written', 'and written'])
  })

  test('refuses what cannot be written, as any stream does', async () => {
    const { socket } = await open()
    expect(() => socket.write(null)).toThrow(expect.objectContaining({ code: 'ERR_STREAM_NULL_VALUES' }))
    expect(() => socket.write(1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  })

  testTick(name)('end() sends a FIN behind what was sent, and both sides end', async () => {
    const { client, webSocket, socket } = await openRaw()
    const events = recordEvents(socket, ['finish', 'end', 'error', 'close'])
    webSocket.send('last')
    socket.end()
    expect([socket.writable, socket.writableEnded]).toEqual([false, true])
    expect((await client.readFrame()).payload.toString()).toBe('last')
    expect(await client.readRest()).toHaveLength(0)
    const closed = closeOf(webSocket)
    client.socket.end()
    expect(await closed).toEqual({ code: 1006, reason: '' })
    await until(() => socket.closed)
    expect(events).toEqual([['finish'], ['end'], ['close', false]])
  })

  test('end(bytes) writes them', async () => {
    const { client, socket } = await openRaw()
    socket.end(frame(OPCODE.text, 'last', { mask: null }))
    expect((await client.readFrame()).payload.toString()).toBe('last')
    expect(await client.readRest()).toHaveLength(0)
  })

  test('emits end and finish when a closing handshake is done, and then close', async () => {
    const { client, socket } = await open()
    const events = recordEvents(socket, ['finish', 'end', 'error', 'close'])
    client.close()
    await until(() => socket.closed)
    expect(events.map(([event]) => event).sort()).toEqual(['close', 'end', 'finish'])
    expect(events[2]).toEqual(['close', false])
  })

  test('destroy() drops the connection', async () => {
    const { client, webSocket, socket } = await openRaw()
    const events = recordEvents(socket, ['finish', 'end', 'error', 'close'])
    const closed = closeOf(webSocket)
    expect(socket.destroy()).toBe(socket)
    expect(socket.destroyed).toBe(true)
    expect(await closed).toEqual({ code: 1006, reason: '' })
    expect(await client.readRest()).toHaveLength(0)
    await until(() => socket.closed)
    expect(events).toEqual([['close', false]])
  })

  test('destroy(error) emits it on the socket alone', async () => {
    const { webSocket, socket } = await open()
    const onWebSocket = recordEvents(webSocket, ['error', 'close'])
    const events = recordEvents(socket, ['error', 'close'])
    socket.destroy(new Error('mine'))
    await until(() => events.length === 2 && onWebSocket.length === 1)
    expect(events).toEqual([['error', new Error('mine')], ['close', true]])
    expect(onWebSocket).toEqual([['close', 1006, Buffer.alloc(0)]])
  })

  testTick(name)('destroySoon() writes what is queued first', async () => {
    const { client, webSocket, socket } = await openRaw()
    const closed = closeOf(webSocket)
    webSocket.send('last')
    socket.destroySoon()
    expect((await client.readFrame()).payload.toString()).toBe('last')
    expect(await closed).toEqual({ code: 1006, reason: '' })
  })

  test('resetAndDestroy() resets the connection', async () => {
    const { client, webSocket, socket } = await openRaw()
    const failed = once(client.socket, 'error')
    const closed = closeOf(webSocket)
    expect(socket.resetAndDestroy()).toBe(socket)
    expect((await failed)[0].code).toBe('ECONNRESET')
    expect((await closed).code).toBe(1006)
  })

  test('emits error, and the WebSocket only close, when the peer resets the connection', async () => {
    const { client, webSocket, socket } = await openRaw()
    const onWebSocket = recordEvents(webSocket, ['error', 'close'])
    const events = recordEvents(socket, ['error', 'close'])
    client.socket.resetAndDestroy()
    await until(() => events.length === 2 && onWebSocket.length === 1)
    const [[, error], closed] = events
    expect({ ...error, message: error.message }).toEqual({
      code: 'ECONNRESET', errno: -104, message: 'read ECONNRESET', syscall: 'read'
    })
    expect(closed).toEqual(['close', true])
    expect(onWebSocket).toEqual([['close', 1006, Buffer.alloc(0)]])
  })

  test('is itself a client\'s socket too', async () => {
    const { port } = await serve(null, { of: implementation })
    const client = new implementation.WebSocket(`ws://127.0.0.1:${port}`)
    await once(client, 'open')
    const socket = client._socket
    expect([socket.remotePort, socket.bytesRead > 100, socket.bytesWritten > 100]).toEqual([port, true, true])
    const events = recordEvents(socket, ['finish', 'end', 'error', 'close'])
    client.close()
    await until(() => socket.closed)
    expect(events.map(([event]) => event).sort()).toEqual(['close', 'end', 'finish'])
  })

  const testOnUnix = process.platform === 'win32' ? test.skip : test
  testOnUnix('of a Unix socket has no addresses, and knows no reset', async () => {
    const directory = fs.mkdtempSync('/tmp/offloop-')
    defer(() => fs.rmSync(directory, { recursive: true }))
    const path = `${directory}/socket`
    const server = http.createServer()
    const wss = new implementation.WebSocketServer({ server })
    defer(() => server.close())
    await new Promise((resolve) => server.listen(path, resolve))
    const { webSocket } = await connectPair({ wss, url: `ws+unix:${path}:/` })
    const socket = webSocket._socket
    expect([socket.remoteAddress, socket.remoteFamily]).toEqual([undefined, undefined])
    expect(() => socket.resetAndDestroy()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_HANDLE_TYPE' }))
  })
})
