'use strict'

/**
 * The process under test: two echo servers. The first stays; the second is restarted in the
 * process, on its port, again and again. Its parent tells it what to do, and reads its memory and
 * descriptors from outside.
 */

const { once } = require('node:events')
const http = require('node:http')

const { WebSocketServer } = require('..')

/** Close code for "come again" (registered with IANA). */
const SERVICE_RESTART = 1012

/** Who does not go by himself in this time is dropped. */
const DEADLINE_MS = 500

/** What both servers allow. */
const OPTIONS = {
  closeTimeout: 2000,
  heartbeat: { interval: 5000, timeout: 10_000 },
  maxBackpressure: 64 * 1024 * 1024,
  maxPayload: 1024 * 1024,
  perMessageDeflate: { threshold: 256 }
}

/** What has happened since the last report. */
const counts = { connections: 0, messages: 0, errors: 0, closes: {} }

/**
 * Serves one connection: says back what it gets.
 *
 * @param {import('..').WebSocket} client the connection
 */
function serve(client) {
  counts.connections++
  client.on('message', (data, isBinary) => {
    counts.messages++
    client.send(data, { binary: isBinary })
  })
  client.on('error', () => { counts.errors++ })
  client.on('close', (code) => { counts.closes[code] = (counts.closes[code] ?? 0) + 1 })
}

/**
 * Starts an echo server.
 *
 * @param {number} [port] where [any free port]
 * @returns {Promise<{server: http.Server, wss: WebSocketServer, port: number}>} listening
 */
async function start(port = 0) {
  const server = http.createServer((req, res) => res.end('up\n'))
  const wss = new WebSocketServer({ server, ...OPTIONS })
  wss.on('connection', serve)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { server, wss, port: server.address().port }
}

/**
 * Ends a server with everything on it: its clients are asked to come again, and those that do not
 * go by themselves are dropped.
 *
 * @param {{server: http.Server, wss: WebSocketServer}} running the server
 * @param {boolean} byHand whether to do so one by one, or by `shutdown()`
 * @returns {Promise<void>} settles when nothing of it is left
 */
async function end({ server, wss }, byHand) {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  if (byHand) {
    wss.close()
    for (const client of wss.clients) client.close(SERVICE_RESTART)
    setTimeout(() => { for (const client of wss.clients) client.terminate() }, DEADLINE_MS)
  } else {
    await wss.shutdown({ code: SERVICE_RESTART, deadline: DEADLINE_MS, jitter: DEADLINE_MS / 5 })
  }
  await closed
}

/** Carries out what the parent says, one after the other. */
async function main() {
  const stable = await start()
  let restarted = await start()
  let restarts = 0
  const orders = {
    async restart() {
      await end(restarted, restarts++ % 2 === 0)
      restarted = await start(restarted.port)
      return {}
    },
    async look() {
      for (let i = 0; i < 3; i++) {
        global.gc()
        await new Promise((resolve) => setImmediate(resolve))
      }
      return { ...counts, clients: stable.wss.clients.size + restarted.wss.clients.size }
    }
  }
  let last = Promise.resolve()
  process.on('message', ({ order, number }) => {
    last = last.then(orders[order]).then((result) => process.send({ number, result }))
  })
  process.on('disconnect', () => process.exit())
  process.send({ ports: { stable: stable.port, restarted: restarted.port } })
}

main()
