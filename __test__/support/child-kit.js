'use strict'

// What the programs of `runProgram` and the workers they start are given.

const events = require('events')
const fs = require('fs')
const http = require('http')
const path = require('path')
const { Worker, parentPort, workerData } = require('worker_threads')

const { startBusyClients } = require('./busy-clients')
const frames = require('./frames')
const { Random } = require('./random')
const { RawClient, upgradeRequest } = require('./raw-client')
const { until } = require('./waiting')

const kit = {
  ...events,
  ...frames,
  Random,
  RawClient,
  collected,
  countDescriptors: () => fs.readdirSync('/proc/self/fd').length,
  countThreads: () => fs.readdirSync('/proc/self/task').length,
  fs,
  http,
  parentPort,
  report,
  serve,
  shardSleeps,
  startBusyClients,
  startWorker,
  until,
  upgradeRequest,
  workerData
}

// Asked for only when used: a process whose main thread must not load the addon can use the kit too.
Object.defineProperty(kit, 'implementation', { enumerable: true, get: () => require('./implementation').implementation })

/**
 * Tells the test something, at once: a pipe is written synchronously.
 *
 * @param {*} value what JSON can carry
 */
function report(value) {
  fs.writeSync(1, `${JSON.stringify(value)}\n`)
}

/**
 * Starts a WebSocketServer on a free port of 127.0.0.1.
 *
 * @param {Function} onConnection
 * @param {object} [options] of the WebSocketServer
 * @returns {Promise<{server: object, wss: object, port: number}>}
 */
async function serve(onConnection, options) {
  const server = http.createServer()
  const wss = new kit.implementation.WebSocketServer({ server, ...options })
  wss.on('connection', onConnection)
  server.listen(0, '127.0.0.1')
  await events.once(server, 'listening')
  return { server, wss, port: server.address().port }
}

/**
 * Counts how often the first shard's thread has gone to sleep. Linux only.
 *
 * @returns {number} since it was started
 */
function shardSleeps() {
  for (const task of fs.readdirSync('/proc/self/task')) {
    const status = fs.readFileSync(`/proc/self/task/${task}/status`, 'latin1')
    if (/^Name:\s+offloop-0$/m.test(status)) return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)[1])
  }
  throw new Error('there is no shard')
}

/**
 * Runs a function in a new worker thread.
 *
 * @param {Function} program given the kit
 * @param {*} [data] its workerData
 * @returns {Worker}
 */
function startWorker(program, data) {
  return new Worker(`'use strict'; (${program})(require(${JSON.stringify(path.join(__dirname, 'child-kit.js'))}))`, { eval: true, workerData: data })
}

/**
 * Collects garbage until a condition holds. Needs --expose-gc.
 *
 * @param {Function} condition
 * @returns {Promise<void>}
 */
async function collected(condition) {
  await until(() => {
    global.gc()
    return condition()
  })
}

module.exports = kit
