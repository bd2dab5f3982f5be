'use strict'

const { RawClient } = require('../../support/raw-client')
const { describeInChromium } = require('./chromium')
const { startExample } = require('./programs')

describeInChromium('when its server goes away, a page in Chromium', (openPage) => {
  test('sees 1006 if the server was killed, and comes back when the server does', async () => {
    const first = await startExample('chat/server.js')
    const page = await openPage(first.url)
    await page.locator('.note.welcome').waitFor()

    first.child.kill('SIGKILL')
    await page.getByText('Connection lost: 1006', { exact: true }).waitFor()
    await page.locator('#state:not([data-state=open])').waitFor()
    expect(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(true)
    await first.exited

    await startExample('chat/server.js', { PORT: String(first.port) })
    await page.locator('#state[data-state=open]').waitFor()
    await page.locator('.note.welcome').nth(1).waitFor()
    await page.getByLabel('Message', { exact: true }).fill('still here')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await page.locator('.message.mine', { hasText: 'still here' }).waitFor()
  })

  test('sees 1001 if the server was told to stop, and the server ends by itself', async () => {
    const { child, exited, port, url } = await startExample('chat/server.js')
    const page = await openPage(url)
    await page.locator('.note.welcome').waitFor()
    // Chromium opens a connection ahead of need now and then, and keeps it for more than a minute.
    const unused = await RawClient.connect({ port })
    child.kill('SIGTERM')
    await page.getByText('Connection lost: 1001, the server is going away', { exact: true }).waitFor()
    expect(await exited).toEqual([0, null])
    await unused.readRest()
  })

  test('goes on trying while nobody answers, and at once when it is told to', async () => {
    const first = await startExample('chat/server.js')
    const page = await openPage(first.url)
    await page.locator('.note.welcome').waitFor()
    first.child.kill('SIGKILL')
    await first.exited
    // From two seconds of waiting on, several attempts have failed.
    await page.locator('#retry', { hasText: /Retry \([2-9] s\)/ }).waitFor()
    await startExample('chat/server.js', { PORT: String(first.port) })
    await page.getByRole('button', { name: 'Retry now' }).click()
    await page.locator('#state[data-state=open]').waitFor()
  })

  test('sees 1006 in the middle of a message', async () => {
    const { child, url } = await startExample('echo.js')
    const page = await openPage(url)
    const closed = page.evaluate(async () => {
      const socket = new WebSocket(location.origin.replace('http', 'ws'))
      await new Promise((resolve) => { socket.onopen = resolve })
      const closed = new Promise((resolve) => {
        socket.onclose = ({ code, wasClean }) => resolve({ code, wasClean })
      })
      // So much that some of it is always on its way.
      socket.onmessage = ({ data }) => {
        document.title = 'flowing'
        socket.send(data)
      }
      for (let i = 0; i < 8; i++) socket.send(new Uint8Array(1024 * 1024))
      return closed
    })
    await page.waitForFunction(() => document.title === 'flowing')
    child.kill('SIGKILL')
    expect(await closed).toEqual({ code: 1006, wasClean: false })
  })
})
