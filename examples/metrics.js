'use strict'

// An echo on ws://localhost:8080, and its numbers on http://localhost:8080/metrics in the text format
// of Prometheus. Run: node examples/metrics.js

const http = require('node:http')

const { WebSocketServer } = require('..')

const server = http.createServer((req, res) => {
  if (req.url !== '/metrics') {
    res.writeHead(404).end()
    return
  }
  res.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' }).end(metrics(wss.stats()))
})

const wss = new WebSocketServer({ server, heartbeat: { interval: 30_000, timeout: 10_000 } })
wss.on('connection', (client) => {
  client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
  client.on('error', (error) => console.error(error.message))
})

server.listen(process.env.PORT ?? 8080, () => {
  console.log(`http://localhost:${server.address().port}/metrics`)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    const { closed, lost, terminated } = await wss.shutdown({ deadline: 5000, jitter: 1000 })
    console.log(`${closed} closed, ${lost} lost, ${terminated} terminated`)
    server.close()
    // Also those without a request, which browsers open ahead of need and http.Server takes for busy.
    server.closeAllConnections()
  })
}

/** Numbers that go up and down; all others only grow. */
const GAUGES = new Set(['connections', 'bufferedAmount', 'compressionRatio'])

/**
 * Puts numbers into the text format of Prometheus.
 *
 * @param {object} stats What `wss.stats()` returned
 * @returns {string} Lines
 */
function metrics({ closes, ...numbers }) {
  const lines = ['# TYPE offloop_closes_total counter']
  for (const [cause, count] of Object.entries(closes)) {
    lines.push(`offloop_closes_total{cause="${cause}"} ${count}`)
  }
  for (const [name, value] of Object.entries(numbers)) {
    if (value === undefined) continue
    const isGauge = GAUGES.has(name)
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const metric = `offloop_${snake}${isGauge ? '' : '_total'}`
    lines.push(`# TYPE ${metric} ${isGauge ? 'gauge' : 'counter'}`, `${metric} ${value}`)
  }
  return `${lines.join('\n')}\n`
}
