'use strict'

// What the stream driver does not copy: a message stays in the bytes that it came in, and a large
// payload is written from where it lies. Nobody may notice.

const { once } = require('events')
const https = require('https')

const ws = require('ws')

const { cert, key } = require('../support/certificate')
const { defer } = require('../support/cleanup')
const { duplexPair } = require('../support/duplex-pair')
const { frame, OPCODE } = require('../support/frames')
const { handleUpgrade, WebSocket } = require('../support/implementation')
const { KEY } = require('../support/raw-client')
const { connect, serve } = require('../support/servers')
const { messagesOf, until } = require('../support/waiting')

const LARGE = 20_000

/**
 * Opens a connection over TLS.
 *
 * @param {object} [options] of the WebSocketServer
 * @param {object} [clientOptions] of the client
 * @returns {Promise<{client: object, webSocket: object}>} both ends, the server's of offloop
 */
async function openTls(options, clientOptions) {
  const server = https.createServer({ cert, key })
  const { wss, port } = await serve(() => {}, { server, options })
  const connection = once(wss, 'connection')
  const client = await connect(`wss://localhost:${port}`, [], { ca: cert, ...clientOptions })
  const [webSocket] = await connection
  return { client, webSocket }
}

/**
 * Upgrades one end of a pair of streams.
 *
 * @param {object} [options] of handleUpgrade
 * @returns {{webSocket: object, peer: import('stream').Duplex}} the WebSocket, and the other end
 */
function openPair(options = {}) {
  const [socket, peer] = duplexPair()
  const headers = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': KEY,
    'sec-websocket-version': '13'
  }
  const webSocket = handleUpgrade({ method: 'GET', url: '/', headers, socket }, socket, Buffer.alloc(0), options)
  defer(() => webSocket.terminate())
  return { webSocket, peer }
}

describe('a large payload over TLS', () => {
  test.each([
    ['as it is', {}, {}],
    ['compressed', { perMessageDeflate: { threshold: 0 } }, { perMessageDeflate: true }]
  ])('goes out with the bytes that it had when it was sent, %s', async (how, options, clientOptions) => {
    const { client, webSocket } = await openTls(options, clientOptions)
    const inbox = messagesOf(client)
    const data = Buffer.alloc(LARGE, 'a')
    webSocket.send(data)
    data.fill('b')
    webSocket.send(data.subarray(0, LARGE - 1))
    data.fill('c')
    expect((await inbox.next()).data.equals(Buffer.alloc(LARGE, 'a'))).toBe(true)
    expect((await inbox.next()).data.equals(Buffer.alloc(LARGE - 1, 'b'))).toBe(true)
  })

  test('keeps its place among others, fragments and pings', async () => {
    const { client, webSocket } = await openTls()
    const inbox = messagesOf(client)
    const pinged = once(client, 'ping')
    const large = Buffer.alloc(LARGE, 'x')
    webSocket.send('before')
    webSocket.send(large)
    webSocket.ping('between')
    webSocket.send('first,', { fin: false })
    webSocket.send(large, { fin: false })
    webSocket.send('last')
    webSocket.send('behind')
    const messages = (await inbox.take(4)).map(({ data }) => `${data}`)
    expect(messages).toEqual(['before', `${large}`, `first,${large}last`, 'behind'])
    expect(`${await pinged}`).toBe('between')
  })

  test('calls back in order, and none of it stays buffered', async () => {
    const { webSocket } = await openTls()
    const called = []
    await new Promise((resolve) => {
      webSocket.send('small', () => called.push('small'))
      webSocket.send(Buffer.alloc(LARGE), () => called.push('large'))
      webSocket.send('last', resolve)
    })
    expect(called).toEqual(['small', 'large'])
    expect(webSocket.bufferedAmount).toBe(0)
  })

  test('is kept for a peer that does not read, as it was', async () => {
    const { client, webSocket } = await openTls()
    const inbox = messagesOf(client)
    client.pause()
    const data = Buffer.alloc(1024 * 1024)
    let count = 0
    while (webSocket.bufferedAmount < 4 * data.length) {
      data.fill(count++)
      webSocket.send(data)
      await new Promise(setImmediate)
    }
    client.resume()
    const messages = await inbox.take(count)
    expect(messages.map((message) => message.data[0])).toEqual(messages.map((message, index) => index & 0xff))
    expect(messages.every((message) => message.data.every((byte) => byte === message.data[0]))).toBe(true)
    await until(() => webSocket.bufferedAmount === 0)
  })

  test('is not written behind our close frame', async () => {
    const { client, webSocket } = await openTls()
    const inbox = messagesOf(client)
    const closed = once(client, 'close')
    webSocket.send('last')
    webSocket.close(4000)
    const error = await new Promise((resolve) => webSocket.send(Buffer.alloc(LARGE), resolve))
    expect(error.message).toMatch(/not open/)
    expect((await closed)[0]).toBe(4000)
    expect(`${(await inbox.next()).data}`).toBe('last')
    expect(inbox.items).toEqual([])
  })

  test('is masked by a client', async () => {
    const { wss, port } = await serve(() => {}, { of: ws, server: https.createServer({ cert, key }) })
    const connection = once(wss, 'connection')
    const client = new WebSocket(`wss://localhost:${port}`, { ca: cert, perMessageDeflate: false })
    defer(() => client.terminate())
    const [[webSocket]] = await Promise.all([connection, once(client, 'open')])
    const inbox = messagesOf(webSocket)
    const data = Buffer.alloc(LARGE, 'client')
    client.send(data)
    expect((await inbox.next()).data.equals(data)).toBe(true)
    expect(data.equals(Buffer.alloc(LARGE, 'client'))).toBe(true)
  })
})

