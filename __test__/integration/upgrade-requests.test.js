'use strict'

// What Node's HTTP server makes of a request before we see it (RFC 6455, 4.2.1): what it refuses by
// itself, what it takes for an ordinary request, and what it hands over although the RFC would not.

const { frame, OPCODE } = require('../support/frames')
const { RawClient, SWITCHING, upgradeRequest } = require('../support/raw-client')
const { echo, serve } = require('../support/servers')

/**
 * Starts an echo server whose application answers requests that are no upgrades.
 *
 * @returns {Promise<{port: number, opened: () => number}>} `opened` counts the connections
 */
async function start() {
  let opened = 0
  const { port, server } = await serve((webSocket) => {
    opened++
    echo(webSocket)
  })
  server.on('request', (req, res) => res.end('the application'))
  return { port, opened: () => opened }
}

test.each([
  ['without a Connection header', { Connection: undefined }],
  ['whose Connection header names only other things', { Connection: 'keep-alive' }],
  ['without an Upgrade header', { Upgrade: undefined }]
])('a request %s is no upgrade: the application answers it', async (title, headers) => {
  const { port, opened } = await start()
  const client = await RawClient.connect({ port })
  client.socket.end(upgradeRequest({ headers }))
  const answer = (await client.readRest()).toString()
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(answer).toContain('the application')
  expect(opened()).toBe(0)
})

test.each([
  ['a space in the name of a header', { 'Bad Name': 'x' }],
  ['a control character in a value', { 'X-Bad': 'a\x01b' }],
  ['a value that begins a second line', { 'X-Bad': 'a\r\nno header' }]
])('a request with %s is refused by Node with 400', async (title, headers) => {
  const { port, opened } = await start()
  const client = await RawClient.connect({ port })
  await client.write(upgradeRequest({ headers }))
  expect((await client.readRest()).toString()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  expect(opened()).toBe(0)
})

test.each([
  ['key', { 'sec-websocket-key': 'w4v7O6xFTi36lq3RNcgctw==' }, 'Missing or invalid Sec-WebSocket-Key header'],
  ['version', { 'sec-websocket-version': '13' }, 'Missing or invalid Sec-WebSocket-Version header']
])('a request with a second %s is refused with 400', async (title, headers, body) => {
  const { port, opened } = await start()
  const client = await RawClient.connect({ port })
  await client.write(upgradeRequest({ headers }))
  const answer = (await client.readRest()).toString()
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  expect(answer.endsWith(body)).toBe(true)
  expect(opened()).toBe(0)
})

// RFC 6455 asks for HTTP/1.1 and a Host; ws does not, and Node emits 'upgrade' before it looks.
test.each([
  ['over HTTP/1.0', (request) => request.replace('HTTP/1.1', 'HTTP/1.0')],
  ['without a Host header', (request) => request.replace('Host: localhost\r\n', '')],
  ['for an absolute URI', (request) => request.replace('GET /', 'GET http://localhost/')]
])('an upgrade %s is accepted, as ws accepts it', async (title, change) => {
  const { port } = await start()
  const client = await RawClient.connect({ port })
  await client.write(change(upgradeRequest()))
  expect(await client.readHead()).toBe(SWITCHING)
  client.socket.write(frame(OPCODE.text, 'open'))
  expect((await client.readFrame()).payload.toString()).toBe('open')
})
