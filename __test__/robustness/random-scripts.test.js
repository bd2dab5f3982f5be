'use strict'

// Anything may be called on any WebSocket from inside any handler.

const { runProgram } = require('../support/child')
const { implementationName } = require('../support/implementation')

const BATCHES = 200
const CONNECTIONS = 10

/**
 * The program: batches of connections whose handlers act at random on themselves and each other.
 *
 * @param {object} kit
 * @param {number} seed
 * @param {number} batches
 * @param {number} connections in a batch
 * @returns {Promise<void>}
 */
async function play(kit, seed, batches, connections) {
  const { frame, closeFrame, OPCODE } = kit
  const random = new kit.Random(seed)
  const counts = { acts: 0, closes: 0, events: 0 }
  const violations = []
  let batch = []
  let budget = 0

  const data = () => random.pick(['', 'text', Buffer.alloc(130, 1), Buffer.alloc(70000, 2)])
  const later = () => random.pick([setImmediate, process.nextTick, queueMicrotask])
  const ACTIONS = [
    (ws) => ws.send(data()),
    (ws) => ws.send(data()),
    (ws) => ws.send(data(), () => act()),
    (ws) => ws.send('frag', { fin: random.below(2) === 0 }),
    (ws) => ws.ping('ping'),
    (ws) => ws.ping(() => act()),
    (ws) => ws.pong('pong'),
    (ws) => ws.close(),
    (ws) => ws.close(random.pick([1000, 4000, 1011]), 'reason'),
    (ws) => { ws.terminated = true; ws.terminate() },
    // What a stream had read when its user destroyed it may still be delivered, as by `ws`.
    (ws) => { ws.ended ||= !(ws._driver && ws._driver.isStream); ws.socketOfRequest.destroy() },
    (ws) => { ws.pause(); setImmediate(() => ws.resume()) },
    (ws) => { ws.binaryType = random.pick(['arraybuffer', 'fragments', 'nodebuffer']) },
    () => later()(() => act()),
    (ws) => ws.once('message', () => act()),
    (ws) => { ws.onmessage = () => act() }
  ]
  const act = () => {
    if (batch.length === 0 || budget-- <= 0) return
    counts.acts++
    random.pick(ACTIONS)(random.pick(batch))
  }

  const { port, server, wss } = await kit.serve((ws, req) => {
    ws.socketOfRequest = req.socket
    ws.closes = 0
    ws.setMaxListeners(0) // chance may add many of one event
    batch.push(ws)
    for (const event of ['message', 'ping', 'pong', 'error']) {
      ws.on(event, () => {
        counts.events++
        if (ws.closes > 0) violations.push(`${event} after close`)
        if (ws.terminated && event !== 'error') violations.push(`${event} after terminate()`)
        act()
      })
    }
    ws.on('close', () => {
      counts.closes++
      if (++ws.closes > 1) violations.push('close twice')
      act()
      act()
    })
    act()
  })

  const script = () => {
    const frames = Array.from({ length: 1 + random.below(20) }, () => random.pick([
      frame(OPCODE.text, 'x'), frame(OPCODE.binary, Buffer.alloc(200)), frame(OPCODE.ping, 'p'), frame(OPCODE.pong), frame(OPCODE.text, '')
    ]))
    frames.push(random.pick([closeFrame(1000), closeFrame(), frame(3), Buffer.alloc(0)]))
    return Buffer.concat(frames)
  }
  for (let i = 0; i < batches; i++) {
    batch = []
    budget = 40 * connections
    await Promise.all(Array.from({ length: connections }, async () => {
      const client = await kit.RawClient.connect({ port })
      client.socket.write(Buffer.concat([Buffer.from(kit.upgradeRequest()), script()]))
      client.socket.end()
      await client.readRest()
      client.socket.destroy()
    }))
    await kit.until(() => batch.length === connections && batch.every((ws) => ws.closes === 1))
  }
  server.close()
  kit.report({ ...counts, clients: wss.clients.size, violations: [...new Set(violations)] })
}

test.each([1, 2])(`${BATCHES * CONNECTIONS / 2} random scripts close each connection once and end nothing else, seed %d`, async (seed) => {
  const child = runProgram(play, { args: [seed, BATCHES / 2, CONNECTIONS] })
  const { acts, closes, events, clients, violations } = await child.report()
  expect({ closes, clients }).toEqual({ closes: BATCHES / 2 * CONNECTIONS, clients: 0 })
  expect(acts).toBeGreaterThan(10000)
  expect(events).toBeGreaterThan(1000)
  // What is in the chunk that `ws` is reading is delivered after terminate(), too.
  expect(violations.filter((what) => implementationName !== 'ws' || !what.endsWith('terminate()'))).toEqual([])
  await child.expectExit({ code: 0, signal: null })
}, 60000)
