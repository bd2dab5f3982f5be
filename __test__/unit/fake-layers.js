'use strict'

// Loads the face with what is under it replaced: no addon, no threads, no sockets. The fakes
// record what they are told, and the tests play the part of the connection.

const { Duplex } = require('node:stream')

// The suite as a whole may be run on either driver; here neither is there.
delete process.env.OFFLOOP_DRIVER

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

/**
 * Loads the face afresh.
 *
 * @returns {object} The modules of lib/ by `require`, and the fakes under them
 */
function loadFace () {
  jest.resetModules()
  const fakes = { listeners: null, queue: [], opened: [], verdict: ACCEPT }
  const record = (kind) => (ws, ...args) => fakes.queue.push({ kind, ws, args, callback: args.at(-1) })
  const native = { judgeUpgrade: jest.fn(() => fakes.verdict), errorTable: () => [] }
  const sendQueue = { message: record('message'), ping: record('ping'), pong: record('pong'), close: record('close') }
  const dispatcher = { setListeners: (listeners) => { fakes.listeners = listeners } }
  const drivers = { openDriver: (...args) => openFakeDriver(fakes, args) }
  jest.doMock('../../lib/native', () => native, { virtual: true })
  jest.doMock('../../lib/send-queue', () => sendQueue, { virtual: true })
  jest.doMock('../../lib/dispatcher', () => dispatcher, { virtual: true })
  jest.doMock('../../lib/drivers', () => drivers, { virtual: true })
  const load = (name) => require(`../../lib/${name}`)
  return Object.assign(fakes, { load, native, WebSocket: load('websocket') })
}

/**
 * Stands in for `openDriver()`.
 *
 * @param {object} fakes Where to record it
 * @param {Array} args Its arguments
 * @returns {object} A driver that only counts its calls
 */
function openFakeDriver (fakes, [ws, socket, head, response, config]) {
  const names = ['leave', 'end', 'destroy', 'pause', 'resume', 'startCloseTimer']
  const driver = Object.fromEntries(names.map((name) => [name, jest.fn()]))
  driver.bufferedAmount = jest.fn(() => 0)
  driver.isDropped = jest.fn(() => false)
  driver.peerEnded = jest.fn()
  ws._socket = socket
  fakes.opened.push({ ws, socket, head, response, config, driver })
  return driver
}

/**
 * Makes a WebSocket that is open, and forgets how it came about.
 *
 * @param {object} face What `loadFace()` returned
 * @param {object} [options] Options of `setSocket()`
 * @returns {object} The WebSocket
 */
function openWebSocket (face, options = {}) {
  const ws = new face.WebSocket(null, undefined, { autoPong: true, closeTimeout: 1000 })
  ws.setSocket(fakeSocket(), Buffer.alloc(0), options)
  return ws
}

/**
 * Takes what was given to the send queue.
 *
 * @param {object} face What `loadFace()` returned
 * @returns {Array} `[kind, ...arguments]` of each call, without the callback
 */
function takeSent (face) {
  return face.queue.splice(0).map(({ kind, args }) => [kind, ...args.slice(0, -1)])
}

/**
 * Writes down every event of a WebSocket.
 *
 * @param {object} ws The WebSocket
 * @returns {Array} `[name, ...arguments]` of each event, from now on
 */
function recordEvents (ws) {
  const events = []
  for (const name of ['open', 'message', 'ping', 'pong', 'error', 'close', 'drain']) {
    ws.on(name, (...args) => events.push([name, ...args]))
  }
  return events
}

/**
 * Makes a socket that keeps what is written to it.
 *
 * @returns {Duplex} With `written`, a string
 */
function fakeSocket () {
  const socket = new Duplex({
    read () {},
    write (chunk, encoding, done) {
      socket.written += chunk.toString()
      done()
    }
  })
  socket.written = ''
  return socket
}

/**
 * Makes a request for an upgrade.
 *
 * @param {object} [headers] More headers
 * @param {string} [url] The path and query
 * @returns {object} As much of an IncomingMessage as is needed
 */
function upgradeRequest (headers = {}, url = '/') {
  return {
    method: 'GET',
    url,
    headers: { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-key': KEY, 'sec-websocket-version': '13', ...headers },
    socket: {}
  }
}

/**
 * Waits until the ticks that are queued have run, and one turn of the event loop has passed.
 *
 * @returns {Promise<void>}
 */
function nextTurn () {
  return new Promise((resolve) => setImmediate(resolve))
}

module.exports = { ACCEPT, KEY, fakeSocket, loadFace, nextTurn, openWebSocket, recordEvents, takeSent, upgradeRequest }
