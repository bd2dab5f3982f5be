'use strict'

// What can happen while the JavaScript thread serves the sockets of a shard itself. All of it happens in
// a process of its own, with one shard, two connections, and one message in flight on each.

const { runProgram } = require('../support/child')
const { frame, OPCODE } = require('../support/frames')
const { RawClient } = require('../support/raw-client')

const onShards = process.env.OFFLOOP_DRIVER === 'stream' || process.platform !== 'linux' ? describe.skip : describe

/**
 * Starts an echo server that does something in a handler as soon as the JavaScript thread leads: a
 * thousand messages have come, and the shard's thread has gone to sleep three hundred times at most. It
 * goes to sleep after each message, or after two, if it reads them itself.
 *
 * @param {string} deed what it does, with the kit, the WebSocket and the server at hand
 * @param {boolean} [inWorker] whether it is in a worker
 * @returns {object} the child; reports the port first
 */
function serveUntilLed(deed, inWorker = false) {
  const program = async (kit, code) => {
    const { parentPort, report, serve, shardSleeps, workerData } = kit
    let received = 0
    let sleeps = 0
    const { port, server } = await serve((webSocket) => webSocket.on('message', (data) => {
      webSocket.send(data)
      if (++received % 1000 !== 0) return
      const before = sleeps
      sleeps = shardSleeps()
      if (sleeps - before > 300) return
      received = NaN
      new Function('kit', 'webSocket', 'server', code ?? workerData)(kit, webSocket, server)
    }))
    if (parentPort) parentPort.postMessage(port)
    else report(port)
  }
  const options = { env: { OFFLOOP_THREADS: '1' } }
  if (!inWorker) return runProgram(program, { ...options, args: [deed] })
  return runProgram(async (kit, source, code) => {
    const worker = kit.startWorker(source, code)
    worker.on('message', (message) => {
      if (message === 'terminate') worker.terminate()
      else kit.report(message)
    })
    worker.on('error', (error) => { if (error.message !== 'on purpose') throw error })
    worker.on('exit', (code) => kit.report(code))
  }, { ...options, args: [String(program), deed] })
}

/**
 * Sends one message after the other until the connection ends.
 *
 * @param {number} port
 * @returns {Promise<RawClient>}
 */
async function chat(port) {
  const client = await RawClient.upgrade({ port })
  const talk = async () => {
    while (!client.ended && !client.closed) {
      await client.write(frame(OPCODE.text, 'a message'))
      await client.readFrame()
    }
  }
  client.talked = talk().catch(() => {})
  return client
}

/** Chats on two connections, until both have ended. */
async function chatToTheEnd(child) {
  const port = await child.report()
  const clients = [await chat(port), await chat(port)]
  await Promise.all(clients.map(({ talked }) => talked))
}

onShards('while the JavaScript thread leads', () => {
  test('process.exit() in a handler ends the process', async () => {
    const child = serveUntilLed('process.exit(3)')
    await chatToTheEnd(child)
    await child.expectExit({ code: 3, signal: null })
  })

  test('what a handler throws ends the process', async () => {
    const child = serveUntilLed('throw new Error("on purpose")')
    await chatToTheEnd(child)
    expect(await child.exit).toEqual({ code: 1, signal: null })
    expect(child.stderr).toContain('on purpose')
  })

  test('what a handler throws is survived where it is caught, and the others go on', async () => {
    const child = serveUntilLed(`
      process.once('uncaughtException', () => {
        server.close()
        setImmediate(() => webSocket.terminate())
      })
      webSocket.once('close', () => kit.report('closed'))
      throw new Error('on purpose')
    `)
    const port = await child.report()
    const clients = [await chat(port), await chat(port)]
    expect(await child.report()).toBe('closed')
    for (const { socket } of clients) socket.end()
    await child.expectExit({ code: 0, signal: null })
  })

  test('the process ends by itself with its last connection', async () => {
    const child = serveUntilLed('server.close(); kit.report("led")')
    const port = await child.report()
    const clients = [await chat(port), await chat(port)]
    expect(await child.report()).toBe('led')
    for (const { socket } of clients) socket.end()
    await child.expectExit({ code: 0, signal: null })
  })

  test('the process ends though its connections are open, if they are unref\'d', async () => {
    const child = serveUntilLed('server.close(); webSocket._socket.unref()')
    const port = await child.report()
    await (await chat(port)).talked
    await child.expectExit({ code: 0, signal: null })
  })

  test.each([
    ['worker.terminate()', 'kit.parentPort.postMessage("terminate")', 1],
    ['process.exit() in its handler', 'process.exit(3)', 3],
    ['what its handler throws', 'throw new Error("on purpose")', 1]
  ])('a worker ends by %s', async (title, deed, exitCode) => {
    const child = serveUntilLed(deed, true)
    await chatToTheEnd(child)
    expect(await child.report()).toBe(exitCode)
    await child.expectExit({ code: 0, signal: null })
  })
})
