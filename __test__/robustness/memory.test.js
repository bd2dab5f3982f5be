'use strict'

// Memory: what connections take, and that it does not add up.

const { deflateRawSync } = require('zlib')

const { runProgram } = require('../support/child')
const { frame, OPCODE } = require('../support/frames')
const { Random } = require('../support/random')
const { RawClient } = require('../support/raw-client')
const { until } = require('../support/waiting')

const KIBIBYTE = 1024
const MEBIBYTE = 1024 * KIBIBYTE
const { binary, text } = OPCODE

jest.setTimeout(120000)

/**
 * Starts an echo server in a process of its own that tells its state over HTTP, after collections.
 *
 * @param {object} [options] of the WebSocketServer
 * @returns {Promise<{port: number, look: Function}>} `look()` asks for the state
 */
async function startServer(options = {}) {
  const child = runProgram(async (kit, given) => {
    const { server, wss, port } = await kit.serve((webSocket) => {
      webSocket.on('error', () => {})
      webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
    }, given)
    server.on('request', async (req, res) => {
      for (let i = 0; i < 5; i++) {
        global.gc()
        await new Promise((resolve) => setImmediate(resolve))
      }
      res.end(JSON.stringify({ clients: wss.clients.size, rss: process.memoryUsage.rss(), threads: kit.countThreads() }))
    })
    kit.report(port)
  }, { args: [options], execArgv: ['--expose-gc', '--max-semi-space-size=1'] })
  const port = await child.report()
  const look = async () => (await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })).json()
  return { port, look }
}

/**
 * @param {Function} look of `startServer`
 * @returns {Promise<object>} the state when all clients are gone
 */
async function lookWhenEmpty(look) {
  await until(async () => (await look()).clients === 0)
  return look()
}

const linux = process.platform === 'linux' ? test : test.skip

linux('500 idle connections cost less than 64 KiB each, all reset at once leave nothing, and so twice again', async () => {
  const { port, look } = await startServer()
  const before = await look()
  const empty = []
  for (let generation = 0; generation < 3; generation++) {
    const clients = await Promise.all(Array.from({ length: 500 }, () => RawClient.upgrade({ port })))
    const full = await look()
    expect(full.clients).toBe(500)
    expect(full.rss - (empty.at(-1) ?? before).rss).toBeLessThan(500 * 64 * KIBIBYTE)
    for (const client of clients) client.socket.resetAndDestroy()
    empty.push(await lookWhenEmpty(look))
  }
  expect(empty[2].rss - empty[0].rss).toBeLessThan(4 * MEBIBYTE)
  expect(empty[2].threads).toBe(empty[0].threads)
})

linux('200 connections that keep their compression contexts cost less than 600 KiB each, in every generation', async () => {
  const deflate = { threshold: 0, serverNoContextTakeover: false, clientNoContextTakeover: false }
  const { port, look } = await startServer({ perMessageDeflate: deflate })
  const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }
  const plain = Buffer.from('something to be said again and again. '.repeat(100))
  const message = frame(text, deflateRawSync(plain, { finishFlush: 2 }).subarray(0, -4), { rsv: 4 })
  const before = await look()
  for (let generation = 0; generation < 5; generation++) {
    const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.upgrade({ port }, { headers })))
    for (const client of clients) client.socket.write(message)
    for (const client of clients) expect((await client.readFrame()).rsv).toBe(4)
    const full = await look()
    // The allocator may keep what a generation has freed, for the next one. It is not to add up.
    expect(full.rss - before.rss).toBeLessThan(200 * 600 * KIBIBYTE)
    for (const client of clients) client.socket.destroy()
    await lookWhenEmpty(look)
  }
})

linux('what slow readers and large messages have taken does not add up when they are gone', async () => {
  const { port, look } = await startServer()
  const round = async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.upgrade({ port })))
    for (const [i, client] of clients.entries()) {
      client.socket.pause()
      if (i % 2) client.socket.write(Buffer.concat(Array.from({ length: 40 }, () => frame(binary, Buffer.alloc(64 * KIBIBYTE)))))
      else client.socket.write(frame(binary, Buffer.alloc(2 * MEBIBYTE)))
    }
    // The answer to a later client tells that all of them have been read from.
    const later = await RawClient.upgrade({ port })
    await later.write(frame(text, 'later'))
    await later.readFrame()
    later.socket.destroy()
    for (const client of clients) client.socket.resetAndDestroy()
    return (await lookWhenEmpty(look)).rss
  }
  const seen = []
  for (let i = 0; i < 4; i++) seen.push(await round())
  // A round moves over 40 MiB in and up to as much out: kept once it may be, kept each time it may not.
  expect(seen[3] - seen[1]).toBeLessThan(60 * MEBIBYTE)
})

linux('50 MiB for a slow handler that gets one event a turn are not read ahead, and all are delivered in order', async () => {
  const child = runProgram(async (kit) => {
    const start = process.memoryUsage.rss()
    let [count, peak, inOrder] = [0, 0, true]
    const { port } = await kit.serve((webSocket) => webSocket.on('message', (data) => {
      const end = performance.now() + 1
      while (performance.now() < end);
      inOrder &&= data.readUInt32LE(0) === count++
      if (count % 20 === 0) global.gc()
      peak = Math.max(peak, process.memoryUsage.rss() - start)
      if (count === 800) kit.report({ inOrder, peak })
    }), { allowSynchronousEvents: false })
    kit.report(port)
  }, { execArgv: ['--expose-gc'] })
  const client = await RawClient.upgrade({ port: await child.report() })
  for (let i = 0; i < 800; i++) {
    const data = Buffer.alloc(64 * KIBIBYTE)
    data.writeUInt32LE(i)
    client.socket.write(frame(binary, data))
  }
  const { inOrder, peak } = await child.report()
  expect(inOrder).toBe(true)
  expect(peak).toBeLessThan(32 * MEBIBYTE)
})

test('messages that are kept stay what they were, however much is collected and received meanwhile', async () => {
  const child = runProgram(async (kit) => {
    const { createHash } = require('crypto')
    const kept = []
    const hash = (data) => createHash('sha1').update(data).digest('hex')
    const { port } = await kit.serve((webSocket) => webSocket.on('message', (data) => {
      kept.push({ data, was: hash(data) })
      if (kept.length % 50 === 0) global.gc()
      if (kept.length > 300) kept.splice(0, 100)
      if (data.length === 4) kit.report({ count: kept.length, changed: kept.filter((each) => hash(each.data) !== each.was).length })
    }))
    kit.report(port)
  }, { execArgv: ['--expose-gc'] })
  const client = await RawClient.upgrade({ port: await child.report() })
  const random = new Random(50)
  const pool = random.bytes(100000)
  for (let i = 0; i < 2000; i++) {
    const at = random.below(30000)
    client.socket.write(frame(binary, pool.subarray(at, at + 5 + random.below(i % 10 ? 300 : 70000))))
  }
  client.socket.write(frame(binary, 'last'))
  expect(await child.report()).toMatchObject({ changed: 0 })
})
