'use strict'

// Compressed messages that are a thousandth of what they come to: the bytes on the wire say little
// about the memory and the time that they ask for.

const zlib = require('zlib')

const { runProgram } = require('../support/child')
const { frame, OPCODE } = require('../support/frames')
const { testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { serve } = require('../support/servers')
const { until } = require('../support/waiting')

const MEBIBYTE = 1024 * 1024
const RSV1 = 4
const COUNT = 60
const OFFER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
const OPTIONS = { perMessageDeflate: true, maxPayload: MEBIBYTE }

/** COUNT messages of 1 MiB, all zeros but for their number in front; about 64 KiB in all. */
const BOMBS = Buffer.concat(Array.from({ length: COUNT }, (_, number) => {
  const plain = Buffer.alloc(MEBIBYTE)
  plain.writeUInt32LE(number)
  const compressed = zlib.deflateRawSync(plain, { finishFlush: zlib.constants.Z_SYNC_FLUSH })
  return frame(OPCODE.binary, compressed.subarray(0, -4), { rsv: RSV1 })
}))

const upgrade = (port) => RawClient.upgrade({ port }, { headers: { 'Sec-WebSocket-Extensions': OFFER } })

test('16 clients that send 64 KiB each, for 60 MiB, cost a server that is busy less than 320 MiB', async () => {
  const child = runProgram(async (kit, options, all) => {
    let seen = 0
    let before
    const { port } = await kit.serve((webSocket) => {
      before ??= process.memoryUsage.rss()
      webSocket.on('message', () => {
        if (++seen === 1) stayBusy()
        if (seen === all) kit.report(peak() - before)
      })
    }, options)
    kit.report(port)

    /** Does not return to the event loop while the memory still grows. */
    function stayBusy() {
      let [most, same] = [0, 0]
      while (same < 200) {
        const now = process.memoryUsage.rss()
        same = now > most ? 0 : same + 1
        most = Math.max(most, now)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
      }
    }

    /** @returns {number} The most that was resident, in bytes */
    function peak() {
      const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(kit.fs.readFileSync('/proc/self/status', 'utf8'))
      return Number(kibibytes) * 1024
    }
  }, { args: [OPTIONS, 16 * COUNT] })
  const port = await child.report()
  const clients = await Promise.all(Array.from({ length: 16 }, () => upgrade(port)))
  await Promise.all(clients.map((client) => client.write(BOMBS)))
  expect(await child.report()).toBeLessThan(320 * MEBIBYTE)
})

test.each([
  ['ends', (socket) => socket.end(BOMBS)],
  ['closes and ends', (socket) => socket.end(Buffer.concat([BOMBS, frame(OPCODE.close, '')]))]
])('they all arrive, in order, if the client %s behind them', async (title, send) => {
  const { port, wss } = await serve(() => {}, { options: OPTIONS })
  const log = []
  wss.on('connection', (webSocket) => {
    webSocket.on('message', (data) => log.push(data.length === MEBIBYTE && data.readUInt32LE(0)))
    webSocket.on('close', () => log.push('close'))
  })
  const client = await upgrade(port)
  send(client.socket)
  await until(() => log.includes('close'))
  expect(log).toEqual([...Array(COUNT).keys(), 'close'])
})

test('they wait while the WebSocket is paused, and all arrive when it goes on', async () => {
  const { port, wss } = await serve(() => {}, { options: OPTIONS })
  const log = []
  const turns = []
  wss.on('connection', (webSocket) => {
    webSocket.on('message', (data) => {
      log.push(data.readUInt32LE(0))
      if (log.length % 20 !== 1) return
      webSocket.pause()
      setImmediate(() => setImmediate(() => {
        turns.push(log.length)
        webSocket.resume()
      }))
    })
  })
  const client = await upgrade(port)
  client.socket.write(BOMBS)
  await until(() => log.length === COUNT)
  expect(log).toEqual([...Array(COUNT).keys()])
  expect(turns).toEqual([1, 21, 41])
})

testBeyondWs.each([
  ['ends', (socket) => socket.end(BOMBS)],
  ['goes on', (socket) => socket.write(BOMBS)]
])('none arrives behind terminate(), if the client %s behind them', async (title, send) => {
  const { port, wss } = await serve(() => {}, { options: OPTIONS })
  const log = []
  wss.on('connection', (webSocket) => {
    webSocket.on('message', () => {
      log.push('message')
      if (log.length === 20) webSocket.terminate()
    })
    webSocket.on('close', () => log.push('close'))
  })
  const client = await upgrade(port)
  send(client.socket)
  await until(() => log.includes('close'))
  expect(log).toEqual([...Array(20).fill('message'), 'close'])
})
