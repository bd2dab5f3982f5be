'use strict'

// Everything at once, and then the end: what had arrived is delivered first. And pings without measure.

const { runProgram } = require('../support/child')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { implementationName, testBeyondWs } = require('../support/implementation')
const { Random } = require('../support/random')
const { RawClient, upgradeRequest } = require('../support/raw-client')
const { connect, connectPair, serve } = require('../support/servers')
const { Inbox, messagesOf, until } = require('../support/waiting')

const MEBIBYTE = 1024 * 1024
const COUNT = 20000
const { binary, ping } = OPCODE
const isStream = process.env.OFFLOOP_DRIVER === 'stream' && implementationName === 'offloop'
const MESSAGES = Buffer.concat(Array.from({ length: COUNT }, (_, i) => frame(binary, Buffer.from([i % 251]))))

const ENDS = [
  ['a close frame with a code', closeFrame(4001, 'enough'), false, { code: 4001, reason: 'enough' }],
  ['a close frame without a code', closeFrame(), false, { code: 1005, reason: '' }],
  ['a close frame and a FIN', closeFrame(1000), true, { code: 1000, reason: '' }],
  ['a FIN', Buffer.alloc(0), true, { code: 1006, reason: '' }]
]

/**
 * Starts a server that keeps an account of the one connection it gets.
 *
 * @param {Function} [onMessage] called with each message's number, once it is counted
 * @returns {Promise<{port: number, wss: object, account: object}>} `account` has `received`, the
 *   numbers of messages `outOfOrder` or `late` (behind 'close'), `errors`, and `end` once closed
 */
async function startAccountant(onMessage = () => {}) {
  const account = { received: 0, outOfOrder: 0, late: 0, errors: [], end: null }
  const { port, wss } = await serve((webSocket) => {
    webSocket.on('message', (data) => {
      if (data.length !== 1 || data[0] !== account.received % 251) account.outOfOrder++
      if (account.end) account.late++
      onMessage(account.received++)
    })
    webSocket.on('error', (error) => account.errors.push(error.message))
    webSocket.on('close', (code, reason) => { account.end = { code, reason: reason.toString() } })
  })
  return { port, wss, account }
}

/**
 * Sends the burst, and answers the server's FIN with one.
 *
 * @param {RawClient} client
 * @param {Buffer[]} pieces
 * @param {boolean} fin whether to send a FIN at once
 */
function burst(client, pieces, fin) {
  for (const piece of pieces) client.socket.write(piece)
  if (fin) client.socket.end()
  else client.socket.on('end', () => client.socket.end())
}

/**
 * Waits for 'close', and a turn of the event loop more, in which nothing may follow.
 *
 * @param {object} account
 * @param {object} end what 'close' has to tell
 * @returns {Promise<void>}
 */
async function expectAll(account, end) {
  await until(() => account.end)
  await new Promise((resolve) => setImmediate(resolve))
  expect(account).toEqual({ received: COUNT, outOfOrder: 0, late: 0, errors: [], end })
}

/**
 * Counts the turns of the event loop until it is told to stop.
 *
 * @returns {{turns: number, stop: Function}}
 */
function countTurns() {
  const counter = { turns: 0 }
  let next
  const turn = () => {
    counter.turns++
    next = setImmediate(turn)
  }
  next = setImmediate(turn)
  counter.stop = () => clearImmediate(next)
  return counter
}

/**
 * Keeps the thread busy, as a slow handler does.
 *
 * @param {number} milliseconds
 */
