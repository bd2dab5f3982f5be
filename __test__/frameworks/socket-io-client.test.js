'use strict'

// Socket.IO's client for Node, with offloop in the place of its `ws`.

const { expectedConnection, start, startServer } = require('./support/server')

const THRESHOLD = { perMessageDeflate: { threshold: 1024 } }

/**
 * Starts a server and a client.
 *
 * @param {object} options of the client
 * @param {object} [serverOptions]
 * @returns {Promise<{client: object, server: object}>}
 */
async function connect(options, serverOptions) {
  const server = await startServer('socket-io', { settings: { engine: true, options: serverOptions } })
  const client = start('socket-io-client', { replaceWs: true, settings: { url: server.http, options } })
  return { client, server }
}

test.each([
  ['off', {}, ''],
  ['on', THRESHOLD, 'permessage-deflate']
])('sends, receives, asks, disconnects and ends, with compression %s', async (_, serverOptions, extensions) => {
  const { client, server } = await connect({ transports: ['websocket'], ...THRESHOLD }, serverOptions)
  expect(await client.report()).toEqual(expectedConnection)
  expect(await client.report()).toEqual({ extensions })
  for (let n = 0; n < 5; n += 1) expect(await client.report()).toBe(true)
  expect(await client.report()).toEqual({ you: 'ü' })
  await client.expectExit({ code: 0, signal: null })
  await server.expectConnection()
  expect(await server.report()).toEqual({ disconnected: 'client namespace disconnect' })
})

test('begins with polling and upgrades', async () => {
  const { client } = await connect({ transports: ['polling', 'websocket'] })
  // The upgrade comes between the messages.
  const reports = []
  while (reports.length < 8) reports.push(await client.report())
  expect(reports).toEqual(expect.arrayContaining([expectedConnection, { extensions: '' }, { you: 'ü' }]))
  expect(reports.filter((report) => report === true)).toHaveLength(5)
  await client.expectExit({ code: 0, signal: null })
})

test('does not keep its process, with autoUnref', async () => {
  const { client, server } = await connect({ transports: ['websocket'], autoUnref: true })
  await server.expectConnection()
  await client.expectExit({ code: 0, signal: null })
})
