'use strict'

/**
 * The echo server that Autobahn's fuzzingclient talks to.
 *
 * Usage: node echo-server.js [offloop|ws]
 *
 * Listens on a free port, prints one JSON line `{ port, pid }`, and ends when its standard input
 * does, so that it never outlives the script that started it. `ws` is there for comparison.
 */

const http = require('node:http')

/** The suite sends messages of 16 MiB, and messages cut into 65,536 fragments. */
const LIMITS = { maxPayload: 64 * 1024 * 1024, maxFragments: 1024 * 1024, perMessageDeflate: true }

/**
 * The `handleUpgrade(req, socket, head, callback)` of the implementation under test.
 *
 * @param {string} implementation 'offloop' or 'ws'
 * @returns {Function} takes over one socket and calls back with its WebSocket
 */
function upgradeWith(implementation) {
  if (implementation === 'ws') {
    const { WebSocketServer } = require('ws')
    const server = new WebSocketServer({ noServer: true, ...LIMITS })
    return server.handleUpgrade.bind(server)
  }
  const { handleUpgrade } = require('../../index.js')
  return (req, socket, head, callback) => handleUpgrade(req, socket, head, LIMITS, callback)
}

/**
 * Sends every message back as it came.
 *
 * @param {object} ws an open WebSocket
 */
function echo(ws) {
  // The suite breaks the protocol on purpose: an error is an expected outcome here.
  ws.on('error', () => {})
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
}

const handleUpgrade = upgradeWith(process.argv[2] ?? 'offloop')
const server = http.createServer()

server.on('upgrade', (req, socket, head) => handleUpgrade(req, socket, head, echo))
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port, pid: process.pid }))
})
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
