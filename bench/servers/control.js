'use strict'

/**
 * What every benchmark server does beside its work: it is told its task, says where it listens,
 * does what the script says, and ends with it. The words go over standard input and output, so
 * that a server in any language can join.
 *
 *   argument  {"task":"echo"}           one JSON object, see {@link Task}
 *   out       {"port":12345,"pid":678}  once, when it listens
 *   in        gc                        a forced collection
 *   out       {"collected":true}
 *   in        delay                     begins to watch the event loop
 *   in        delays                    ends it
 *   out       {"p50Us":90,"p99Us":400,"maxUs":812}
 *   in        (end)                     the server exits
 */

const http = require('node:http')
const https = require('node:https')
const { createInterface } = require('node:readline')

/** How often the event loop is looked at, in milliseconds: too seldom to be a load of its own. */
const DELAY_INTERVAL_MS = 10

/**
 * @typedef {object} Task what the server is for
 * @property {'echo'|'deflate'|'broadcast'|'churn'} task `deflate`: echo with permessage-deflate for
 *   messages of any size, no context takeover on either side. `broadcast`: a message goes to all
 *   connections
 * @property {boolean} [tls] whether to speak it
 * @property {number} [level] of the compression, when not the implementation's default
 */

/** @type {Task} */
const task = JSON.parse(process.argv[2])

/** What the HTTP route of every server answers with. */
const HELLO = JSON.stringify({ hello: 'world' })

/**
 * The HTTP route of a server on node:http.
 *
 * @param {import('node:http').IncomingMessage} req request
 * @param {import('node:http').ServerResponse} res its response
 */
function answerRequest(req, res) {
  res.setHeader('Content-Type', 'application/json')
  res.end(HELLO)
}

/**
 * A server of node:http, or of node:https if the task says so.
 *
 * @returns {import('node:http').Server} with the HTTP route
 */
function createServer() {
  if (!task.tls) return http.createServer(answerRequest)
  return https.createServer(require('../../__test__/support/certificate'), answerRequest)
}

/**
 * The options of `ws`, which are also offloop's, for this task.
 *
 * @returns {object} `perMessageDeflate`
 */
function webSocketOptions() {
  if (task.task !== 'deflate') return { perMessageDeflate: false }
  const perMessageDeflate = {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    threshold: 0
  }
  if (task.level !== undefined) perMessageDeflate.zlibDeflateOptions = { level: task.level }
  return { perMessageDeflate }
}

/**
 * Does the task with one connection that has the API of `ws`.
 *
 * @param {import('ws').WebSocket} ws a connection that has just been opened
 * @param {Set<import('ws').WebSocket>} [clients] all that are open, this one included; only a
 *   broadcast needs them
 */
function attend(ws, clients) {
  ws.on('error', console.error)
  if (task.task === 'broadcast') {
    ws.on('message', (data, isBinary) => {
      for (const client of clients) client.send(data, { binary: isBinary })
    })
  } else {
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
  }
}

/**
 * Prints one line for the script.
 *
 * @param {object} message what to say
 */
function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/** Collects all garbage, in Node and in Bun. */
function collect() {
  if (globalThis.Bun) globalThis.Bun.gc(true)
  else globalThis.gc()
}

/** How late timers fire: what the event loop was busy with when they were due. */
class DelayWatch {
  constructor() {
    this.latenesses = []
    this.arm()
  }

  /** Waits for the next look. Timers count in whole milliseconds, so do not take less for a delay. */
  arm() {
    const due = performance.now() + DELAY_INTERVAL_MS
    this.timer = setTimeout(() => {
      this.latenesses.push(Math.max(0, performance.now() - due))
      this.arm()
    }, DELAY_INTERVAL_MS)
  }

  /**
   * Ends the watch.
   *
   * @returns {{ p50Us: number, p99Us: number, maxUs: number }} what it saw
   */
  end() {
    clearTimeout(this.timer)
    const sorted = this.latenesses.sort((a, b) => a - b)
    const quantile = (share) => {
      const rank = Math.max(1, Math.ceil(sorted.length * share))
      return (sorted[rank - 1] ?? 0) * 1000
    }
    return { p50Us: quantile(0.5), p99Us: quantile(0.99), maxUs: quantile(1) }
  }
}

/**
 * Says where the server listens, and obeys the script from then on.
 *
 * @param {number} port of the server, on 127.0.0.1
 */
function obey(port) {
  let watch
  const commands = {
    gc: () => {
      collect()
      say({ collected: true })
    },
    delay: () => {
      watch = new DelayWatch()
    },
    delays: () => say(watch.end())
  }
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => commands[line]())
  lines.on('close', () => process.exit(0))
  say({ port, pid: process.pid })
}

/**
 * Listens on a free port, with a server of node:http.
 *
 * @param {import('node:http').Server} server the server to start
 */
function serve(server) {
  server.listen(0, '127.0.0.1', () => obey(server.address().port))
}

module.exports = { HELLO, attend, createServer, obey, serve, task, webSocketOptions }
