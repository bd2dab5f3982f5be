'use strict'

/* global connect, peer -- of page.html */

const { once } = require('events')

const { serve } = require('../../support/servers')
const { closeOf, messagesOf } = require('../../support/waiting')
const { createPageServer, describeInChromium } = require('./chromium')

describeInChromium('closing, a page in Chromium', (openPage) => {
  /**
   * @param {object} [options] of the WebSocketServer
   * @returns {Promise<{page: import('playwright-core').Page, webSocket: object}>} a connected page
   */
  async function connected (options) {
    const { port, wss } = await serve(undefined, { options, server: createPageServer() })
    const page = await openPage(`http://127.0.0.1:${port}/`)
    const connection = once(wss, 'connection')
    await page.evaluate(async () => { await connect() })
    const [webSocket] = await connection
    return { page, webSocket }
  }

  /**
   * @param {import('playwright-core').Page} page a connected page
   * @returns {Promise<{code: number, reason: string, wasClean: boolean}>} what its 'close' event says
   */
  function closeSeenBy (page) {
    return page.evaluate(() => peer.closed)
  }

  test.each([
    [1000, 'done'],
    [1001, 'the server is going away'],
    [1002, ''],
    [1011, 'ä reason ✓'],
    [3000, ''],
    [4000, 'four thousand'],
    [4999, 'x'.repeat(123)]
  ])('sees the code and the reason the server closes with: %d "%s"', async (code, reason) => {
    const { page, webSocket } = await connected()
    const closed = closeOf(webSocket)
    webSocket.close(code, reason)
    expect(await closeSeenBy(page)).toEqual({ code, reason, wasClean: true })
    expect(await closed).toEqual({ code, reason })
  })

  test('sees 1005 when the server closes without a code', async () => {
    const { page, webSocket } = await connected()
    webSocket.close()
    expect(await closeSeenBy(page)).toEqual({ code: 1005, reason: '', wasClean: true })
  })

  test('sees 1006 when the server terminates', async () => {
    const { page, webSocket } = await connected()
    const closed = closeOf(webSocket)
    webSocket.terminate()
    expect(await closeSeenBy(page)).toEqual({ code: 1006, reason: '', wasClean: false })
    expect(await closed).toEqual({ code: 1006, reason: '' })
  })

  test.each([
    ['by one byte', 1025],
    ['by far', 16 * 1024 * 1024]
  ])('sees 1009 when its message is too big %s, and the server hears why', async (_, length) => {
    const { page, webSocket } = await connected({ maxPayload: 1024 })
    const failed = once(webSocket, 'error')
    const closed = closeOf(webSocket)
    await page.evaluate((length) => peer.socket.send(new Uint8Array(length)), length)
    const [error] = await failed
    expect(error).toBeInstanceOf(RangeError)
    expect(error.code).toBe('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
    expect(await closeSeenBy(page)).toMatchObject({ code: 1009 })
    expect(await closed).toEqual({ code: 1006, reason: '' })
  })

  test('is not cut off by a message that is just not too big', async () => {
    const { page, webSocket } = await connected({ maxPayload: 1024 })
    const messages = messagesOf(webSocket)
    await page.evaluate(() => peer.socket.send(new Uint8Array(1024)))
    expect((await messages.next()).data).toHaveLength(1024)
  })

  test.each([
    [1000, ''],
    [1000, 'enough'],
    [4001, 'ä reason ✓']
  ])('closes with %d "%s", and the server hears it', async (code, reason) => {
    const { page, webSocket } = await connected()
    const closed = closeOf(webSocket)
    await page.evaluate(([code, reason]) => peer.socket.close(code, reason), [code, reason])
    expect(await closed).toEqual({ code, reason })
    expect(await closeSeenBy(page)).toEqual({ code, reason, wasClean: true })
  })

  test('closes without a code: 1005 on both sides', async () => {
    const { page, webSocket } = await connected()
    const closed = closeOf(webSocket)
    await page.evaluate(() => peer.socket.close())
    expect(await closed).toEqual({ code: 1005, reason: '' })
    expect(await closeSeenBy(page)).toEqual({ code: 1005, reason: '', wasClean: true })
  })

  test('is left by its reader: the server hears 1001', async () => {
    const { page, webSocket } = await connected()
    const closed = closeOf(webSocket)
    await page.goto('about:blank')
    expect(await closed).toEqual({ code: 1001, reason: '' })
  })

  test('gets every message the server sent before it closed', async () => {
    const { page, webSocket } = await connected()
    const sent = Array.from({ length: 500 }, (_, i) => `message ${i}`)
    for (const text of sent) webSocket.send(text)
    webSocket.close(1000, 'that was all')
    expect(await closeSeenBy(page)).toEqual({ code: 1000, reason: 'that was all', wasClean: true })
    expect(await page.evaluate(() => peer.messages)).toEqual(sent)
  })

  test('has every message delivered that it sent before it closed', async () => {
    const { page, webSocket } = await connected()
    const messages = messagesOf(webSocket)
    await page.evaluate(() => {
      for (let i = 0; i < 500; i++) peer.socket.send(`message ${i}`)
      peer.socket.close(1000)
    })
    const got = await messages.take(500)
    expect(got.map(({ data }) => data.toString())).toEqual(Array.from({ length: 500 }, (_, i) => `message ${i}`))
  })
})
