'use strict'

const { connectBrowser } = require('../support/browser-client')
const { Random } = require('../support/random')
const { echo, serve, serveByHandleUpgrade } = require('../support/servers')
const { messagesOf } = require('../support/waiting')

// The lengths at which RFC 6455, 5.2 changes the form of the length, and some beyond.
const LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 1024 * 1024]

const TEXTS = [
  ['ASCII', 'Hello, world'],
  ['two-byte letters', 'Grüße, žluťoučký kůň'],
  ['three-byte letters', '千里の道も一歩から'],
  ['emoji beyond the basic plane', '👩‍👩‍👧‍👦🏳️‍🌈 and text'],
  ['NUL and control characters', 'a\u0000b\u0001\r\n\u007f']
]

/**
 * @param {number} length
 * @returns {Buffer} random bytes, the same ones each time
 */
function binary(length) {
  return new Random(length + 1).bytes(length)
}

describe.each([
  ['WebSocketServer', serve],
  ['handleUpgrade', serveByHandleUpgrade]
])('a browser-style client of %s', (name, start) => {
  test.each(TEXTS)('gets its text back unchanged: %s', async (title, text) => {
    const { url } = await start(echo)
    const client = await connectBrowser(url)
    client.webSocket.send(text)
    expect(await client.next()).toBe(text)
  })

  test.each(LENGTHS)('gets a text of %d characters back unchanged', async (length) => {
    const { url } = await start(echo)
    const client = await connectBrowser(url)
    const text = binary(length).toString('latin1').replace(/[^a-z]/g, 'x')
    client.webSocket.send(text)
    expect((await client.next()) === text).toBe(true)
  })

  test.each(LENGTHS)('gets a binary message of %d bytes back unchanged', async (length) => {
    const { url } = await start(echo)
    const client = await connectBrowser(url)
    client.webSocket.send(binary(length))
    const data = await client.next()
    expect(data).toBeInstanceOf(ArrayBuffer)
    expect(Buffer.from(data).equals(binary(length))).toBe(true)
  })

  test('gets a Blob back as a Blob when it asks for Blobs', async () => {
    const { url } = await start(echo)
    const client = await connectBrowser(url, { binaryType: 'blob' })
    client.webSocket.send(new Blob(['a Blob of ', binary(70000)]))
    const expected = Buffer.concat([Buffer.from('a Blob of '), binary(70000)])
    expect(Buffer.from(await (await client.next()).arrayBuffer()).equals(expected)).toBe(true)
  })

  test('gets all answers in the order of its 1,000 mixed messages', async () => {
    const { url } = await start(echo)
    const client = await connectBrowser(url)
    for (let i = 0; i < 500; i++) {
      client.webSocket.send(`text ${i}`)
      client.webSocket.send(Buffer.from(`binary ${i}`))
    }
    for (let i = 0; i < 500; i++) {
      expect(await client.next()).toBe(`text ${i}`)
      expect(Buffer.from(await client.next()).toString()).toBe(`binary ${i}`)
    }
  })
})

test('the server sees text as a Buffer with isBinary false, binary as a Buffer with true', async () => {
  let inbox
  const { url } = await serve((webSocket) => { inbox = messagesOf(webSocket) })
  const client = await connectBrowser(url)
  client.webSocket.send('für dich')
  client.webSocket.send(Uint8Array.of(1, 2, 3))
  client.webSocket.send('')
  client.webSocket.send(new Uint8Array(0))
  expect(await inbox.take(4)).toEqual([
    { data: Buffer.from('für dich'), isBinary: false },
    { data: Buffer.from([1, 2, 3]), isBinary: true },
    { data: Buffer.alloc(0), isBinary: false },
    { data: Buffer.alloc(0), isBinary: true }
  ])
})

test('a message that the server kept is not changed by later messages', async () => {
  let inbox
  const { url } = await serve((webSocket) => { inbox = messagesOf(webSocket) })
  const client = await connectBrowser(url)
  for (let i = 0; i < 300; i++) client.webSocket.send(Buffer.alloc(1000, i))
  const kept = await inbox.take(300)
  kept.forEach(({ data }, i) => expect(data.equals(Buffer.alloc(1000, i))).toBe(true))
})

test('messages that the server sends in one tick to many clients reach each of them in order', async () => {
  const webSockets = []
  const { url } = await serve((webSocket) => webSockets.push(webSocket))
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectBrowser(url)))
  for (let i = 0; i < 20; i++) {
    for (const webSocket of webSockets) webSocket.send(`news ${i}`)
  }
  for (const client of clients) {
    for (let i = 0; i < 20; i++) expect(await client.next()).toBe(`news ${i}`)
  }
})
