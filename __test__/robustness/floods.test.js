'use strict'

// Clients that send as much, as little, or as oddly as they can.

const fs = require('fs')
const os = require('os')
const path = require('path')

const { runProgram } = require('../support/child')
const { defer } = require('../support/cleanup')
const { closeFrame, frame, OPCODE, parseFrames } = require('../support/frames')
const { testBeyondWs } = require('../support/implementation')
const { Random } = require('../support/random')
const { RawClient } = require('../support/raw-client')
const { connect, connectPair, echo, serve } = require('../support/servers')
const { messagesOf, recordEvents, until } = require('../support/waiting')

const MEBIBYTE = 1024 * 1024
const { binary, continuation, ping, pong, text } = OPCODE

/**
 * Starts an echo server in a process of its own, so that its memory can be told from ours.
 *
 * @param {object} [options] of the WebSocketServer
 * @returns {Promise<{port: number, rss: Function, child: object}>} `rss()` asks for its resident bytes
 */
async function startEcho(options = {}) {
  const child = runProgram(async (kit, given) => {
    const { server, port } = await kit.serve((webSocket) => {
      webSocket.on('error', () => {})
      webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
    }, given)
    server.on('request', (req, res) => {
      global.gc()
      res.end(`${process.memoryUsage.rss()}`)
    })
    kit.report(port)
  }, { args: [options], execArgv: ['--expose-gc'] })
  const port = await child.report()
  const rss = async () => Number(await (await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })).text())
  return { port, rss, child }
}

/**
 * Writes the same bytes over and over until the server takes no more.
 *
 * @param {RawClient} client
 * @param {Buffer} bytes
 * @param {number} most bytes to write at the most
 * @returns {Promise<number>} bytes that left this process
 */
async function writeUntilStuck(client, bytes, most) {
  const left = () => client.socket.bytesWritten - client.socket.writableLength
  let same = 0
  let last = -1
  await until(() => {
    while (client.socket.writableLength < 4 * MEBIBYTE && client.socket.bytesWritten < most) client.socket.write(bytes)
    same = left() === last ? same + 1 : 0
    last = left()
    return same === 40 || client.closed || last >= most
  })
  return last
}

test('1,000 clients that declare 1 MiB and send 16 bytes cost less than 128 MiB', async () => {
  const { port, rss } = await startEcho()
  const clients = await Promise.all(Array.from({ length: 1000 }, () => RawClient.upgrade({ port })))
  const before = await rss()
  const start = frame(binary, Buffer.alloc(16), { declared: MEBIBYTE })
  await Promise.all(clients.map((client) => client.write(start)))
  // The round trip of a later connection gives the server a turn to read them all.
  const other = await connect(`ws://127.0.0.1:${port}`)
  const answer = messagesOf(other)
  other.send('x')
  await answer.next()
  expect(await rss() - before).toBeLessThan(128 * MEBIBYTE)
})

test('a hundred thousand one-byte messages in a burst are all delivered, in order', async () => {
  const { port, wss } = await serve()
  let sum = 0
  let count = 0
  wss.on('connection', (webSocket) => webSocket.on('message', (data) => {
    sum = (sum * 31 + data[0]) % 1000003
    count++
  }))
  const client = await RawClient.upgrade({ port })
  let expected = 0
  const frames = Array.from({ length: 100000 }, (_, i) => {
    expected = (expected * 31 + i % 256) % 1000003
    return frame(binary, Buffer.from([i % 256]))
  })
  await client.write(Buffer.concat(frames))
  await until(() => count === 100000)
  expect(sum).toBe(expected)
})

test.each([
  ['empty', ''],
  ['of one byte', 'x']
])('300,000 fragments without an end, each %s, are 1008 at the 16,385th', async (title, payload) => {
  const { port, rss } = await startEcho()
  const client = await RawClient.upgrade({ port })
  const before = await rss()
  const piece = frame(continuation, payload, { fin: false })
  client.socket.write(Buffer.concat([frame(text, payload, { fin: false }), ...Array.from({ length: 300000 }, () => piece)]))
  const { opcode, payload: reason } = await client.readFrame()
  expect([opcode, reason.readUInt16BE(0)]).toEqual([OPCODE.close, 1008])
  expect(await rss() - before).toBeLessThan(48 * MEBIBYTE)
})

test('100,000 pongs that nobody asked for do no harm', async () => {
  const { client, webSocket } = await connectPair(await serve(echo))
  let pongs = 0
  webSocket.on('pong', () => { pongs++ })
  client._socket.write(Buffer.concat(Array.from({ length: 100000 }, () => frame(pong, ''))))
  const answer = messagesOf(client)
  client.send('after')
  expect((await answer.next()).data.toString()).toBe('after')
  expect(pongs).toBe(100000)
})

