'use strict'

// Socket.IO, with offloop as its engine and in the place of its `ws`.

const { once } = require('events')

const { io } = require('socket.io-client')
const { WebSocket } = require('ws')

const { defer } = require('../support/cleanup')
const { messagesOf } = require('../support/waiting')
const { startServer } = require('./support/server')

const MIB = 1024 * 1024

/**
 * Starts a client.
 *
 * @param {object} server
 * @param {object} [options] of the client; it uses WebSocket alone unless they say otherwise
 * @returns {object} connecting
 */
function open(server, options) {
  const socket = io(server.http, { forceNew: true, reconnection: false, transports: ['websocket'], ...options })
  defer(() => socket.disconnect())
  return socket
}

/**
 * Connects a client.
 *
 * @param {object} server
 * @returns {Promise<object>} connected
 */
function connect(server) {
  const socket = open(server)
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket))
    socket.once('connect_error', reject)
  })
}

/**
 * Waits for an event.
 *
 * @param {object} socket
 * @param {string} event
 * @returns {Promise<Array>} its arguments
 */
function next(socket, event) {
  return new Promise((resolve) => { socket.once(event, (...args) => resolve(args)) })
}

/**
 * Sends and waits for what comes back.
 *
 * @param {object} socket
 * @param {*} value
 * @returns {Promise<*>}
 */
async function echoed(socket, value) {
  const echo = next(socket, 'echo')
  socket.emit('echo', value)
  const [received] = await echo
  return received
}

const MODES = [
  ['as wsEngine', { settings: { engine: true } }],
  ['in the place of ws', { replaceWs: true }]
]

