'use strict'

/**
 * The class WebSocketServer: on a port of its own, on a server of the user, or on upgrades
 * that the user hands over.
 */

const EventEmitter = require('node:events')
const http = require('node:http')

const WebSocket = require('./websocket')
const { Account } = require('./accounts')
const { countedAddress, judgeNumbers } = require('./admission')
const { kServer } = require('./constants')
const { connectionChannel, refusedChannel } = require('./diagnostics')
const { serverOptions } = require('./options')
const { closeAll } = require('./shutdown')
const { nextTick } = require('./ticks')
const {
  abortHandshake,
  isUsable,
  judgeRequest,
  matchesPath,
  openUpgraded
} = require('./upgrade')

const RUNNING = 0
const CLOSING = 1
const CLOSED = 2

/** Accepts WebSocket connections. Defaults of options: see options.js. */
class WebSocketServer extends EventEmitter {
  /**
   * @param {object} options Options, see `ServerOptions` in index.d.ts; exactly one of `port`,
   *   `server` and `noServer` is needed. They are read at each upgrade, from `this.options`
   * @param {Function} [callback] Called when the server listens on its port
   */
  constructor(options, callback) {
    super()

    const resolved = serverOptions(options, WebSocket)
    checkPlace(resolved)

    this._account = new Account()
    this._ownServer = null
    this._removeListeners = null
    this._server = null
    this._shouldEmitClose = false
    this._state = RUNNING
    this.options = resolved
    if (resolved.clientTracking) this.clients = new Set()

    if (resolved.port !== null && resolved.port !== undefined) {
      this._server = this._ownServer = http.createServer(requestOnPlainHttp)
      this._server.listen(resolved.port, resolved.host, resolved.backlog, callback)
    } else if (resolved.server) {
      this._server = resolved.server
    }
    if (this._server !== null) this._removeListeners = listen(this, this._server)
  }

  /**
   * Tells where the server listens.
   *
   * @returns {object | string | null} What `net.Server.address()` returns
   * @throws {Error} If it was made with `noServer`
   */
  address() {
    if (this.options.noServer) {
      throw new Error('The server is operating in "noServer" mode')
    }
    return this._server ? this._server.address() : null
  }

  /**
   * Accepts no further connection. 'close' is emitted when those there are have ended; they
   * are not closed.
   *
   * @param {Function} [cb] Called at 'close', with an error if the server was closed already
   */
  close(cb) {
    if (this._state === CLOSED) {
      if (cb) this.once('close', () => cb(new Error('The server is not running')))
      nextTick(emitClose, this)
      return
    }
    if (cb) this.once('close', cb)
    if (this._state === CLOSING) return

    const server = this._server
    this._state = CLOSING
    if (server) {
      this._removeListeners()
      this._removeListeners = this._server = null
    }

    if (server && server === this._ownServer) {
      // It closes when its last connection has ended.
      server.close(() => emitClose(this))
    } else if (this.clients && this.clients.size > 0) {
      this._shouldEmitClose = true
    } else {
      nextTick(emitClose, this)
    }
  }

  /**
   * Says whether a request is for this server. May be overridden.
   *
   * @param {http.IncomingMessage} req The request
   * @returns {boolean} Whether it is
   */
  shouldHandle(req) {
    return matchesPath(this.options.path, req.url)
  }

  /**
   * Handles an 'upgrade' event.
   *
   * @param {http.IncomingMessage} req The request
   * @param {import('node:stream').Duplex} socket Its socket
   * @param {Buffer} head What was read behind the request
   * @param {Function} cb Called with the WebSocket and the request once it is open
   */
  handleUpgrade(req, socket, head, cb) {
    judgeRequest(this, req, socket, (refusal, accepted) => {
      if (refusal === null) {
        const { key, extensions, protocols } = accepted
        this.completeUpgrade(extensions, key, protocols, req, socket, head, cb)
      } else if (refusal.isClientError && this.listenerCount('wsClientError') > 0) {
        this.emit('wsClientError', new Error(refusal.message), socket, req)
      } else {
        refuse(this, req, socket, refusal)
      }
    })
  }

