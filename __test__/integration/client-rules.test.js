'use strict'

// What RFC 6455 forbids a client (4.1, 7.1.7, 7.2.1), as a server sees it that watches every byte.

const { once } = require('events')
const http = require('http')
const tls = require('tls')

const certificate = require('../support/certificate')
const { openClient, startClient } = require('../support/client-log')
const { OPCODE, closeFrame, frame } = require('../support/frames')
const { implementation } = require('../support/implementation')
const { serveRaw, switching } = require('../support/raw-server')

const UNMASKED = { mask: null }

/**
 * Connects a client to a server of bare sockets.
 *
 * @returns {Promise<object>} what `openClient` gives, and the server's end as `peer`
 */
async function connect() {
  const raw = await serveRaw()
  const opened = openClient(implementation, raw.url, { perMessageDeflate: false })
  const { peer } = await raw.upgrade()
  return { ...await opened, peer }
}

test('it sends its request and nothing more until the whole answer is there', async () => {
  const raw = await serveRaw()
  const { client } = startClient(implementation, raw.url)
  client.on('open', () => client.send('first'))
  const { peer, request } = await raw.request()
  expect(() => client.send('too early')).toThrow('CONNECTING')
  const response = switching(request.headers['sec-websocket-key'])
  await peer.write(response.slice(0, -1))
  // An exchange on another connection: whatever should not come would have come meanwhile.
  const other = await connect()
  other.client.send('x')
  await other.peer.readFrame()
  expect([peer.received.length, peer.chunks]).toEqual([0, []])
  await peer.write(response.slice(-1))
  expect((await peer.readFrame()).payload.toString()).toBe('first')
})

test('with an agent of one socket, clients of one server wait for each other', async () => {
  const raw = await serveRaw()
  const agent = new http.Agent({ maxSockets: 1 })
  const [first, second] = ['first', 'second'].map((path) => startClient(implementation, `${raw.url}/${path}`, { agent }))
  const { peer, request } = await raw.request()
  const other = await connect()
  other.client.send('x')
  await other.peer.readFrame()
  expect([request.line, raw.connections]).toEqual(['GET /first HTTP/1.1', []])
  await peer.write(switching(request.headers['sec-websocket-key']))
  expect((await raw.upgrade()).request.line).toBe('GET /second HTTP/1.1')
  await once(second.client, 'open')
  expect(first.client.readyState).toBe(1)
})

test('it reads nothing behind what fails the connection, and closes it', async () => {
  const { log, closed, peer } = await connect()
  const masked = frame(OPCODE.text, 'x')
  await peer.write(Buffer.concat([masked, frame(OPCODE.text, 'late', UNMASKED), frame(OPCODE.ping, '', UNMASKED), closeFrame(1000, '', UNMASKED)]))
  const rest = await peer.readRest()
  expect([rest.length, rest[0], rest[1]]).toEqual([8, 0x88, 0x82])
  await peer.write(frame(OPCODE.text, 'later', UNMASKED))
  peer.socket.end()
  await closed
  expect(log.slice(2)).toEqual([expect.stringMatching(/^2 error .*\(WS_ERR_UNEXPECTED_MASK\)$/), '3 close 1006'])
})

test.each([
  ['a FIN', (peer) => peer.socket.end()],
  ['a FIN in the middle of a frame', (peer) => peer.socket.end(frame(OPCODE.text, 'half', UNMASKED).subarray(0, 3))]
])('%s without a close frame is 1006, and its own end is closed', async (title, leave) => {
  const { log, closed, peer } = await connect()
  leave(peer)
  await closed
  expect(log.slice(2)).toEqual(['3 close 1006'])
  expect(await peer.readRest()).toHaveLength(0)
})

test('it sends no request to a server whose certificate it cannot verify', async () => {
  const server = tls.createServer(certificate)
  const raw = await serveRaw({ server, event: 'secureConnection' })
  const connection = once(server, 'connection')
  const { log, closed } = startClient(implementation, `wss://localhost:${raw.port}/`)
  const [socket] = await connection
  const ended = socket.destroyed ? null : once(socket, 'close')
  await closed
  expect(log).toEqual([expect.stringMatching(/^2 error Error: .*\(DEPTH_ZERO_SELF_SIGNED_CERT\)$/), '3 close 1006'])
  await ended
  // Whether the server takes the TLS handshake for done is a matter of time.
  for (const peer of raw.connections) expect(await peer.readRest()).toHaveLength(0)
})
