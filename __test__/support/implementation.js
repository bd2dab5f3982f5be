'use strict'

// Which implementation of the `ws` API the tests run against: offloop, or `ws` itself when
// OFFLOOP_TEST_IMPLEMENTATION=ws. Running a test against `ws` proves the test, not offloop.

const ws = require('ws')

/** The name of the implementation under test: 'offloop' or 'ws'. */
const implementationName = process.env.OFFLOOP_TEST_IMPLEMENTATION === 'ws' ? 'ws' : 'offloop'

/**
 * Gives `ws` offloop's one function that `ws` lacks, so that the same test bodies run on both.
 *
 * @returns {object} All exports of `ws`, and `handleUpgrade`, made of them
 */
function fromWs() {
  return { ...ws, handleUpgrade: wsHandleUpgrade }
}

/**
 * `handleUpgrade(req, socket, head[, options][, callback])` over a server of `ws` that has no port.
 *
 * @param {import('http').IncomingMessage} req the upgrade request
 * @param {import('stream').Duplex} socket the request's socket
 * @param {Buffer} head what came behind the request
 * @param {object|Function} [options] options of the server, or the callback
 * @param {Function} [callback] called with the WebSocket and the request
 * @returns {object|undefined} the WebSocket; undefined when the handshake was refused
 */
function wsHandleUpgrade(req, socket, head, options, callback) {
  if (typeof options === 'function') return wsHandleUpgrade(req, socket, head, {}, options)
  let client
  const server = new ws.WebSocketServer({ noServer: true, clientTracking: false, ...options })
  server.handleUpgrade(req, socket, head, (accepted) => {
    client = accepted
    if (callback) callback(accepted, req)
  })
  return client
}

const implementation = implementationName === 'ws' ? fromWs() : require('../..')

/** For `describe.each`: `ws` first, which proves the expectation, then what is under test. */
const implementations = implementationName === 'ws' ? [['ws', fromWs()]] : [['ws', fromWs()], ['offloop', implementation]]

module.exports = {
  ...pick(implementation),
  implementation,
  implementationName,
  implementations,
  /** `test` for rules that `ws` itself breaks: skipped when the run is against `ws`. */
  get testBeyondWs() {
    return implementationName === 'ws' ? test.skip : test
  }
}

/**
 * Names the three members that the tests use, so that a missing one fails at once and by name.
 *
 * @param {object} from an implementation
 * @returns {object} its WebSocket, WebSocketServer and handleUpgrade
 */
function pick({ WebSocket, WebSocketServer, handleUpgrade }) {
  for (const [name, value] of Object.entries({ WebSocket, WebSocketServer, handleUpgrade })) {
    if (typeof value !== 'function') throw new TypeError(`the implementation under test exports no ${name}`)
  }
  return { WebSocket, WebSocketServer, handleUpgrade }
}
