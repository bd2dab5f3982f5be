'use strict'

const { connectBrowser } = require('../support/browser-client')
const { serve } = require('../support/servers')
const { closeOf } = require('../support/waiting')

/**
 * @param {object} [options] of the server
 * @param {object} [clientOptions] of `connectBrowser`
 * @returns {Promise<object>} a server's WebSocket and its browser-style client
 */
async function connected(options, clientOptions) {
  let webSocket
  const { url, wss } = await serve((accepted) => { webSocket = accepted }, { options })
  const client = await connectBrowser(url, clientOptions)
  return { client, webSocket, wss }
}

test.each([
  [1000, ''],
  [1000, 'done'],
  [3000, 'ä reason ✓'],
  [4999, 'x'.repeat(123)]
])('a browser-style client that closes with %d "%s" closes cleanly with the same on both sides', async (code, reason) => {
  const { client, webSocket } = await connected()
  const closed = closeOf(webSocket)
  client.webSocket.close(code, reason)
  expect(await closed).toEqual({ code, reason })
  expect(await client.closed).toEqual({ code, reason, wasClean: true })
})

test('a browser-style client that closes without a code is seen as 1005 on both sides', async () => {
  const { client, webSocket } = await connected()
  const closed = closeOf(webSocket)
  client.webSocket.close()
  expect(await closed).toEqual({ code: 1005, reason: '' })
  expect(await client.closed).toEqual({ code: 1005, reason: '', wasClean: true })
})

test.each([
  [1000, ''],
  [1001, 'going away'],
  [1011, 'ä reason ✓'],
  [1014, ''],
  [3999, ''],
  [4999, 'x'.repeat(123)]
])('a server that closes with %d "%s" is seen so by the browser-style client, which echoes the code', async (code, reason) => {
  const { client, webSocket } = await connected()
  const closed = closeOf(webSocket)
  webSocket.close(code, reason)
  expect(await client.closed).toEqual({ code, reason, wasClean: true })
  expect(await closed).toEqual({ code, reason: '' })
})

test('a server that closes without a code is seen as 1005 on both sides', async () => {
  const { client, webSocket } = await connected()
  const closed = closeOf(webSocket)
  webSocket.close()
  expect(await client.closed).toEqual({ code: 1005, reason: '', wasClean: true })
  expect(await closed).toEqual({ code: 1005, reason: '' })
})

test('a server that terminates is seen as 1006, not clean, and as 1006 by itself', async () => {
  const { client, webSocket } = await connected()
  const closed = closeOf(webSocket)
  webSocket.terminate()
  expect(await client.closed).toEqual({ code: 1006, reason: '', wasClean: false })
  expect(await closed).toEqual({ code: 1006, reason: '' })
})

test('messages sent before close() arrive before the close', async () => {
  const { client, webSocket } = await connected()
  for (let i = 0; i < 100; i++) webSocket.send(`last words ${i}`)
  webSocket.close(1000, 'that was all')
  for (let i = 0; i < 100; i++) expect(await client.next()).toBe(`last words ${i}`)
  expect(await client.closed).toMatchObject({ code: 1000, reason: 'that was all' })
})

test('both sides closing at once end cleanly, each with the code of the other', async () => {
  const { client, webSocket } = await connected()
  const closed = closeOf(webSocket)
  webSocket.close(4001)
  client.webSocket.close(4002)
  expect((await closed).code).toBe(4002)
  expect((await client.closed).code).toBe(4001)
})

test('the first subprotocol that the client names is chosen without handleProtocols', async () => {
  const { client, webSocket } = await connected({}, { protocols: ['soap', 'wamp'] })
  expect(client.webSocket.protocol).toBe('soap')
  expect(webSocket.protocol).toBe('soap')
})

test('handleProtocols chooses the subprotocol', async () => {
  const handleProtocols = (protocols) => [...protocols].at(-1)
  const { client, webSocket } = await connected({ handleProtocols }, { protocols: ['soap', 'wamp', 'chat'] })
  expect(client.webSocket.protocol).toBe('chat')
  expect(webSocket.protocol).toBe('chat')
})

test('a client that names no subprotocol gets none', async () => {
  const { client, webSocket } = await connected()
  expect(client.webSocket.protocol).toBe('')
  expect(webSocket.protocol).toBe('')
})
