'use strict'

// A cluster: processes that share a port, of which one is killed.

const { runProgram } = require('../support/child')
const { frame, OPCODE } = require('../support/frames')
const { RawClient } = require('../support/raw-client')
const { until } = require('../support/waiting')

const WORKERS = 4
const CLIENTS = 40

/**
 * Starts a cluster whose workers say with each echo who they are.
 *
 * @returns {object} the child; reports the port when all workers listen, and each exit of one
 */
function startCluster() {
  return runProgram(async (kit, workers) => {
    const cluster = require('cluster')
    const os = require('os')
    const path = require('path')
    const program = path.join(kit.fs.mkdtempSync(path.join(os.tmpdir(), 'offloop-')), 'worker.js')
    kit.fs.writeFileSync(program, `
      const http = require('http')
      const { WebSocketServer } = require(process.env.OFFLOOP_TEST_PACKAGE)
      const server = http.createServer()
      new WebSocketServer({ server }).on('connection', (client) => {
        client.on('message', (data) => client.send(process.pid + ' ' + data))
      })
      server.listen(0, '127.0.0.1')
    `)
    cluster.setupPrimary({ exec: program, execArgv: [] })
    const ports = new Set()
    let listening = 0
    cluster.on('listening', (worker, { port }) => {
      ports.add(port)
      if (++listening === workers) kit.report([...ports])
    })
    cluster.on('exit', ({ process: { pid } }, code, signal) => kit.report({ pid, signal }))
    for (let i = 0; i < workers; i++) cluster.fork({ OFFLOOP_TEST_PACKAGE: path.join(process.cwd(), process.env.OFFLOOP_TEST_IMPLEMENTATION === 'ws' ? 'node_modules/ws' : '.') })
    process.on('SIGTERM', () => {
      for (const { process: worker } of Object.values(cluster.workers)) worker.kill('SIGKILL')
      kit.fs.rmSync(path.dirname(program), { recursive: true })
      process.exit(0)
    })
  }, { args: [WORKERS] })
}

/**
 * @param {RawClient} client
 * @param {string} text
 * @returns {Promise<number>} the process that has answered
 */
async function ask(client, text) {
  await client.write(frame(OPCODE.text, text))
  const [pid, echo] = (await client.readFrame()).payload.toString().split(' ')
  expect(echo).toBe(text)
  return Number(pid)
}

test('of four workers one is killed: its clients see the end at once, the others\' lose nothing', async () => {
  const child = startCluster()
  const [port, ...others] = await child.report()
  expect(others).toEqual([])
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.upgrade({ port })))
  const pids = await Promise.all(clients.map((client) => ask(client, 'who?')))
  expect(new Set(pids).size).toBe(WORKERS)
  process.kill(pids[0], 'SIGKILL')
  expect(await child.report()).toEqual({ pid: pids[0], signal: 'SIGKILL' })
  for (const [i, client] of clients.entries()) {
    if (pids[i] === pids[0]) await until(() => client.ended || client.closed)
    else expect(await ask(client, 'still?')).toBe(pids[i])
  }
  for (let i = 0; i < WORKERS * 2; i++) {
    expect(await ask(await RawClient.upgrade({ port }), 'new')).not.toBe(pids[0])
  }
  child.process.kill('SIGTERM')
  await child.exit
})
