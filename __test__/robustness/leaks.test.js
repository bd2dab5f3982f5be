'use strict'

// 10,000 connections that come and go leave nothing behind.

const net = require('net')

const { runProgram } = require('../support/child')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { SWITCHING, upgradeRequest } = require('../support/raw-client')
const { until } = require('../support/waiting')

const GENERATIONS = 6
const ROUNDS = 2000
const AT_ONCE = 20

/** What a leak of one object a connection would exceed by far, and the noise of a heap does not reach. */
const MOST_BYTES_A_ROUND = 512

/**
 * Starts an echo server that tells its state: after a garbage collection, and when only the asking
 * connection is left.
 *
 * @returns {object} the child; reports its port
 */
function startServer() {
  return runProgram(async (kit) => {
    const { server, wss, port } = await kit.serve((webSocket) => {
      webSocket.on('error', () => {})
      webSocket.on('message', (data) => webSocket.send(data))
    })
    server.on('request', async (req, res) => {
      await kit.until(() => wss.clients.size === 0)
      for (let i = 0; i < 5; i++) {
        global.gc()
        await new Promise((resolve) => setImmediate(resolve))
      }
      res.end(JSON.stringify({
        descriptors: kit.countDescriptors(),
        threads: kit.countThreads(),
        rss: process.memoryUsage.rss(),
        heap: process.memoryUsage().heapUsed,
        external: process.memoryUsage().external
      }))
    })
    kit.report(port)
  }, { execArgv: ['--expose-gc', '--max-semi-space-size=1'] })
}

const START = Buffer.concat([Buffer.from(upgradeRequest()), frame(OPCODE.text, 'x'.repeat(200))])

/** The 101 response and the echo. */
const ECHOED = SWITCHING.length + 4 + 200

const LIVES = [
  (socket) => socket.end(closeFrame(1000)),
  (socket) => socket.end(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end(frame(3)),
  (socket) => socket.write(closeFrame(4000), () => socket.end())
]

/**
 * Opens a connection, has a message echoed, and ends it in one of several ways.
 *
 * @param {number} port
 * @param {number} round
 * @returns {Promise<void>}
 */
function live(port, round) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    let bytes = 0
    socket.write(START)
    socket.on('data', (chunk) => {
      const before = bytes
      bytes += chunk.length
      if (before < ECHOED && bytes >= ECHOED) LIVES[round % LIVES.length](socket)
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
    socket.on('close', resolve)
  })
}

/**
 * @param {number} port
 * @returns {Promise<void>} when all rounds of a generation are over
 */
async function generation(port) {
  let next = 0
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < ROUNDS) await live(port, next++)
  }))
}

const linux = process.platform === 'linux' ? test : test.skip

linux(`${(GENERATIONS - 1) * ROUNDS} rounds leave no descriptor, no thread and no memory`, async () => {
  const port = await startServer().report()
  const look = async () => (await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })).json()
  const states = []
  for (let i = 0; i < GENERATIONS; i++) {
    await generation(port)
    states.push(await look())
  }
  // The first generation warms up: buffers, pools and compiled code stay, and may.
  const [first, last] = [states[0], states.at(-1)]
  await until(async () => (await look()).descriptors <= first.descriptors)
  expect(last.threads).toBe(first.threads)
  const most = (GENERATIONS - 1) * ROUNDS * MOST_BYTES_A_ROUND
  for (const kind of ['rss', 'heap', 'external']) expect({ kind, states, fine: last[kind] - first[kind] < most }).toMatchObject({ fine: true })
}, 120000)
