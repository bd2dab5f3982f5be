'use strict'

// What is sent right before the end of a process reaches the peer.

const { runProgram } = require('../support/child')
const { frame, OPCODE } = require('../support/frames')
const { RawClient } = require('../support/raw-client')

const COUNT = 20

/** How it ends, in the tick that has sent the last words; and the exit code. */
const ENDS = [
  ['process.exit()', 'process.exit(3)', 3],
  ['an uncaught error', 'throw new Error("on purpose")', 1],
  ['SIGTERM, whose handler says more and exits', 'process.once("SIGTERM", () => { sayMore(); process.exit(4) }); process.kill(process.pid, "SIGTERM")', 4],
  ['process.exit(), whose listener says more', 'process.once("exit", sayMore); process.exit(5)', 5]
]

/**
 * Serves clients until one of them says something. Then every client hears 'bye' and is closed.
 *
 * @param {object} kit
 * @param {string} end run after that
 * @returns {Promise<void>}
 */
async function serveUntilTheEnd(kit, end) {
  const { wss, port } = await kit.serve((webSocket) => webSocket.on('message', () => {
    for (const client of wss.clients) client.send('bye')
    new Function('sayMore', end)(() => {
      for (const client of wss.clients) client.close(1001)
    })
  }))
  kit.report(port)
}

/**
 * @param {number} port
 * @returns {Promise<RawClient[]>} clients, of which the first has spoken
 */
async function meet(port) {
  const clients = await Promise.all(Array.from({ length: COUNT }, () => RawClient.upgrade({ port })))
  clients[0].socket.write(frame(OPCODE.text, 'end'))
  return clients
}

test.each(ENDS)('%s lets out what was sent in the same tick', async (title, end, code) => {
  // The listener that says more is there before the first connection.
  const child = runProgram(serveUntilTheEnd, { args: [end] })
  const clients = await meet(await child.report())
  for (const client of clients) {
    expect((await client.readFrame()).payload.toString()).toBe('bye')
    if (end.includes('sayMore')) expect((await client.readFrame()).payload.readUInt16BE(0)).toBe(1001)
    await client.readRest()
    client.socket.destroy()
  }
  await child.expectExit({ code, signal: null })
})

test('process.exit() in a worker thread lets out what was sent in the same tick', async () => {
  const child = runProgram(async (kit) => {
    const worker = kit.startWorker(async ({ parentPort, serve }) => {
      const { wss, port } = await serve((webSocket) => webSocket.on('message', () => {
        for (const client of wss.clients) client.send('bye')
        process.exit(6)
      }))
      parentPort.postMessage(port)
    })
    worker.on('message', kit.report)
    const [code] = await kit.once(worker, 'exit')
    kit.report({ code })
  })
  const clients = await meet(await child.report())
  for (const client of clients) expect((await client.readFrame()).payload.toString()).toBe('bye')
  expect(await child.report()).toEqual({ code: 6 })
  for (const client of clients) client.socket.destroy()
  await child.expectExit({ code: 0, signal: null })
})

test('a process that exits while it delivers a batch exits with its code', async () => {
  const child = runProgram(async (kit) => {
    const { port } = await kit.serve((webSocket) => webSocket.on('message', (data) => {
      webSocket.send(data)
      if (data.toString() === '500') process.exit(7)
    }))
    kit.report(port)
  })
  const client = await RawClient.upgrade({ port: await child.report() })
  client.socket.write(Buffer.concat(Array.from({ length: 1000 }, (_, i) => frame(OPCODE.text, `${i}`))))
  for (let i = 0; i <= 500; i++) expect((await client.readFrame()).payload.toString()).toBe(`${i}`)
  await child.expectExit({ code: 7, signal: null })
})
