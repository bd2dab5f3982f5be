'use strict'

// The Node socket of an upgraded connection: frameworks read its addresses, count it, wait for its
// end and destroy it, whoever owns its descriptor.

const { once } = require('events')
const http = require('http')

const { defer } = require('../support/cleanup')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { testBeyondWs, WebSocketServer } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connect, connectPair, echo, serve } = require('../support/servers')
const { closeOf, recordEvents, until } = require('../support/waiting')

// Node forgets an address that nobody has asked for before the end.
const testOnShards = process.env.OFFLOOP_DRIVER === 'stream' ? test.skip : testBeyondWs

/**
 * @param {import('net').Server} server
 * @returns {Promise<number>} its open connections
 */
function countConnections(server) {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

/**
 * Sends a message through an echo server and waits for it.
 *
 * @param {object} client
 * @returns {Promise<void>}
 */
async function roundTrip(client) {
  const answer = once(client, 'message')
  client.send('round trip')
  expect((await answer)[0].toString()).toBe('round trip')
}

const ADDRESSES = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort']

/**
 * @param {import('net').Socket} socket
 * @returns {object} its addresses
 */
function addressesOf(socket) {
  return Object.fromEntries(ADDRESSES.map((name) => [name, socket[name]]))
}

test('its addresses can be read for the life of the connection, and when it has closed', async () => {
  const server = await serve(echo)
  const { client, webSocket, req } = await connectPair(server)
  const expected = {
    remoteAddress: '127.0.0.1',
    remotePort: client._socket.localPort,
    remoteFamily: 'IPv4',
    localAddress: '127.0.0.1',
    localPort: server.port
  }
  expect(addressesOf(req.socket)).toEqual(expected)
  await roundTrip(client)
  expect(addressesOf(req.socket)).toEqual(expected)
  client.close()
  await closeOf(webSocket)
  expect(req.socket.remoteAddress).toBe('127.0.0.1')
  expect(req.socket.remotePort).toBe(expected.remotePort)
})

testOnShards('who asks for its addresses only when it has closed is told them', async () => {
  const { client, webSocket, req } = await connectPair(await serve())
  const expected = [client._socket.localPort, client._socket.remotePort]
  const seen = new Promise((resolve) => webSocket.on('close', () => resolve(addressesOf(req.socket))))
  client.close()
  const { remotePort, localPort, ...others } = await seen
  expect([remotePort, localPort]).toEqual(expected)
  expect(others).toEqual({ remoteAddress: '127.0.0.1', remoteFamily: 'IPv4', localAddress: '127.0.0.1' })
})

test('over IPv6, they are those that Node told before the upgrade', async () => {
  const server = http.createServer()
  const wss = new WebSocketServer({ server })
  defer(() => server.close())
  await new Promise((resolve) => server.listen(0, '::1', resolve))
  const before = new Promise((resolve) => server.on('connection', (socket) => {
    const untouched = Object.create(Object.getPrototypeOf(socket), { _handle: { value: socket._handle } })
    resolve(addressesOf(untouched))
  }))
  const { req } = await connectPair({ wss, url: `ws://[::1]:${server.address().port}` })
  const told = addressesOf(req.socket)
  expect(told).toEqual(await before)
  expect([told.remoteAddress, told.remoteFamily]).toEqual(['::1', 'IPv6'])
})

test('server.getConnections() counts it until it has closed', async () => {
  const started = await serve(echo)
  const { client } = await connectPair(started)
  const second = await connect(started.url)
  await roundTrip(client)
  expect(await countConnections(started.server)).toBe(2)
  second.close()
  await closeOf(second)
  await until(async () => await countConnections(started.server) === 1)
  client.terminate()
  await until(async () => await countConnections(started.server) === 0)
})

test('server.close() waits for it', async () => {
  const started = await serve(echo)
  const { client, webSocket } = await connectPair(started)
  const log = []
  webSocket.once('close', () => log.push('webSocket'))
  const closed = new Promise((resolve) => started.server.close(() => { log.push('server'); resolve() }))
  await roundTrip(client)
  expect(log).toEqual([])
  client.close()
  await closed
  await until(() => log.length === 2)
})

test('server.closeAllConnections() leaves it open, as Node does with upgraded sockets', async () => {
  const started = await serve(echo)
  const { client } = await connectPair(started)
  started.server.closeAllConnections()
  await roundTrip(client)
})

test('socket.destroy() ends it: close 1006 here, the end of the stream there', async () => {
  const started = await serve()
  const connection = once(started.wss, 'connection')
  const client = await RawClient.upgrade({ port: started.port })
  const [webSocket, req] = await connection
  const closed = closeOf(webSocket)
  req.socket.destroy()
  expect(await closed).toEqual({ code: 1006, reason: '' })
  expect(await client.readRest()).toHaveLength(0)
  await until(async () => await countConnections(started.server) === 0)
})

const ENDINGS = [
  ['a closing handshake', ({ client }) => client.close(1000)],
  ['a reset by the peer', ({ client }) => client._socket.resetAndDestroy()],
  ['a FIN without a close frame', ({ client }) => client._socket.end()],
  ['terminate()', ({ webSocket }) => webSocket.terminate()],
  ['its destroy()', ({ req }) => req.socket.destroy()],
  ['close() and terminate() at once', ({ webSocket }) => { webSocket.close(); webSocket.terminate() }],
  ['a protocol error', ({ client }) => client._socket.write(frame(OPCODE.ping, '', { fin: false }))]
]

/**
 * Ends a new connection and lets another one live its life, so that a late event would show.
 *
 * @param {Function} end given `{ client, webSocket, req }`
 * @returns {Promise<string[]>} who emitted 'close', in order
 */
async function closesAfter(end) {
  const pair = await connectPair(await serve())
  pair.client.on('error', () => {})
  pair.webSocket.on('error', () => {})
  const log = []
  pair.webSocket.on('close', () => log.push('webSocket'))
  pair.req.socket.on('close', () => log.push('socket'))
  end(pair)
  await until(() => log.length >= 2)
  expect(pair.req.socket.destroyed).toBe(true)
  const other = await connectPair(await serve())
  other.client.close()
  await closeOf(other.webSocket)
  return log
}

test.each(ENDINGS)('emits close exactly once, as the WebSocket does: %s', async (title, end) => {
  expect((await closesAfter(end)).sort()).toEqual(['socket', 'webSocket'])
})

// In `ws` the order changes with the way a connection ended.
testBeyondWs.each(ENDINGS)('emits close after the WebSocket has: %s', async (title, end) => {
  expect(await closesAfter(end)).toEqual(['webSocket', 'socket'])
})

test('does not emit close, end or error while the connection is open', async () => {
  const { client, req } = await connectPair(await serve(echo))
  const log = recordEvents(req.socket, ['close', 'end', 'error', 'finish', 'timeout'])
  for (let i = 0; i < 10; i++) await roundTrip(client)
  expect(log).toEqual([])
  expect(req.socket.destroyed).toBe(false)
})

test('the timeout of the HTTP server does not end an idle connection', async () => {
  const started = await serve(echo)
  started.server.setTimeout(300)
  const { client, webSocket } = await connectPair(started)
  let closed = false
  webSocket.on('close', () => { closed = true })
  // An HTTP connection beside it does run into the timeout, so the time has passed.
  const idle = await RawClient.connect({ port: started.port })
  await idle.readRest()
  expect(closed).toBe(false)
  await roundTrip(client)
})

test('the peer sees a FIN, not a reset, when the closing handshake is done', async () => {
  const { port } = await serve()
  const client = await RawClient.upgrade({ port })
  client.socket.write(closeFrame(1000))
  expect((await client.readFrame()).opcode).toBe(OPCODE.close)
  expect(await client.readRest()).toHaveLength(0)
  expect(client.ended).toBe(true)
  expect(client.error).toBeNull()
})
