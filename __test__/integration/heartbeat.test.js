'use strict'

// The heartbeat of the option `heartbeat`: pings that a driver sends by itself.

const { once } = require('events')
const { Worker } = require('worker_threads')

const { defer } = require('../support/cleanup')
const { frame, OPCODE } = require('../support/frames')
const { testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connectPair, serve } = require('../support/servers')
const { closeOf, until } = require('../support/waiting')

const testOnShards = process.env.OFFLOOP_DRIVER === 'stream' ? test.skip : testBeyondWs

/**
 * Connects a raw client to a server with a heartbeat.
 *
 * @param {object} heartbeat the option
 * @returns {Promise<{peer: RawClient, webSocket: object, closed: Promise}>}
 */
async function open(heartbeat) {
  let closed
  const { port, wss } = await serve((webSocket) => { closed = closeOf(webSocket) }, { options: { heartbeat } })
  const connection = once(wss, 'connection')
  const peer = await RawClient.upgrade({ port })
  const [webSocket] = await connection
  return { peer, webSocket, closed }
}

testBeyondWs('pings go out, and their pongs give the latency and nothing else', async () => {
  const server = await serve(undefined, { options: { heartbeat: { interval: 10 } } })
  const { webSocket } = await connectPair(server)
  const pongs = []
  webSocket.on('pong', (data) => pongs.push(data))
  await until(() => webSocket.latency > 0)
  expect(pongs).toEqual([])
  expect(webSocket.readyState).toBe(1)
})

testBeyondWs('a client has one too', async () => {
  const server = await serve()
  const { WebSocket } = require('../support/implementation').implementation
  const client = new WebSocket(server.url, { heartbeat: { interval: 10 } })
  defer(() => client.terminate())
  await until(() => client.latency > 0)
})

testBeyondWs('a peer that answers nothing is closed with 1006, and the cause says why', async () => {
  const { webSocket, closed } = await open({ interval: 10, timeout: 20 })
  expect(await closed).toEqual({ code: 1006, reason: '' })
  expect(webSocket.closeCause).toEqual({ type: 'heartbeat' })
})

testBeyondWs('a peer that sends something else than pongs lives', async () => {
  const { peer, webSocket, closed } = await open({ interval: 10, timeout: 5000 })
  for (let round = 0; round < 5; round++) {
    expect((await peer.readFrame()).opcode).toBe(OPCODE.ping)
    await peer.write(frame(OPCODE.text, 'x'))
  }
  peer.socket.destroy()
  await closed
  expect(webSocket.closeCause.type).not.toBe('heartbeat')
})

testBeyondWs('a pong that answers a ping of the user is told', async () => {
  const server = await serve(undefined, { options: { heartbeat: { interval: 10 } } })
  const { webSocket } = await connectPair(server)
  const pong = once(webSocket, 'pong')
  webSocket.ping('12345678')
  expect((await pong)[0].toString()).toBe('12345678')
})

/** Answers pings on a thread of its own, and wakes the thread that waits after the fifth. */
const PEER = `
  const { workerData: { url, seen, from } } = require('worker_threads')
  const client = new (require(from))(url, { perMessageDeflate: false })
  client.on('ping', () => { Atomics.add(seen, 0, 1); Atomics.notify(seen, 0) })
`

testOnShards('pings go out and pongs count while JavaScript is blocked', async () => {
  const { url, wss } = await serve(undefined, { options: { heartbeat: { interval: 20, timeout: 5000 } } })
  const seen = new Int32Array(new SharedArrayBuffer(4))
  const connection = once(wss, 'connection')
  const worker = new Worker(PEER, { eval: true, workerData: { url, seen, from: require.resolve('ws') } })
  defer(() => worker.terminate())
  const [webSocket] = await connection
  // This blocks the thread: nothing but the shard can send the pings that end it.
  for (let count = 0; count < 5; count = Atomics.load(seen, 0)) Atomics.wait(seen, 0, count, 1000)
  expect(webSocket.latency).toBeGreaterThan(0)
  expect(webSocket.readyState).toBe(1)
})