// `ws` counts the pings it has seen, not the pongs that wait, and ends this client at the 61st.
testBeyondWs('20,000 pings from a client that reads its pongs are all answered, in order', async () => {
  const { port } = await serve()
  const client = await RawClient.upgrade({ port })
  let received = Buffer.alloc(0)
  const pings = Array.from({ length: 20000 }, (_, i) => frame(ping, `${i}`))
  client.socket.write(Buffer.concat([...pings, closeFrame(1000)]))
  received = await client.readRest()
  const pongs = parseFrames(received)
  expect(pongs.pop().opcode).toBe(OPCODE.close)
  expect(pongs).toHaveLength(20000)
  expect(pongs.every(({ opcode, payload }, i) => opcode === pong && payload.toString() === `${i}`)).toBe(true)
})

testBeyondWs('a client that never reads its echoes is not read any more, and costs less than 80 MiB', async () => {
  const { port, rss } = await startEcho()
  const client = await RawClient.upgrade({ port })
  client.socket.pause()
  const before = await rss()
  const written = await writeUntilStuck(client, frame(binary, Buffer.alloc(65536)), 200 * MEBIBYTE)
  expect(written).toBeLessThan(120 * MEBIBYTE)
  expect(await rss() - before).toBeLessThan(80 * MEBIBYTE)
  const other = await connect(`ws://127.0.0.1:${port}`)
  const answer = messagesOf(other)
  other.send('others are served')
  expect((await answer.next()).data.toString()).toBe('others are served')
})

test('while the main thread is blocked little is read, and nothing is lost', async () => {
  const child = runProgram(async (kit) => {
    const { port } = await kit.serve((webSocket) => {
      let next = 0
      webSocket.on('message', (data) => {
        const number = data.readUInt32LE(0)
        if (number !== next++) kit.report({ lost: number })
        if (data.length === 4) kit.report('all')
      })
      webSocket.on('ping', (file) => {
        const before = process.memoryUsage.rss()
        kit.report('blocked')
        while (!kit.fs.existsSync(file.toString())) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
        kit.report({ grown: process.memoryUsage.rss() - before })
      })
    })
    kit.report(port)
  })
  const port = await child.report()
  const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.upgrade({ port })))
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'offloop-'))
  defer(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'go')
  clients[0].socket.write(frame(ping, file))
  expect(await child.report()).toBe('blocked')
  await Promise.all(clients.map(async (client) => {
    for (let i = 0; i < 300; i++) {
      const data = Buffer.alloc(65536)
      data.writeUInt32LE(i)
      client.socket.write(frame(binary, data))
    }
    const last = Buffer.alloc(4)
    last.writeUInt32LE(300)
    client.socket.write(frame(binary, last))
  }))
  const waiting = () => clients.reduce((sum, { socket }) => sum + socket.writableLength, 0)
  let [same, before] = [0, -1]
  await until(() => {
    same = waiting() === before ? same + 1 : 0
    before = waiting()
    return same === 40
  })
  expect(waiting()).toBeGreaterThan(0)
  fs.writeFileSync(file, '')
  expect((await child.report()).grown).toBeLessThan(128 * MEBIBYTE)
  for (let i = 0; i < 10; i++) expect(await child.report()).toBe('all')
})

test('400 connections of random bytes, and of good streams with random faults, all end; the server lives', async () => {
  const { port, wss } = await serve((webSocket) => {
    webSocket.on('error', () => {})
    echo(webSocket)
  })
  const random = new Random(400)
  const good = Buffer.concat([frame(text, 'good'), frame(binary, Buffer.alloc(300)), frame(ping, 'p'), frame(text, 'fr', { fin: false }), frame(continuation, 'ag')])
  for (let i = 0; i < 400; i += 20) {
    await Promise.all(Array.from({ length: 20 }, async (_, at) => {
      const client = await RawClient.upgrade({ port })
      const bytes = at % 2 ? random.bytes(random.below(2000)) : Buffer.from(good)
      for (let fault = 0; fault < 3 && at % 2 === 0; fault++) bytes[random.below(bytes.length)] = random.below(256)
      client.socket.end(bytes)
      await client.readRest()
    }))
  }
  await until(() => wss.clients.size === 0)
  const { client } = await connectPair({ wss, url: `ws://127.0.0.1:${port}` })
  const log = recordEvents(client, ['message'])
  client.send('alive')
  await until(() => log.length === 1)
})