describe.each(MODES)('Socket.IO with offloop %s', (_, { replaceWs, settings }) => {
  const start = (options) => startServer('socket-io', { replaceWs, settings: { ...settings, options } })

  test('a client that uses WebSocket alone', async () => {
    const server = await start()
    const socket = await connect(server)
    await server.expectConnection()
    expect(await echoed(socket, 'Grüße')).toBe('Grüße')
    expect(await echoed(socket, { list: [1, null, true], text: 'ü' })).toEqual({ list: [1, null, true], text: 'ü' })
    expect(await socket.emitWithAck('address')).toEqual(['127.0.0.1', '127.0.0.1'])
    await server.close()
  })

  test('a client that begins with polling is upgraded', async () => {
    const server = await start()
    const socket = open(server, { transports: ['polling', 'websocket'] })
    const upgraded = once(socket.io.engine, 'upgrade')
    const echo = next(socket, 'echo')
    socket.emit('echo', 'sent at the start')
    expect(socket.io.engine.transport.name).toBe('polling')
    expect(await echo).toEqual(['sent at the start'])
    await upgraded
    expect(socket.io.engine.transport.name).toBe('websocket')
    await server.expectConnection()
    expect(await echoed(socket, 'after')).toBe('after')
  })

  test('acknowledgements in both directions', async () => {
    const server = await start()
    const socket = await connect(server)
    socket.on('question', (value, answer) => answer(value * 2))
    expect(await socket.emitWithAck('ask', 7)).toEqual({ you: 7 })
    const answered = next(socket, 'answered')
    socket.emit('ask me', 21)
    expect(await answered).toEqual([42])
    const many = await Promise.all(Array.from({ length: 200 }, (_, index) => socket.emitWithAck('ask', index)))
    expect(many).toEqual(Array.from({ length: 200 }, (_, index) => ({ you: index })))
  })

  test('rooms and broadcasts reach those who are meant', async () => {
    const server = await start()
    const sockets = await Promise.all([connect(server), connect(server), connect(server)])
    const [first, second, third] = sockets
    const news = sockets.map((socket) => {
      const received = []
      socket.on('news', (...args) => received.push(args))
      return received
    })
    await first.emitWithAck('join', 'den')
    await second.emitWithAck('join', 'den')
    first.emit('to room', 'den', 'for the room')
    first.emit('to others', Buffer.from('for the others'))
    first.emit('to all', 'for all', { n: 1 })
    // Once the sender has its answer, all is on its way; once the others have theirs, it is there.
    await first.emitWithAck('ask', null)
    await Promise.all([second.emitWithAck('ask', null), third.emitWithAck('ask', null)])
    const [room, others, all] = [['for the room'], [Buffer.from('for the others')], ['for all', { n: 1 }]]
    expect(news).toEqual([[room, all], [room, others, all], [others, all]])
  })

  test('a broadcast to 60 clients reaches each, once and in order', async () => {
    const server = await start()
    const sockets = await Promise.all(Array.from({ length: 60 }, () => connect(server)))
    const long = 'x'.repeat(70_000)
    const finished = Promise.all(sockets.map((socket) => new Promise((resolve) => {
      const received = []
      socket.on('news', (value) => {
        received.push(value)
        if (value === 'last') resolve(received)
      })
    })))
    const sent = ['', 'one', long, 'ü', 5, 'last']
    for (const value of sent) sockets[0].emit('to all', value)
    for (const received of await finished) expect(received).toEqual(sent)
  })

  test('binary values, alone and inside of others', async () => {
    const server = await start()
    const socket = await connect(server)
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    expect(await echoed(socket, bytes)).toEqual(bytes)
    expect(await echoed(socket, Buffer.alloc(0))).toEqual(Buffer.alloc(0))
    const value = { name: 'a file', parts: [bytes, { nested: bytes.subarray(7, 19) }], none: null }
    expect(await echoed(socket, value)).toEqual(value)
    const echo = next(socket, 'echo')
    socket.emit('volatile', bytes)
    expect(await echo).toEqual([bytes])
  })

  describe.each([
    ['off', undefined],
    ['on', { perMessageDeflate: { threshold: 1024 } }]
  ])('with compression %s', (compression, options) => {
    test('2 MiB of text and of bytes come back whole', async () => {
      const server = await start(options)
      const socket = await connect(server)
      const { extensions } = socket.io.engine.transport.ws
      expect(extensions).toBe(compression === 'on' ? 'permessage-deflate' : '')
      const text = 'offloop ü '.repeat(2 * MIB / 11)
      const bytes = Buffer.from(Array.from({ length: 2 * MIB }, (_, index) => (index * 7919) % 251))
      expect(await echoed(socket, text) === text).toBe(true)
      expect((await echoed(socket, bytes)).equals(bytes)).toBe(true)
      expect(await echoed(socket, 'short')).toBe('short')
      await server.expectConnection()
      socket.emit('leave')
      expect(await next(socket, 'disconnect')).toContain('io server disconnect')
      expect(await server.report()).toEqual({ disconnected: 'server namespace disconnect' })
    })
  })

  test('a compressed message is smaller on the wire', async () => {
    const server = await start({ perMessageDeflate: { threshold: 1024 } })
    const socket = await connect(server)
    const { _socket: wire } = socket.io.engine.transport.ws
    const before = wire.bytesRead
    expect(await echoed(socket, 'a'.repeat(MIB))).toHaveLength(MIB)
    expect(wire.bytesRead - before).toBeLessThan(MIB / 20)
  })

  test('a message beyond maxHttpBufferSize ends the connection', async () => {
    const server = await start({ maxHttpBufferSize: 1000 })
    const socket = await connect(server)
    await server.expectConnection()
    const disconnected = next(socket, 'disconnect')
    socket.emit('echo', 'x'.repeat(1000))
    expect((await disconnected)[0]).toBe('transport close')
    expect(await server.report()).toEqual({ disconnected: 'transport error' })
  })

  test('headers that the engine adds are in the answer to the upgrade', async () => {
    const server = await start()
    const client = new WebSocket(`${server.ws}/socket.io/?EIO=4&transport=websocket`)
    defer(() => client.terminate())
    const messages = messagesOf(client)
    const [response] = await once(client, 'upgrade')
    expect(response.headers['x-initial']).toBe('yes')
    expect((await messages.next()).data.toString()).toMatch(/^0\{"sid":/)
  })
})
