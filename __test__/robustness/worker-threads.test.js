'use strict'

// Worker threads that serve WebSockets, and end in every way a worker can. All of it happens in a
// process of its own, where a crash would show as a signal.

const { startBusyClients } = require('../support/busy-clients')
const { runProgram } = require('../support/child')
const { RawClient } = require('../support/raw-client')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { until } = require('../support/waiting')

const CYCLES = 20

/**
 * Starts a program whose main thread never loads the package: it starts worker after worker, each an
 * echo server, and ends each one in the middle of its work.
 *
 * @param {string} [end] run in the worker amid its work; '' = main terminates it then
 * @param {number} [cycles]
 * @returns {object} the child; reports each worker's port, then its exit code
 */
function cycleWorkers(end, cycles = CYCLES) {
  return runProgram(async (kit, code, count) => {
    let threads
    for (let cycle = 0; cycle < count; cycle++) {
      const worker = kit.startWorker(async ({ parentPort, serve, workerData }) => {
        let received = 0
        const { port, server, wss } = await serve((webSocket) => webSocket.on('message', (data) => {
          webSocket.send(data)
          received++
          if (received < 500 || wss.clients.size < 20) return
          received = -Infinity
          parentPort.postMessage('busy')
          new Function('server', 'wss', workerData)(server, wss)
        }))
        parentPort.postMessage(port)
      }, code)
      worker.on('message', (message) => {
        if (message !== 'busy') kit.report(message)
        else if (code === '') worker.terminate()
      })
      worker.on('error', (error) => { if (error.message !== 'on purpose') throw error })
      kit.report(await new Promise((resolve) => worker.on('exit', resolve)))
      if (process.platform !== 'linux') continue
      // The second worker's end is the yardstick: Node's own threads have all been started by then.
      if (cycle === 1) threads = kit.countThreads()
      if (cycle > 1) await kit.until(() => kit.countThreads() <= threads)
    }
  }, { args: [end, cycles] })
}

/**
 * Plays the clients of `cycleWorkers`.
 *
 * @param {object} child
 * @param {number} exitCode each worker's
 * @param {number} [cycles]
 * @returns {Promise<void>}
 */
async function survives(child, exitCode, cycles = CYCLES) {
  for (let cycle = 0; cycle < cycles; cycle++) {
    const clients = startBusyClients(await child.report(), 20)
    expect(await child.report()).toBe(exitCode)
    await clients.ended
  }
  await child.expectExit({ code: 0, signal: null })
}

test(`worker.terminate() with busy connections, ${CYCLES} times: the clients see the end, no thread stays`, async () => {
  await survives(cycleWorkers(''), 1)
})

test(`process.exit() in a worker with busy connections, ${CYCLES} times`, async () => {
  await survives(cycleWorkers('process.exit(3)'), 3)
})

test('an uncaught error in a worker with busy connections, 10 times', async () => {
  await survives(cycleWorkers('throw new Error("on purpose")', 10), 1, 10)
})

test('a worker that terminates its connections and closes its server exits by itself, 10 times', async () => {
  await survives(cycleWorkers('server.close(); for (const each of wss.clients) each.terminate()', 10), 0, 10)
})

test('a worker stays alive while a connection is open, and exits by itself when it has closed', async () => {
  const child = runProgram(async (kit) => {
    const worker = kit.startWorker(async ({ parentPort, serve }) => {
      const { port, server } = await serve((webSocket) => {
        webSocket.on('message', (data) => webSocket.send(data))
        server.close()
      })
      parentPort.postMessage(port)
    })
    worker.on('message', kit.report)
    const [code] = await kit.once(worker, 'exit')
    kit.report(`worker exited with ${code}`)
  })
  const client = await RawClient.upgrade({ port: await child.report() })
  for (let i = 0; i < 20; i++) {
    await client.write(frame(OPCODE.text, 'x'))
    await client.readFrame()
  }
  client.socket.end(closeFrame(1000))
  expect(await child.report()).toBe('worker exited with 0')
  await child.expectExit({ code: 0, signal: null })
})

describe('the main thread and four workers at once', () => {
  /**
   * @param {string} end run in the main thread at an HTTP request
   * @returns {object} the child; reports five ports, the main thread's last
   */
  function startFive(end) {
    return runProgram(async (kit, code) => {
      const echo = (webSocket) => webSocket.on('message', (data) => webSocket.send(data))
      const workers = []
      for (let i = 0; i < 4; i++) {
        const worker = kit.startWorker(async ({ parentPort, serve }) => {
          parentPort.postMessage((await serve((webSocket) => webSocket.on('message', (data) => webSocket.send(data)))).port)
        })
        const [port] = await kit.once(worker, 'message')
        kit.report(port)
        workers.push(worker)
      }
      const { port, server } = await kit.serve(echo)
      server.on('request', (req, res) => {
        res.end()
        new Function('workers', code)(workers)
      })
      kit.report(port)
    }, { args: [end] })
  }

  /**
   * @param {object} child
   * @returns {Promise<{port: number, clients: object[]}>} all five busy
   */
  async function makeBusy(child) {
    const clients = []
    let port
    for (let i = 0; i < 5; i++) {
      port = await child.report()
      clients.push(startBusyClients(port, 10))
    }
    for (const each of clients) await until(() => each.bursts() > 50)
    return { port, clients }
  }

  /**
   * @param {number} port
   * @returns {Promise<void>} when the server has answered a request
   */
  async function request(port) {
    const client = await RawClient.connect({ port })
    await client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.readHead()
  }

  test('serve side by side; the end of one is none of the others\'', async () => {
    const child = startFive('workers[0].terminate()')
    const { port, clients } = await makeBusy(child)
    await request(port)
    await clients[0].ended
    const others = clients.slice(1)
    const before = others.map(({ bursts }) => bursts())
    for (const [i, { bursts }] of others.entries()) await until(() => bursts() > before[i] + 200)
    for (const { sockets } of others) expect(sockets.size).toBe(10)
    child.process.kill('SIGKILL')
    await child.expectExit({ code: null, signal: 'SIGKILL' })
  })

  test('end together when the main thread exits, with its code', async () => {
    for (let run = 0; run < 3; run++) {
      const child = startFive('process.exit(5)')
      const { port, clients } = await makeBusy(child)
      await request(port).catch(() => {})
      await child.expectExit({ code: 5, signal: null })
      for (const { ended } of clients) await ended
    }
  })
})
