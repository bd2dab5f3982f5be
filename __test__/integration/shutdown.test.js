'use strict'

// server.shutdown(): everybody is told, what is queued goes out, who stays is dropped.

const http = require('http')
const { once } = require('events')

const ws = require('ws')

const { OPCODE, closeFrame } = require('../support/frames')
const { implementation, testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connect, connectPair, serve } = require('../support/servers')
const { closeOf, messagesOf } = require('../support/waiting')

describe('shutdown()', () => {
  testBeyondWs('lets out what is queued, closes with 1001 and counts', async () => {
    const server = await serve()
    const pairs = []
    for (let count = 0; count < 5; count++) pairs.push(await connectPair(server))
    const ends = pairs.map(async ({ client }) => {
      const closed = closeOf(client)
      return [(await messagesOf(client).next()).data.toString(), await closed]
    })
    for (const { webSocket } of pairs) webSocket.send('last words')
    const done = server.wss.shutdown({ reason: 'bye' })
    expect(await done).toEqual({ closed: 5, lost: 0, terminated: 0 })
    for (const end of await Promise.all(ends)) expect(end).toEqual(['last words', { code: 1001, reason: 'bye' }])
    expect(pairs[0].webSocket.closeCause).toEqual({ type: 'shutdown' })
    expect(server.wss.stats()).toMatchObject({ connections: 0, closes: { shutdown: 5 } })
  })

  testBeyondWs('drops at the deadline who does not answer', async () => {
    const { port, wss } = await serve()
    const connection = once(wss, 'connection')
    const peer = await RawClient.upgrade({ port })
    await connection
    expect(await wss.shutdown({ code: 4000, deadline: 20 })).toEqual({ closed: 0, lost: 0, terminated: 1 })
    const frame = await peer.readFrame()
    expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([OPCODE.close, 4000])
    await peer.readRest()
  })

  testBeyondWs('counts who goes without a close frame', async () => {
    const { port, wss } = await serve()
    const connection = once(wss, 'connection')
    const peer = await RawClient.upgrade({ port })
    await connection
    const done = wss.shutdown()
    await peer.readFrame()
    peer.socket.end()
    expect(await done).toEqual({ closed: 0, lost: 1, terminated: 0 })
  })

  testBeyondWs('takes no new connections, with a server that stays', async () => {
    const server = await serve(undefined, { server: http.createServer((req, res) => res.end()) })
    const { wss, port } = server
    const connection = once(wss, 'connection')
    const peer = await RawClient.upgrade({ port })
    await connection
    const done = wss.shutdown()
    await peer.readFrame()
    const upgrade = new ws.WebSocket(server.url)
    const [error] = await once(upgrade, 'error')
    expect(error.message).toBe('Unexpected server response: 200')
    peer.socket.end(closeFrame(1001))
    expect((await done).closed).toBe(1)
  })

  testBeyondWs('of a server with a port of its own waits for no connection that asks for nothing', async () => {
    const wss = new implementation.WebSocketServer({ host: '127.0.0.1', port: 0 })
    await once(wss, 'listening')
    const { port } = wss.address()
    const closed = closeOf(await connect(`ws://127.0.0.1:${port}`))
    const silent = await RawClient.connect({ port })
    const ended = once(wss, 'close')
    wss.close()
    expect((await wss.shutdown()).closed).toBe(1)
    await silent.readRest()
    await ended
    expect((await closed).code).toBe(1001)
  })

  testBeyondWs('with jitter closes everybody, one by one', async () => {
    const server = await serve()
    const clients = []
    for (let count = 0; count < 4; count++) clients.push(await connect(server.url))
    const ends = clients.map(closeOf)
    expect(await server.wss.shutdown({ jitter: 40 })).toMatchObject({ closed: 4 })
    for (const { code } of await Promise.all(ends)) expect(code).toBe(1001)
  })

  testBeyondWs('of a server without connections is over at once, and of one without tracking works', async () => {
    const { wss } = await serve()
    expect(await wss.shutdown()).toEqual({ closed: 0, lost: 0, terminated: 0 })
    const untracked = await serve(undefined, { options: { clientTracking: false }, server: http.createServer() })
    const closed = closeOf(await connect(untracked.url))
    expect((await untracked.wss.shutdown()).closed).toBe(1)
    expect((await closed).code).toBe(1001)
  })

  testBeyondWs('rejects a code that must not travel, and goes on', async () => {
    const server = await serve()
    const { wss } = server
    await expect(wss.shutdown({ code: 1005 })).rejects.toThrow('must be a valid error code')
    expect((await connectPair(server)).webSocket.readyState).toBe(1)
  })
})
