'use strict'

// Clients that vanish: resets at every stage of a connection's life, half-closed connections, and
// processes that are killed.

const { once } = require('events')

const { runProgram } = require('../support/child')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { RawClient, upgradeRequest } = require('../support/raw-client')
const { until } = require('../support/waiting')

const EACH = 20
const { binary, continuation, ping, text } = OPCODE
const REQUEST = Buffer.from(upgradeRequest())
const MESSAGE = frame(text, 'm'.repeat(100))
const LARGE = frame(binary, Buffer.alloc(200000))

/** What a client has sent when it vanishes; and what it asks of the server's end, if anything. */
const STAGES = [
  ['before the request', Buffer.alloc(0)],
  ['in the request', REQUEST.subarray(0, 60)],
  ['with its request', REQUEST],
  ['with a message behind its request', Buffer.concat([REQUEST, MESSAGE])],
  ['in the header of a frame', Buffer.concat([REQUEST, LARGE.subarray(0, 5)])],
  ['in the payload of a frame', Buffer.concat([REQUEST, LARGE.subarray(0, 70000)])],
  ['between two fragments', Buffer.concat([REQUEST, frame(text, 'a', { fin: false }), frame(continuation, 'b', { fin: false })])],
  ['with pings to be answered', Buffer.concat([REQUEST, ...Array(500).fill(frame(ping, 'p'))])],
  ['with echoes under way', Buffer.concat([REQUEST, ...Array(8).fill(LARGE)])],
  ['with its close frame', Buffer.concat([REQUEST, MESSAGE, closeFrame(1000)])],
  ['while the server closes', Buffer.concat([REQUEST, frame(text, 'close')])],
  ['while the server terminates', Buffer.concat([REQUEST, frame(text, 'terminate')])],
  ['while it is paused', Buffer.concat([REQUEST, frame(text, 'pause'), MESSAGE])],
  ['after a fault of its own', Buffer.concat([REQUEST, frame(3)])]
]

/**
 * Starts an echo server that does as it is told, and keeps an account of its connections, which it
 * gives over HTTP.
 *
 * @returns {object} the child; reports its port
 */
function startObedient() {
  return runProgram(async (kit) => {
    const account = { opened: 0, closed: 0, twice: 0, late: 0 }
    const { server, wss, port } = await kit.serve((webSocket) => {
      let isClosed = false
      account.opened++
      webSocket.on('error', () => {})
      webSocket.on('message', (data, isBinary) => {
        if (isClosed) account.late++
        const order = isBinary ? '' : data.toString()
        if (order === 'close' || order === 'terminate' || order === 'pause') webSocket[order]()
        else webSocket.send(data)
        // A paused connection does not see its end: somebody else has to.
        if (order === 'pause') setTimeout(() => webSocket.resume(), 5)
      })
      webSocket.on('close', () => {
        if (isClosed) account.twice++
        isClosed = true
        account.closed++
      })
    })
    server.on('request', (req, res) => {
      res.end(JSON.stringify({ ...account, clients: wss.clients.size, descriptors: kit.countDescriptors() }))
    })
    kit.report(port)
  })
}

/**
 * @param {number} port of an obedient server
 * @returns {Promise<object>} its account
 */
async function accountOf(port) {
  return (await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })).json()
}

/**
 * Waits until all connections have ended, and checks that nothing is left of them, and that the
 * server goes on.
 *
 * @param {number} port of an obedient server
 * @param {object} before its account before
 * @returns {Promise<void>}
 */
async function expectNothingLeft(port, before) {
  await until(async () => {
    const { clients, descriptors, opened, closed } = await accountOf(port)
    return clients === 0 && opened === closed && descriptors <= before.descriptors
  })
  expect(await accountOf(port)).toMatchObject({ twice: 0, late: 0 })
  const well = await RawClient.upgrade({ port })
  await well.write(frame(text, 'alive?'))
  expect((await well.readFrame()).payload.toString()).toBe('alive?')
  well.socket.destroy()
  await until(async () => (await accountOf(port)).clients === 0)
}

/**
 * @returns {Promise<{port: number, before: object}>} an obedient server that has served a client
 */
async function start() {
  const port = await startObedient().report()
  const first = await RawClient.upgrade({ port })
  first.socket.destroy()
  await until(async () => (await accountOf(port)).clients === 0)
  return { port, before: await accountOf(port) }
}

test.each(STAGES)(`${EACH} clients that reset %s leave nothing behind`, async (title, bytes) => {
  const { port, before } = await start()
  await Promise.all(Array.from({ length: EACH }, async (_, i) => {
    const client = await RawClient.connect({ port })
    client.socket.pause()
    await client.write(bytes)
    // Some at once, some when the server has had a turn.
    if (i % 2) await accountOf(port)
    client.socket.resetAndDestroy()
    await until(() => client.closed)
  }))
  await expectNothingLeft(port, before)
})

test.each(STAGES.slice(2))(`${EACH} clients that end their side %s and read the rest leave nothing behind`, async (title, bytes) => {
  const { port, before } = await start()
  await Promise.all(Array.from({ length: EACH }, async () => {
    const client = await RawClient.connect({ port })
    client.socket.end(bytes)
    await client.readRest()
    client.socket.destroy()
  }))
  await expectNothingLeft(port, before)
})

test('a process with 100 busy clients that is killed leaves nothing behind', async () => {
  const { port, before } = await start()
  for (let run = 0; run < 2; run++) {
    const victim = runProgram((kit, target) => {
      const { bursts } = kit.startBusyClients(target, 100)
      kit.until(() => bursts() > 500).then(() => kit.report('busy'))
    }, { args: [port] })
    expect(await victim.report()).toBe('busy')
    victim.process.kill('SIGKILL')
    await victim.exit
    await expectNothingLeft(port, before)
  }
})

test('a client that is stopped in the middle of its life and killed there leaves nothing behind', async () => {
  const { port, before } = await start()
  const victim = runProgram(async (kit, target) => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => kit.RawClient.upgrade({ port: target })))
    for (const client of clients) client.socket.write(kit.frame(kit.OPCODE.binary, Buffer.alloc(100000)).subarray(0, 50000))
    kit.report('in the middle')
  }, { args: [port] })
  expect(await victim.report()).toBe('in the middle')
  victim.process.kill('SIGSTOP')
  const well = await RawClient.upgrade({ port })
  await well.write(frame(text, 'meanwhile'))
  expect((await well.readFrame()).payload.toString()).toBe('meanwhile')
  well.socket.destroy()
  victim.process.kill('SIGKILL')
  await once(victim.process, 'exit')
  await expectNothingLeft(port, before)
})
