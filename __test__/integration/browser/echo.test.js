'use strict'

/* global areEqual, connect, countingBytes -- of page.html */

const { echo, serveByHandleUpgrade } = require('../../support/servers')
const { messagesOf } = require('../../support/waiting')
const { createPageServer, describeInChromium } = require('./chromium')

const MEGABYTE = 1024 * 1024

describeInChromium('sending and receiving, a page in Chromium', (openPage) => {
  /**
   * @param {Function} onConnection what the server does with each WebSocket
   * @returns {Promise<import('playwright-core').Page>} a page that came from that server
   */
  async function openPageOf (onConnection) {
    const { port } = await serveByHandleUpgrade(onConnection, { server: createPageServer() })
    return openPage(`http://127.0.0.1:${port}/`)
  }

  test.each([
    ['ASCII', 'hello'],
    ['two, three and four bytes a character', 'ä ✓ 👋🏽 𝒳'],
    ['nothing', ''],
    ['a NUL and line ends', 'a\0b\r\n\u2028c'],
    ['126 bytes, the first 16-bit length', 'x'.repeat(126)],
    ['65,536 bytes, the first 64-bit length', 'y'.repeat(65_536)]
  ])('gets text back as text: %s', async (_, text) => {
    const page = await openPageOf(echo)
    expect(await page.evaluate(async (text) => (await connect()).ask(text), text)).toBe(text)
  })

  test.each([0, 1, 125, 126, 65_535, 65_536, MEGABYTE])('gets %d bytes back unchanged', async (length) => {
    const page = await openPageOf(echo)
    const same = await page.evaluate(async (length) => {
      const bytes = countingBytes(length)
      const back = await (await connect()).ask(bytes)
      return back instanceof ArrayBuffer && areEqual(back, bytes)
    }, length)
    expect(same).toBe(true)
  })

  test('gets 1 MB of text back unchanged, whatever the character falls on', async () => {
    const page = await openPageOf(echo)
    const same = await page.evaluate(async (length) => {
      const text = 'aä✓👋'.repeat(length / 10)
      return (await (await connect()).ask(text)) === text
    }, MEGABYTE)
    expect(same).toBe(true)
  })

  test('gets the part of a buffer back that a view shows', async () => {
    const page = await openPageOf(echo)
    const back = await page.evaluate(async () => {
      const view = new Uint16Array(countingBytes(64).buffer, 8, 4)
      return Array.from(new Uint8Array(await (await connect()).ask(view)))
    })
    expect(back).toEqual([8, 9, 10, 11, 12, 13, 14, 15].map((i) => (i * 31) & 255))
  })

  test.each([0, 5, 300_000])('gets a Blob of %d bytes back as a Blob', async (length) => {
    const page = await openPageOf(echo)
    const back = await page.evaluate(async (length) => {
      const bytes = countingBytes(length)
      const blob = await (await connect({ binaryType: 'blob' })).ask(new Blob([bytes]))
      return { isBlob: blob instanceof Blob, same: areEqual(await blob.arrayBuffer(), bytes) }
    }, length)
    expect(back).toEqual({ isBlob: true, same: true })
  })

  test('gets everything back in the order it was sent, texts, bytes and Blobs', async () => {
    const page = await openPageOf(echo)
    const back = await page.evaluate(async () => {
      const peer = await connect()
      for (let i = 0; i < 300; i += 3) {
        peer.socket.send(`text ${i}`)
        peer.socket.send(new Uint8Array([i & 255, i >> 8]))
        peer.socket.send(new Blob([`blob ${i}`]))
      }
      const back = []
      while (back.length < 300) {
        const data = await peer.next()
        back.push(typeof data === 'string' ? data : Array.from(new Uint8Array(data)))
      }
      return back
    })
    const sent = []
    for (let i = 0; i < 300; i += 3) sent.push(`text ${i}`, [i & 255, i >> 8], [...Buffer.from(`blob ${i}`)])
    expect(back).toEqual(sent)
  })

  test('reads emoji that the server splits over frames inside a character', async () => {
    const text = '👋 ✓ 👩‍👩‍👧 ä'
    const bytes = Buffer.from(text)
    const page = await openPageOf((webSocket) => {
      // A message for every place to cut at, then one of a byte a frame.
      for (let at = 0; at <= bytes.length; at++) {
        webSocket.send(bytes.subarray(0, at), { fin: false, binary: false })
        webSocket.send(bytes.subarray(at), { fin: true })
      }
      for (const byte of bytes) webSocket.send(Buffer.of(byte), { fin: false, binary: false })
      webSocket.send('', { fin: true })
    })
    const count = bytes.length + 2
    const texts = await page.evaluate(async (count) => {
      const peer = await connect()
      const texts = []
      while (texts.length < count) texts.push(await peer.next())
      return texts
    }, count)
    expect(texts).toEqual(new Array(count).fill(text))
  })

  test('reads a ping between two fragments as nothing at all', async () => {
    const page = await openPageOf((webSocket) => {
      webSocket.on('pong', (data) => webSocket.send(`pong ${data}`))
      webSocket.send('one ', { fin: false, binary: false })
      webSocket.ping('in between')
      webSocket.send('message', { fin: true })
    })
    expect(await page.evaluate(async () => {
      const peer = await connect()
      return [await peer.next(), await peer.next()]
    })).toEqual(['one message', 'pong in between'])
  })

  test('sends emoji that the server receives as text, byte for byte', async () => {
    const text = '👋🏽 🇪🇺 👩‍👩‍👧 𝒳 ✓ ä'
    let messages
    const page = await openPageOf((webSocket) => { messages = messagesOf(webSocket) })
    await page.evaluate(async (text) => {
      const peer = await connect()
      peer.socket.send(text)
      peer.socket.send(text.repeat(10_000))
    }, text)
    expect(await messages.next()).toEqual({ data: Buffer.from(text), isBinary: false })
    const { data, isBinary } = await messages.next()
    expect(isBinary).toBe(false)
    expect(data.equals(Buffer.from(text.repeat(10_000)))).toBe(true)
  })

  test('speaks the first of its protocols, and no extension', async () => {
    const page = await openPageOf((webSocket) => webSocket.send(webSocket.protocol))
    expect(await page.evaluate(async () => {
      const peer = await connect({ protocols: ['chat.v2', 'chat.v1'] })
      return [await peer.next(), peer.socket.protocol, peer.socket.extensions]
    })).toEqual(['chat.v2', 'chat.v2', ''])
  })
})
