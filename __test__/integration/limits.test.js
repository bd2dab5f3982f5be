'use strict'

// Deadlines and limits on what comes in, which the drivers enforce by themselves.

const { once } = require('events')

const { frame, OPCODE } = require('../support/frames')
const { implementation, testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { serve } = require('../support/servers')
const { closeOf, messagesOf } = require('../support/waiting')

/**
 * Connects a raw client.
 *
 * @param {object} options options of the server
 * @returns {Promise<{peer: RawClient, webSocket: object, inbox: object, closed: Promise}>}
 */
async function open(options) {
  const ends = {}
  const { port, wss } = await serve((webSocket) => {
    Object.assign(ends, { webSocket, inbox: messagesOf(webSocket), closed: closeOf(webSocket) })
  }, { options })
  const connection = once(wss, 'connection')
  const peer = await RawClient.upgrade({ port })
  await connection
  return { peer, ...ends }
}

/**
 * Expects the close frame for a limit, and the end.
 *
 * @param {{peer: RawClient, webSocket: object, closed: Promise}} both
 * @param {number} code the close code
 * @param {string} detail the option
 */
async function expectLimited({ peer, webSocket, closed }, code, detail) {
  const answer = await peer.readFrame()
  expect(answer.opcode).toBe(OPCODE.close)
  expect(answer.payload.readUInt16BE(0)).toBe(code)
  peer.socket.end()
  expect((await closed).code).toBe(1006)
  expect(webSocket.closeCause).toEqual({ type: 'limit', detail })
}

const TEXTS = Array.from({ length: 20 }, (_, index) => `${index}`)
const FRAMES = TEXTS.map((text) => frame(OPCODE.text, text))

describe('messageTimeout', () => {
  testBeyondWs('ends a connection whose message does not end', async () => {
    const both = await open({ messageTimeout: 30 })
    await both.peer.write(frame(OPCODE.text, 'begun', { fin: false }))
    await expectLimited(both, 1008, 'messageTimeout')
  })

  testBeyondWs('counts a frame that stops after its header', async () => {
    const both = await open({ messageTimeout: 30 })
    await both.peer.write(frame(OPCODE.text, 'begun').subarray(0, 3))
    await expectLimited(both, 1008, 'messageTimeout')
  })

  testBeyondWs('lets messages pass that are whole', async () => {
    const { peer, inbox, webSocket, closed } = await open({ messageTimeout: 30, idleTimeout: 90 })
    await peer.write(FRAMES[0])
    expect((await inbox.next()).data.toString()).toBe('0')
    peer.socket.on('end', () => peer.socket.end())
    await closed
    expect(webSocket.closeCause.detail).toBe('idleTimeout')
  })
})

describe('idleTimeout', () => {
  testBeyondWs('ends a connection without messages with 1001', async () => {
    await expectLimited(await open({ idleTimeout: 30 }), 1001, 'idleTimeout')
  })
})

describe('rateLimit', () => {
  testBeyondWs('delivers as many messages as are allowed, and closes with 1008', async () => {
    const both = await open({ rateLimit: { messages: 5, interval: 3_600_000 } })
    await both.peer.write(Buffer.concat(FRAMES))
    const texts = await both.inbox.take(5)
    await expectLimited(both, 1008, 'rateLimit.messages')
    expect(texts.map(({ data }) => data.toString())).toEqual(TEXTS.slice(0, 5))
    expect(both.inbox.items).toEqual([])
  })

  testBeyondWs('counts bytes too', async () => {
    const both = await open({ rateLimit: { bytes: 1000, interval: 3_600_000 } })
    await both.peer.write(frame(OPCODE.binary, Buffer.alloc(2000)))
    await expectLimited(both, 1008, 'rateLimit.bytes')
  })

  testBeyondWs('with the policy pause loses nothing', async () => {
    const { peer, inbox, webSocket } = await open({ rateLimit: { messages: 5, interval: 20, policy: 'pause' } })
    for (const bytes of FRAMES) await peer.write(bytes)
    const texts = (await inbox.take(FRAMES.length)).map(({ data }) => data.toString())
    expect(texts).toEqual(TEXTS)
    expect(webSocket.readyState).toBe(1)
  })
})

describe('options that are none', () => {
  testBeyondWs.each([
    [{ heartbeat: 5 }, 'heartbeat must be an object'],
    [{ heartbeat: { interval: 0 } }, 'heartbeat.interval must be from 1 to 2147483647 milliseconds, not 0'],
    [{ idleTimeout: -1 }, 'idleTimeout must be from 1 to 2147483647 milliseconds, not -1'],
    [{ messageTimeout: 'soon' }, 'messageTimeout must be from 1 to 2147483647 milliseconds, not soon'],
    [{ rateLimit: { messages: NaN } }, 'rateLimit.messages must be a number from 0 on, not NaN'],
    [{ rateLimit: { messages: 1, policy: 'ban' } }, "rateLimit.policy must be 'close' or 'pause', not ban"]
  ])('%j', (options, message) => {
    expect(() => new implementation.WebSocketServer({ noServer: true, ...options })).toThrow(message)
  })
})