describe('messages that stay in their chunk', () => {
  /**
   * @param {string[]} texts what to send
   * @returns {Buffer} their frames, masked
   */
  function frames(texts) {
    return Buffer.concat(texts.map((text) => frame(OPCODE.text, text)))
  }

  test('come in order when the next chunk is there before the first is delivered', async () => {
    const { webSocket, peer } = openPair({ allowSynchronousEvents: false })
    const inbox = messagesOf(webSocket)
    const texts = Array.from({ length: 60 }, (_, index) => `message ${index}`)
    for (let at = 0; at < texts.length; at += 3) peer.write(frames(texts.slice(at, at + 3)))
    expect((await inbox.take(texts.length)).map(({ data }) => `${data}`)).toEqual(texts)
  })

  test('more of them than one delivery takes are all there, and the chunk behind them', async () => {
    const { webSocket, peer } = openPair()
    const inbox = messagesOf(webSocket)
    const texts = Array.from({ length: 5000 }, (_, index) => `${index}`)
    peer.write(frames(texts.slice(0, 4500)))
    peer.write(frames(texts.slice(4500)))
    expect((await inbox.take(texts.length)).map(({ data }) => `${data}`)).toEqual(texts)
  })

  test('what a listener makes arrive on another connection is delivered, too', async () => {
    const first = openPair()
    const second = openPair()
    const inbox = messagesOf(second.webSocket)
    first.webSocket.on('message', (data) => second.peer.write(frames([`${data}, passed on`])))
    first.peer.write(frames(['a', 'b']))
    expect((await inbox.take(2)).map(({ data }) => `${data}`)).toEqual(['a, passed on', 'b, passed on'])
    // Now that both are read, it arrives inside the listener.
    first.peer.write(frames(['c']))
    expect(`${(await inbox.next()).data}`).toBe('c, passed on')
  })

  test('are the bytes of the chunk, beside a control frame and a message that goes on', async () => {
    const { webSocket, peer } = openPair()
    const inbox = messagesOf(webSocket)
    const pings = []
    webSocket.on('ping', (data) => pings.push(`${data}`))
    const all = Buffer.concat([
      frame(OPCODE.text, 'one'),
      frame(OPCODE.ping, 'ping'),
      frame(OPCODE.binary, Buffer.alloc(LARGE, 'z')),
      frame(OPCODE.text, '')
    ])
    peer.write(all.subarray(0, 5000))
    peer.write(all.subarray(5000))
    const messages = await inbox.take(3)
    expect(messages.map(({ data }) => data.length)).toEqual([3, LARGE, 0])
    expect(messages[1].data.equals(Buffer.alloc(LARGE, 'z'))).toBe(true)
    expect(pings).toEqual(['ping'])
  })
})
