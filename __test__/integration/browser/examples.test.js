'use strict'

const { OPCODE, parseFrames } = require('../../support/frames')
const { RawClient } = require('../../support/raw-client')
const { describeInChromium } = require('./chromium')
const { startExample } = require('./programs')

describeInChromium('the examples, seen by a page in Chromium', (openPage) => {
  /**
   * Opens a WebSocket in a page, to the server it came from. Its messages come to `window.got`.
   *
   * @param {import('playwright-core').Page} page where
   * @param {string} [pathname] ['/']
   */
  function connect (page, pathname = '/') {
    return page.evaluate((pathname) => new Promise((resolve, reject) => {
      window.got = []
      window.socket = new WebSocket(location.origin.replace('http', 'ws') + pathname)
      window.socket.onopen = () => resolve()
      window.socket.onerror = () => reject(new Error(`no WebSocket on ${pathname}`))
      window.socket.onmessage = ({ data }) => window.got.push(data)
      window.ended = new Promise((resolve) => {
        window.socket.onclose = ({ code, reason }) => resolve({ code, reason })
      })
    }), pathname)
  }

  /** Sends a text from a page. */
  const send = (page, text) => page.evaluate((text) => window.socket.send(text), text)

  /** @returns {Promise<string[]>} the messages of a page, once there are as many as that */
  async function got (page, count) {
    await page.waitForFunction((count) => window.got.length >= count, count)
    return page.evaluate(() => window.got)
  }

  test('echo.js sends back what it gets', async () => {
    const { url } = await startExample('echo.js')
    const page = await openPage(url)
    expect(await page.locator('body').innerText()).toContain('echo server')
    await connect(page)
    await send(page, 'hello 👋')
    expect(await got(page, 1)).toEqual(['hello 👋'])
  })

  test('broadcast.js passes on to all but the sender', async () => {
    const { child, exited, port, url } = await startExample('broadcast.js')
    const pages = [await openPage(url), await openPage(url), await openPage(url)]
    for (const page of pages) await connect(page)
    await send(pages[0], 'from 0')
    expect(await got(pages[2], 1)).toEqual(['from 0'])
    await send(pages[2], 'from 2')
    expect(await got(pages[0], 1)).toEqual(['from 2'])
    expect(await got(pages[1], 2)).toEqual(['from 0', 'from 2'])
    expect(await got(pages[2], 1)).toEqual(['from 0'])

    const unused = await RawClient.connect({ port })
    child.kill('SIGINT')
    expect(await pages[1].evaluate(() => window.ended)).toEqual({ code: 1001, reason: 'the server is going away' })
    expect(await exited).toEqual([0, null])
    await unused.readRest()
  })

  test('heartbeat.js drops who does not answer its pings, and keeps who does', async () => {
    const { port, url } = await startExample('heartbeat.js', { BEAT_MS: '100' })
    const page = await openPage(url)
    await connect(page)
    const silent = await RawClient.upgrade({ port })
    const [ping, ...others] = parseFrames(await silent.readRest())
    expect(ping.opcode).toBe(OPCODE.ping)
    expect(others).toEqual([])
    await send(page, 'still there?')
    expect(await got(page, 1)).toEqual(['still there?'])
  })

  test('express.js serves its page and two kinds of WebSocket on one port', async () => {
    const { url } = await startExample('express.js')
    const page = await openPage(url)
    await page.locator('output', { hasText: /^\d{4}-\d\d-\d\dT/ }).waitFor()
    expect(await page.evaluate(() => fetch('/clients').then((response) => response.json()))).toEqual({ clock: 1, echo: 0 })
    await connect(page, '/echo?with=a+query')
    await send(page, 'hello')
    expect(await got(page, 1)).toEqual(['hello'])
    await expect(connect(page, '/nobody')).rejects.toThrow('no WebSocket on /nobody')
  })
})
