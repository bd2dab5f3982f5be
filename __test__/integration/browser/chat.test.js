'use strict'

const { describeInChromium } = require('./chromium')
const { startExample } = require('./programs')

const PHONE = { viewport: { width: 390, height: 844 } }

describeInChromium('the chat room in Chromium', (openPage) => {
  /**
   * @param {string} url where the room is
   * @param {object} [options] of the browser's context
   * @returns {Promise<import('playwright-core').Page>} a page that has been welcomed
   */
  async function enter (url, options) {
    const page = await openPage(url, options)
    await page.locator('.note.welcome').waitFor()
    return page
  }

  /** @returns {Promise<string>} the address and port a page goes by */
  const nameOf = (page) => page.locator('#name').innerText()

  /** Types a message and sends it with the keyboard, as people do. */
  async function say (page, text) {
    await page.getByLabel('Message', { exact: true }).fill(text)
    await page.keyboard.press('Enter')
  }

  /** @returns {import('playwright-core').Locator} the messages in a page's log with this text */
  const messages = (page, text) => page.locator('.message', { has: page.getByText(text, { exact: true }) })

  /** @returns {Promise<string>} the sender of the only message with this text, once it is there */
  async function senderOf (page, text) {
    await messages(page, text).waitFor()
    return messages(page, text).locator('.from').innerText()
  }

  test('welcomes a page by its address and port, and shows that it is connected', async () => {
    const { url } = await startExample('chat/server.js')
    const page = await enter(url)
    expect(await page.locator('#state').innerText()).toBe('Connected')
    expect(await nameOf(page)).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(await page.locator('.note.welcome').innerText()).toContain(await nameOf(page))
  })

  test('carries messages between two pages, each with its sender', async () => {
    const { url } = await startExample('chat/server.js')
    const ann = await enter(url)
    const bob = await enter(url, PHONE)
    const [annsName, bobsName] = [await nameOf(ann), await nameOf(bob)]
    expect(annsName).not.toBe(bobsName)

    await say(ann, 'Hello Bob 👋')
    expect(await senderOf(bob, 'Hello Bob 👋')).toBe(annsName)
    expect(await senderOf(ann, 'Hello Bob 👋')).toBe(`${annsName} (you)`)
    await say(bob, 'Hello Ann ✓')
    expect(await senderOf(ann, 'Hello Ann ✓')).toBe(bobsName)
  })

  test('leaves the sender out when the switch says so', async () => {
    const { url } = await startExample('chat/server.js')
    const ann = await enter(url)
    const bob = await enter(url)
    await ann.locator('#count', { hasText: '2' }).waitFor()

    await ann.getByRole('switch').focus()
    await ann.keyboard.press('Space')
    await say(ann, 'for the others')
    await ann.getByRole('switch').check()
    await say(ann, 'for everybody')

    expect(await senderOf(bob, 'for the others')).toBe(await nameOf(ann))
    // The order is kept: what the room sent back to Ann would have come before this.
    await messages(ann, 'for everybody').waitFor()
    expect(await messages(ann, 'for the others').locator('.where').allInnerTexts()).toEqual(['to 1 other'])
  })

  test('shows what looks like HTML as the text it is', async () => {
    const hostile = '<img src=x onerror="document.title=\'taken\'"><b>bold</b><script>document.title=1</script>'
    const { url } = await startExample('chat/server.js')
    const ann = await enter(url)
    const bob = await enter(url)
    await say(ann, hostile)
    await messages(bob, hostile).waitFor()
    expect(await bob.locator('.log img, .log b:not(.from), .log script').count()).toBe(0)
    expect(await bob.title()).toBe('offloop chat')
  })

  test('sends bytes to the server and finds them unchanged when they return', async () => {
    const { url } = await startExample('chat/server.js')
    const page = await enter(url)
    await page.getByRole('button', { name: '64 KiB' }).click()
    const result = page.locator('#binary-result[data-kind]')
    await result.waitFor()
    expect(await result.innerText()).toMatch(/^65,536 bytes back, unchanged, [\d.]+\sms$/)
  })

  test('measures its round trip, and the server that of a ping frame', async () => {
    const { url } = await startExample('chat/server.js')
    const page = await enter(url)
    await page.locator('#round-trip', { hasText: /^\d+(\.\d+)?\sms$/ }).waitFor()
    await page.locator('#ping-frame', { hasText: /^\d+(\.\d+)?\sms$/ }).waitFor()
  })

  test('knows who is in the room', async () => {
    const { url } = await startExample('chat/server.js')
    const ann = await enter(url)
    const bob = await enter(url)
    const bobsName = await nameOf(bob)
    await ann.locator('#people li', { hasText: bobsName }).waitFor()
    expect(await ann.locator('#count').innerText()).toBe('2')
    await bob.close()
    await ann.getByText(`${bobsName} left`).waitFor()
    expect(await ann.locator('#people li').allInnerTexts()).toEqual([`${await nameOf(ann)} (you)`])
  })

  test('closes on a page that does not speak its language', async () => {
    const { url } = await startExample('chat/server.js')
    const page = await enter(url)
    const closed = await page.evaluate(() => new Promise((resolve) => {
      const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/chat`)
      socket.onopen = () => socket.send('[not JSON')
      socket.onclose = ({ code, reason }) => resolve({ code, reason })
    }))
    expect(closed).toEqual({ code: 1008, reason: 'not a message of this chat' })
  })

  test.each([
    ['a small phone', 320, 568],
    ['a phone', 390, 844],
    ['a desk', 1280, 800]
  ])('fits on %s and asks nobody else for anything', async (_, width, height) => {
    const { url } = await startExample('chat/server.js')
    const page = await enter(url, { viewport: { width, height } })
    await say(page, 'long'.repeat(200))
    await messages(page, 'long'.repeat(200)).waitFor()
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(wide).toBe(width)
    const asked = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.filter((name) => !name.startsWith(url))).toEqual([])
  })
})
