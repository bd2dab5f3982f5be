'use strict'

const { once } = require('events')

const { closeFrame, frame, OPCODE, parseFrame } = require('../support/frames')
const { testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connectPair, echo, serve } = require('../support/servers')
const { closeOf, messagesOf, until } = require('../support/waiting')

const MEBIBYTE = 1024 * 1024

/**
 * Starts a server and connects a raw client that reads nothing until its socket is resumed.
 *
 * @returns {Promise<{client: RawClient, webSocket: object}>}
 */
async function withDeafClient() {
  const { port, wss } = await serve()
  const connection = once(wss, 'connection')
  const client = await RawClient.upgrade({ port })
  client.socket.pause()
  const [webSocket] = await connection
  return { client, webSocket }
}

/**
 * Waits until a number has stayed the same for twenty looks in a row.
 *
 * @param {Function} read
 * @returns {Promise<void>}
 */
async function unmoving(read) {
  let same = 0
  let last
  await until(() => {
    const now = read()
    same = now === last ? same + 1 : 0
    last = now
    return same === 20
  })
}

/**
 * Sends until the kernel's buffers are full and the rest waits in our memory.
 *
 * @param {object} webSocket whose peer does not read
 * @returns {Promise<number>} how many messages of 1 MiB it took
 */
async function fill(webSocket) {
  let calledBack = 0
  let sent = 1
  await new Promise((resolve) => webSocket.send(Buffer.alloc(MEBIBYTE), resolve))
  for (; sent < 16; sent++) webSocket.send(Buffer.alloc(MEBIBYTE, sent), () => { calledBack++ })
  await unmoving(() => webSocket.bufferedAmount)
  expect(calledBack).toBeLessThan(sent - 1)
  return sent
}

describe('pause() and resume()', () => {
  test('no message is delivered while paused, and all are after resume, in order', async () => {
    const { client, webSocket } = await connectPair(await serve())
    const inbox = messagesOf(webSocket)
    client.send('before')
    await inbox.next()
    webSocket.pause()
    expect(webSocket.isPaused).toBe(true)
    for (let i = 0; i < 100; i++) client.send(`${i}`)
    // The round trip of another connection passes everything the paused one could have delivered.
    const other = await connectPair(await serve(echo))
    other.client.send('sentinel')
    await messagesOf(other.client).next()
    expect(inbox.items).toEqual([])
    webSocket.resume()
    expect(webSocket.isPaused).toBe(false)
    const data = (await inbox.take(100)).map((message) => message.data.toString())
    expect(data).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))
  })

  test('a paused connection fills the window of the peer, not our memory', async () => {
    const { port, wss } = await serve()
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port })
    const [webSocket] = await connection
    const inbox = messagesOf(webSocket)
    webSocket.pause()
    const message = frame(OPCODE.binary, Buffer.alloc(MEBIBYTE, 7))
    const count = 64
    for (let i = 0; i < count; i++) client.socket.write(message)
    const written = () => client.socket.bytesWritten - client.socket.writableLength
    await unmoving(written)
    expect(client.socket.writableLength).toBeGreaterThan(count / 2 * MEBIBYTE)
    webSocket.resume()
    for (const { data } of await inbox.take(count)) expect(data.length).toBe(MEBIBYTE)
  })

  test('a connection paused in a message listener goes on after resume', async () => {
    const { client, webSocket } = await connectPair(await serve())
    const received = []
    webSocket.on('message', (data) => {
      received.push(data.toString())
      webSocket.pause()
      setImmediate(() => webSocket.resume())
    })
    for (let i = 0; i < 20; i++) client.send(`${i}`)
    await until(() => received.length === 20)
    expect(received).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`))
  })
})

describe('a peer that does not read', () => {
  test('bufferedAmount grows by what waits and falls to 0 when it reads again', async () => {
    const { client, webSocket } = await withDeafClient()
    expect(webSocket.bufferedAmount).toBe(0)
    const sent = await fill(webSocket)
    expect(webSocket.bufferedAmount).toBeGreaterThan(MEBIBYTE)
    expect(webSocket.bufferedAmount).toBeLessThanOrEqual(sent * (MEBIBYTE + 10))
    client.socket.resume()
    await until(() => webSocket.bufferedAmount === 0)
    for (let i = 0; i < sent; i++) {
      const { payload } = await client.readFrame()
      expect(payload.equals(Buffer.alloc(MEBIBYTE, i))).toBe(true)
    }
  })

  test('bufferedAmount counts what send() was given at once, framing included', async () => {
    const { webSocket } = await withDeafClient()
    await fill(webSocket)
    const before = webSocket.bufferedAmount
    webSocket.send(Buffer.alloc(100000))
    expect(webSocket.bufferedAmount - before).toBe(100010)
    webSocket.send('x'.repeat(1000))
    expect(webSocket.bufferedAmount - before).toBe(100010 + 1004)
  })

  test('the callback of a send waits until the peer reads', async () => {
    const { client, webSocket } = await withDeafClient()
    await fill(webSocket)
    let called = false
    const last = new Promise((resolve) => webSocket.send('last', () => { called = true; resolve() }))
    await new Promise((resolve) => setImmediate(resolve))
    expect(called).toBe(false)
    client.socket.resume()
    await last
  })

  test('terminate() ends it at once, with what waits thrown away', async () => {
    const { client, webSocket } = await withDeafClient()
    await fill(webSocket)
    const closed = closeOf(webSocket)
    webSocket.terminate()
    expect(await closed).toEqual({ code: 1006, reason: '' })
    client.socket.resume()
    await until(() => client.ended || client.closed)
  })

  test('does not hold up the other connections', async () => {
    const { webSocket } = await withDeafClient()
    await fill(webSocket)
    const { client } = await connectPair(await serve(echo))
    const inbox = messagesOf(client)
    for (let i = 0; i < 100; i++) {
      client.send(`${i}`)
      expect((await inbox.next()).data.toString()).toBe(`${i}`)
    }
  })

  test('a reader that is slow gets every byte in order', async () => {
    const { client, webSocket } = await withDeafClient()
    const count = 2000
    for (let i = 0; i < count; i++) webSocket.send(Buffer.alloc(5000, i))
    webSocket.close(1000)
    let bytes = Buffer.alloc(0)
    let seen = 0
    for await (const chunk of client.socket) {
      bytes = Buffer.concat([bytes, chunk])
      for (let next = parseFrame(bytes); next && next.opcode === OPCODE.binary; next = parseFrame(bytes)) {
        expect(next.payload.equals(Buffer.alloc(5000, seen++))).toBe(true)
        bytes = bytes.subarray(next.size)
      }
      if (seen === count && bytes.length === 4) client.socket.end(closeFrame(1000))
    }
    expect(seen).toBe(count)
  })

  testBeyondWs('drain is emitted when a full bufferedAmount has gone down', async () => {
    const { client, webSocket } = await withDeafClient()
    await fill(webSocket)
    const full = webSocket.bufferedAmount
    const drained = once(webSocket, 'drain')
    client.socket.resume()
    await drained
    expect(webSocket.bufferedAmount).toBeLessThan(full)
  })
})
