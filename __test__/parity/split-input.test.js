'use strict'

// Where the network cuts the bytes of a client must change nothing.

const { once } = require('events')

const { closeFrame, frame, OPCODE } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { Random } = require('../support/random')
const { RawClient, upgradeRequest } = require('../support/raw-client')
const { serve } = require('../support/servers')
const { recordEvents, until } = require('../support/waiting')

const { binary, continuation, ping, pong, text } = OPCODE

/** A bit of everything that may come, ended by a close frame. */
const STREAM = Buffer.concat([
  frame(text, 'plain'),
  frame(text, ''),
  frame(binary, Buffer.alloc(126, 1)),
  frame(ping, 'between'),
  frame(text, 'fräg', { fin: false }),
  frame(pong, ''),
  frame(continuation, Buffer.from('🎉').subarray(0, 1), { fin: false }),
  frame(ping, ''),
  frame(continuation, Buffer.from('🎉').subarray(1)),
  frame(binary, '', { fin: false }),
  frame(continuation, ''),
  frame(text, 'long form', { form: 64 }),
  closeFrame(1000, 'end')
])

const EVENTS = [
  ['message', 'plain', false],
  ['message', '', false],
  ['message', '\u0001'.repeat(126), true],
  ['ping', 'between'],
  ['pong', ''],
  ['ping', ''],
  ['message', 'fräg🎉', false],
  ['message', '', true],
  ['message', 'long form', false],
  ['close', '1000', 'end']
]

describe.each(implementations)('%s', (name, of) => {
  /**
   * Sends pieces one by one, each in a segment of its own if the kernel allows, and logs the events.
   *
   * @param {Buffer[]} pieces
   * @param {boolean} [withRequest] whether the upgrade request is part of them
   * @returns {Promise<Array[]>} the events of the server's WebSocket
   */
  async function eventsOf(pieces, withRequest = false) {
    let log
    const { port } = await serve((webSocket) => { log = recordEvents(webSocket, ['message', 'ping', 'pong', 'error', 'close']) }, { of })
    const client = withRequest ? await RawClient.connect({ port }) : await RawClient.upgrade({ port })
    for (const piece of pieces) await client.write(piece)
    client.socket.end()
    await until(() => log && log.some(([event]) => event === 'close'))
    return log.map(([event, ...args]) => [event, ...args.map((arg) => (typeof arg === 'boolean' ? arg : `${arg}`))])
  }

  test('in one piece', async () => {
    expect(await eventsOf([STREAM])).toEqual(EVENTS)
  })

  test('byte by byte', async () => {
    expect(await eventsOf([...STREAM].map((byte) => Buffer.from([byte])))).toEqual(EVENTS)
  })

  test('byte by byte, the upgrade request too', async () => {
    const bytes = Buffer.concat([Buffer.from(upgradeRequest()), STREAM])
    expect(await eventsOf([...bytes].map((byte) => Buffer.from([byte])), true)).toEqual(EVENTS)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('in random pieces, seed %d', async (seed) => {
    expect(await eventsOf(new Random(seed).cut(STREAM, 3 * seed))).toEqual(EVENTS)
  })

  test.each([1, 2, 3, 4])('a hundred frames of random kinds and sizes in random pieces, seed %d', async (seed) => {
    const random = new Random(seed * 77)
    const frames = []
    const expected = []
    for (let i = 0; i < 100; i++) {
      const data = random.bytes(random.pick([0, 1, 125, 126, 127, 1000, 65535, 65536]))
      const mask = random.bytes(4)
      if (random.below(3) === 0) {
        const cut = random.below(data.length + 1)
        frames.push(frame(binary, data.subarray(0, cut), { fin: false, mask }), frame(ping, `${i}`), frame(continuation, data.subarray(cut), { mask }))
        expected.push(`ping ${i}`)
      } else {
        frames.push(frame(binary, data, { mask }))
      }
      expected.push(`message ${data.toString('base64')}`)
    }
    const { port, wss } = await serve(null, { of })
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port })
    const [webSocket] = await connection
    const log = recordEvents(webSocket, ['message', 'ping'])
    for (const piece of random.cut(Buffer.concat(frames), 5000)) await client.write(piece)
    await until(() => log.length === expected.length)
    const same = log.every(([event, data], i) => expected[i] === `${event} ${data.toString(event === 'ping' ? 'utf8' : 'base64')}`)
    expect(same).toBe(true)
  })

  test('a client with the masking key 0, and one whose key changes with each frame', async () => {
    const keys = [Buffer.alloc(4), Buffer.from([255, 255, 255, 255]), Buffer.from([0, 0, 0, 1])]
    const pieces = keys.map((mask) => frame(text, 'masked as it likes', { mask }))
    const log = await eventsOf([...pieces, closeFrame(1000)])
    expect(log.slice(0, 3)).toEqual(keys.map(() => ['message', 'masked as it likes', false]))
  })
})