function work(milliseconds) {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

describe.each(ENDS)('20,000 messages in one burst and %s behind them', (title, last, fin, end) => {
  test('are all delivered in order before close', async () => {
    const { port, account } = await startAccountant()
    const client = await RawClient.upgrade({ port })
    burst(client, [Buffer.concat([MESSAGES, last])], fin)
    await expectAll(account, end)
  })

  test('are so too when they come right behind the upgrade request', async () => {
    const { port, account } = await startAccountant()
    const client = await RawClient.connect({ port })
    burst(client, [Buffer.concat([Buffer.from(upgradeRequest()), MESSAGES, last])], fin)
    await expectAll(account, end)
  })

  test('are so too in pieces of random lengths', async () => {
    const { port, account } = await startAccountant()
    const client = await RawClient.upgrade({ port })
    burst(client, new Random(last.length + 1).cut(Buffer.concat([MESSAGES, last]), 9000), fin)
    await expectAll(account, end)
  })

  test('are so too by a handler that is slow, between whose turns others have theirs', async () => {
    let counter = null
    const turnsAt = new Set()
    const { port, account } = await startAccountant((number) => {
      counter ??= countTurns()
      turnsAt.add(counter.turns)
      if (number % 500 === 0) work(10)
      if (number === COUNT - 1) counter.stop()
    })
    const client = await RawClient.upgrade({ port })
    burst(client, [Buffer.concat([MESSAGES, last])], fin)
    await expectAll(account, end)
    // `ws` reads again when it likes to; ours is bound to the limits of a slice.
    expect(turnsAt.size).toBeGreaterThan(implementationName === 'ws' ? 0 : 5)
  })
})

describe('pings', () => {
  // `ws` counts the pings it has seen, not the pongs that wait, and ends this client at the 61st.
  testBeyondWs('20,000 pings of a client that reads are answered by 20,000 pongs in order', async () => {
    const { client, webSocket } = await connectPair(await serve())
    let pings = 0
    webSocket.on('ping', () => { pings++ })
    const pongs = new Inbox(client, 'pong', (data) => data.toString())
    client._socket.cork()
    for (let i = 0; i < COUNT; i++) client.ping(`${i}`)
    client._socket.uncork()
    expect(await pongs.take(COUNT)).toEqual(Array.from({ length: COUNT }, (_, i) => `${i}`))
    // The pongs are sent where the pings are read; the events come when this thread has time.
    await until(() => pings === COUNT)
    expect(webSocket.readyState).toBe(webSocket.OPEN)
  })

  /**
   * Starts a server in a process of its own that tells how each connection ended. It ends after a
   * message 'stop', and then has nothing to say on stderr, unless an error was caught by nobody.
   *
   * @returns {Promise<{child: object, port: number}>}
   */
  async function startReporter() {
    const child = runProgram(async (kit) => {
      const { server, wss, port } = await kit.serve((webSocket) => {
        const errors = []
        webSocket.on('error', (error) => errors.push(error.message))
        webSocket.on('close', (code) => kit.report({ code, errors }))
        webSocket.on('message', (data) => {
          webSocket.send(data)
          if (data.toString() !== 'stop') return
          webSocket.close(1000)
          wss.close()
          server.close()
        })
      })
      kit.report(port)
    })
    return { child, port: await child.report() }
  }

  /**
   * Pings without ever reading, until the server has dropped the connection or, over a stream,
   * takes no more.
   *
   * @param {RawClient} client
   * @returns {Promise<number>} bytes that left this process
   */
  async function attack(client) {
    client.socket.pause()
    const pings = Buffer.concat(Array.from({ length: 500 }, () => frame(ping, 'p'.repeat(125))))
    const left = () => client.socket.bytesWritten - client.socket.writableLength
    let [same, last] = [0, -1]
    await until(() => {
      while (client.socket.writableLength < MEBIBYTE && !client.socket.destroyed) client.socket.write(pings)
      same = left() === last ? same + 1 : 0
      last = left()
      return client.closed || (isStream && same === 60)
    })
    return last
  }

  test('a client that pings and never reads is dropped, or not read any more; the server lives', async () => {
    const { child, port } = await startReporter()
    const attacker = await RawClient.upgrade({ port })
    const written = await attack(attacker)
    // Over a stream the pongs are given to Node's stream at once, which does not tell how many of
    // them the kernel has refused: maxPendingAutoPongs cannot work. The server stops reading.
    if (isStream) {
      expect(attacker.closed).toBe(false)
      expect(written).toBeLessThan(64 * MEBIBYTE)
      attacker.socket.destroy()
    }
    expect(await child.report()).toEqual({ code: 1006, errors: [] })
    const other = await connect(`ws://127.0.0.1:${port}`)
    const answers = messagesOf(other)
    const pongs = new Inbox(other, 'pong', (data) => data.toString())
    other.ping('alive?')
    expect(await pongs.next()).toBe('alive?')
    other.send('stop')
    expect((await answers.next()).data.toString()).toBe('stop')
    expect(await child.report()).toEqual({ code: 1000, errors: [] })
    await child.expectExit({ code: 0, signal: null })
  })
})
