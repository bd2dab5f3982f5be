'use strict'

// Who keeps a WebSocket alive: its open connection, and nothing after that.

const { runProgram } = require('../support/child')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { RawClient } = require('../support/raw-client')

const COUNT = 300
const EXPOSE_GC = { execArgv: ['--expose-gc'] }

/**
 * Starts an echo server that keeps no reference to its WebSockets and counts those collected.
 *
 * @returns {object} the child; its HTTP answers are counts, taken after collections
 */
function startForgetful() {
  return runProgram(async (kit) => {
    const counts = { opened: 0, closed: 0, webSockets: 0, sockets: 0, requests: 0 }
    const registry = new FinalizationRegistry((what) => { counts[what]++ })
    const { server, port } = await kit.serve((webSocket, req) => {
      counts.opened++
      registry.register(webSocket, 'webSockets')
      registry.register(req.socket, 'sockets')
      registry.register(req, 'requests')
      webSocket.on('message', function (data) { this.send(data) })
      webSocket.on('error', () => {})
      webSocket.on('close', () => { counts.closed++ })
    }, { clientTracking: false })
    server.on('request', async (req, res) => {
      for (let i = 0; i < 20; i++) {
        global.gc()
        await new Promise((resolve) => setImmediate(resolve))
      }
      res.end(JSON.stringify(counts))
    })
    kit.report(port)
  }, EXPOSE_GC)
}

/**
 * @param {number} port
 * @returns {Promise<object>} the counts of `startForgetful`, after 20 collections
 */
async function countsOf(port) {
  return (await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })).json()
}

test('open WebSockets that nobody refers to are kept, and go on getting messages', async () => {
  const port = await startForgetful().report()
  const clients = await Promise.all(Array.from({ length: COUNT }, () => RawClient.upgrade({ port })))
  for (let round = 0; round < 2; round++) {
    expect(await countsOf(port)).toMatchObject({ opened: COUNT, closed: 0, webSockets: 0 })
    for (const client of clients) client.socket.write(frame(OPCODE.text, `round ${round}`))
    for (const client of clients) expect((await client.readFrame()).payload.toString()).toBe(`round ${round}`)
  }
})

test.each([
  ['a closing handshake', (client) => client.socket.end(closeFrame(1000))],
  ['a FIN', (client) => client.socket.end()],
  ['a reset', (client) => client.socket.resetAndDestroy()],
  ['a protocol error', (client) => client.socket.end(frame(OPCODE.ping, '', { fin: false }))]
])('closed WebSockets, their sockets and their requests are collected: %s', async (title, end) => {
  const port = await startForgetful().report()
  const clients = await Promise.all(Array.from({ length: COUNT }, () => RawClient.upgrade({ port })))
  for (const client of clients) {
    client.socket.write(frame(OPCODE.text, 'x'.repeat(1000)))
    await client.readFrame()
  }
  for (const client of clients) end(client)
  // Node itself may still hold the last socket that it has dealt with.
  const enough = COUNT - 2
  for (;;) {
    const counts = await countsOf(port)
    if (counts.closed === COUNT && counts.webSockets >= enough && counts.sockets >= enough && counts.requests >= enough) break
  }
})

test('a WebSocket that was ended in the callback of its own send is collected', async () => {
  const child = runProgram(async (kit) => {
    let collected = 0
    const registry = new FinalizationRegistry(() => { collected++ })
    const { port } = await kit.serve((webSocket) => {
      registry.register(webSocket)
      webSocket.send('bye', () => webSocket.terminate())
    }, { clientTracking: false })
    const clients = await Promise.all(Array.from({ length: 50 }, () => kit.RawClient.upgrade({ port })))
    await Promise.all(clients.map((client) => client.readRest()))
    await kit.collected(() => collected >= 49)
    kit.report('collected')
    process.exit()
  }, EXPOSE_GC)
  expect(await child.report()).toBe('collected')
  await child.expectExit({ code: 0, signal: null })
})

test('a server that was closed is collected', async () => {
  const child = runProgram(async (kit) => {
    let collected = 0
    const registry = new FinalizationRegistry(() => { collected++ })
    const life = async () => {
      const { port, server, wss } = await kit.serve(() => {})
      registry.register(wss)
      const client = await kit.RawClient.upgrade({ port })
      client.socket.destroy()
      await kit.until(() => wss.clients.size === 0)
      server.close()
      await new Promise((resolve) => wss.close(resolve))
    }
    for (let i = 0; i < 10; i++) await life()
    await kit.collected(() => collected >= 9)
    kit.report('collected')
  }, EXPOSE_GC)
  expect(await child.report()).toBe('collected')
  await child.expectExit({ code: 0, signal: null })
})