  /**
   * Upgrades a connection whose request has been found good.
   *
   * @param {object} extensions The extensions in use, by name
   * @param {string} key The value of Sec-WebSocket-Key
   * @param {Set<string>} protocols The sub-protocols the client offers
   * @param {http.IncomingMessage} req The request
   * @param {import('node:stream').Duplex} socket Its socket
   * @param {Buffer} head What was read behind the request
   * @param {Function} cb Called with the WebSocket and the request
   * @throws {Error} If the socket has been upgraded already
   */
  completeUpgrade(extensions, key, protocols, req, socket, head, cb) {
    if (!isUsable(socket)) return
    if (this._state > RUNNING) {
      refuse(this, req, socket, { status: 503 })
      return
    }

    const { options, _account: account } = this
    const address = countedAddress(options, req)
    const refusal = judgeNumbers(options, account, address)
    if (refusal !== null) {
      refuse(this, req, socket, refusal)
      return
    }

    const ws = new options.WebSocket(null, undefined, options)
    const accepted = { key, extensions, protocols }
    const upgrade = { req, socket, head, openLater: false, account, address }
    openUpgraded(ws, options, accepted, upgrade, (lines) => this.emit('headers', lines, req))

    if (this.clients) {
      this.clients.add(ws)
      ws[kServer] = this
      ws.on('close', trackedOnClose)
    }
    if (connectionChannel.hasSubscribers) {
      connectionChannel.publish({ server: this, client: ws, request: req })
    }
    cb(ws, req)
  }

  /**
   * Accepts no further connection, and closes those there are; see shutdown.js. Of a server with a
   * port of its own, what is left then are connections that asked for nothing, as browsers open
   * them ahead of need: http.Server takes them for busy, so they are dropped.
   *
   * @param {object} [options] `code` (1001), `reason`, `deadline` (10000 ms), `jitter` (0 ms)
   * @returns {Promise<{closed: number, lost: number, terminated: number}>} How many have ended how
   */
  async shutdown(options) {
    const stop = () => {
      if (this._state === RUNNING) this.close()
    }
    const counts = await closeAll(this._account, stop, options)
    if (this._ownServer !== null) this._ownServer.closeAllConnections()
    return counts
  }

  /** @returns {object} What is counted of all its connections; see accounts.js */
  stats() {
    return this._account.stats()
  }
}

/**
 * Refuses a request.
 *
 * @param {WebSocketServer} wss The WebSocketServer
 * @param {http.IncomingMessage} req The request
 * @param {import('node:stream').Duplex} socket Its socket
 * @param {object} refusal Why, see upgrade.js
 */
function refuse(wss, req, socket, refusal) {
  wss._account.refused++
  if (refusedChannel.hasSubscribers) {
    const { status, message } = refusal
    refusedChannel.publish({ server: wss, request: req, status, message })
  }
  abortHandshake(socket, refusal)
}

/**
 * Checks that the options name exactly one place to take connections from.
 *
 * @param {object} options The options
 * @throws {TypeError} If they do not
 */
function checkPlace({ port, server, noServer }) {
  const places = [port !== null && port !== undefined, Boolean(server), Boolean(noServer)]
  if (places.filter(Boolean).length !== 1) {
    throw new TypeError(
      'One and only one of the "port", "server", or "noServer" options must be specified'
    )
  }
}

/**
 * Follows an HTTP server.
 *
 * @param {WebSocketServer} wss The WebSocketServer
 * @param {http.Server} server The HTTP server
 * @returns {Function} Takes the listeners off again
 */
function listen(wss, server) {
  const emitConnection = wss.emit.bind(wss, 'connection')
  const listeners = {
    listening: wss.emit.bind(wss, 'listening'),
    error: wss.emit.bind(wss, 'error'),
    upgrade: (req, socket, head) => wss.handleUpgrade(req, socket, head, emitConnection)
  }
  for (const [event, listener] of Object.entries(listeners)) server.on(event, listener)
  return () => {
    for (const [event, listener] of Object.entries(listeners)) {
      server.removeListener(event, listener)
    }
  }
}

/**
 * Answers a request that is no upgrade, on a server that knows nothing else.
 *
 * @param {http.IncomingMessage} req The request
 * @param {http.ServerResponse} res The response
 */
function requestOnPlainHttp(req, res) {
  const body = http.STATUS_CODES[426]
  res.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain' })
  res.end(body)
}

/**
 * Forgets a connection that has ended.
 */
function trackedOnClose() {
  const wss = this[kServer]
  wss.clients.delete(this)
  if (wss._shouldEmitClose && wss.clients.size === 0) nextTick(emitClose, wss)
}

/**
 * Emits 'close'.
 *
 * @param {WebSocketServer} wss The WebSocketServer
 */
function emitClose(wss) {
  wss._state = CLOSED
  wss._account.release()
  wss.emit('close')
}

module.exports = WebSocketServer
