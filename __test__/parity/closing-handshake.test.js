'use strict'

// The closing handshake as bytes on the wire and as events.

const { once } = require('events')

const { closeFrame, frame, OPCODE, parseFrames } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { serve } = require('../support/servers')
const { closeOf, recordEvents, until } = require('../support/waiting')

const UNMASKED = { mask: null }

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {object} [options] of the server
   * @returns {Promise<{client: RawClient, webSocket: object}>}
   */
  async function open(options) {
    const { port, wss } = await serve(null, { of, options })
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port })
    const [webSocket] = await connection
    return { client, webSocket }
  }

  test.each([
    [1000, ''], [1001, 'away'], [1003, ''], [1007, ''], [1009, 'ä'], [1011, ''], [1012, ''], [1013, ''], [1014, ''],
    [3000, ''], [3999, 'x'.repeat(123)], [4000, ''], [4999, '✓']
  ])('a close frame with %d "%s" is answered by the same one, then the stream ends', async (code, reason) => {
    const { client, webSocket } = await open()
    const closed = closeOf(webSocket)
    await client.write(closeFrame(code, reason))
    expect((await client.readRest()).toString('hex')).toBe(closeFrame(code, reason, UNMASKED).toString('hex'))
    client.socket.end()
    expect(await closed).toEqual({ code, reason })
  })

  test('an empty close frame is answered by an empty one and is 1005', async () => {
    const { client, webSocket } = await open()
    const closed = closeOf(webSocket)
    await client.write(closeFrame())
    expect((await client.readRest()).toString('hex')).toBe('8800')
    client.socket.end()
    expect(await closed).toEqual({ code: 1005, reason: '' })
  })

  test.each([
    ['nothing', [], '8800'],
    ['a code', [1000], '880203e8'],
    ['a code and a string', [1001, 'é'], '880403e9c3a9'],
    ['a code and a Buffer', [4000, Buffer.from([0x61])], '88030fa061'],
    ['a code and a Uint8Array in the middle of its memory', [4000, new Uint8Array(Buffer.from('abcd')).subarray(1, 3)], '88040fa06263'],
    ['a code and an empty reason', [4000, ''], '88020fa0']
  ])('close() with %s sends one close frame and waits for the answer', async (title, args, hex) => {
    const { client, webSocket } = await open()
    webSocket.close(...args)
    expect(webSocket.readyState).toBe(of.WebSocket.CLOSING)
    webSocket.close(4999, 'a second close changes nothing')
    const sent = await client.readFrame()
    expect(sent.opcode).toBe(OPCODE.close)
    expect(sent.payload.toString('hex')).toBe(hex.slice(4))
    expect(client.ended).toBe(false)
    const closed = closeOf(webSocket)
    await client.write(closeFrame(1000, 'answer'))
    expect(await client.readRest()).toHaveLength(0)
    client.socket.end()
    expect(await closed).toEqual({ code: 1000, reason: 'answer' })
    expect(webSocket.readyState).toBe(of.WebSocket.CLOSED)
  })

  test('messages that come after close() was called are delivered until the peer\'s close frame', async () => {
    const { client, webSocket } = await open()
    const log = recordEvents(webSocket, ['message', 'ping', 'close'])
    webSocket.close(1000)
    await client.readFrame()
    await client.write(Buffer.concat([
      frame(OPCODE.text, 'late'), frame(OPCODE.ping, 'late ping'), closeFrame(1000), frame(OPCODE.text, 'too late')
    ]))
    expect(await client.readRest()).toHaveLength(0)
    client.socket.end()
    await until(() => log.some(([event]) => event === 'close'))
    expect(log.map(([event, first]) => `${event} ${first}`)).toEqual(['message late', 'ping late ping', 'close 1000'])
  })

  test('all answers to messages before a close frame go out before its answer', async () => {
    const { client, webSocket } = await open()
    webSocket.on('message', (data) => webSocket.send(data.toString()))
    const messages = Array.from({ length: 500 }, (_, i) => frame(OPCODE.text, `${i}`))
    await client.write(Buffer.concat([...messages, closeFrame(1000)]))
    const frames = parseFrames(await client.readRest())
    expect(frames.slice(0, -1).map(({ payload }) => payload.toString())).toEqual(Array.from({ length: 500 }, (_, i) => `${i}`))
    expect(frames.at(-1).opcode).toBe(OPCODE.close)
  })

  test('nothing behind a close frame is read, not even what breaks the protocol', async () => {
    const { client, webSocket } = await open()
    const log = recordEvents(webSocket, ['message', 'ping', 'error', 'close'])
    await client.write(Buffer.concat([
      closeFrame(1000), frame(OPCODE.text, 'x'), frame(OPCODE.ping), closeFrame(1001), frame(3, '', UNMASKED), Buffer.alloc(5000, 0xff)
    ]))
    expect((await client.readRest()).toString('hex')).toBe('880203e8')
    client.socket.end()
    await until(() => log.length > 0)
    expect(log).toEqual([['close', 1000, Buffer.alloc(0)]])
  })

  test.each([
    ['a FIN without a close frame', (client) => client.socket.end()],
    ['a FIN in the middle of a frame', (client) => client.socket.end(frame(OPCODE.text, 'half').subarray(0, 8))],
    ['a FIN in the middle of a message', (client) => client.socket.end(frame(OPCODE.text, 'half', { fin: false }))],
    ['a reset', (client) => client.socket.resetAndDestroy()]
  ])('%s is 1006 without an error', async (title, end) => {
    const { client, webSocket } = await open()
    const log = recordEvents(webSocket, ['message', 'error', 'close'])
    end(client)
    await until(() => log.length > 0)
    expect(log).toEqual([['close', 1006, Buffer.alloc(0)]])
    await until(() => client.closed)
  })

  test('messages before a FIN are delivered before the close', async () => {
    const { client, webSocket } = await open()
    const log = recordEvents(webSocket, ['message', 'close'])
    client.socket.end(Buffer.concat(Array.from({ length: 200 }, (_, i) => frame(OPCODE.text, `${i}`))))
    await until(() => log.some(([event]) => event === 'close'))
    expect(log.map(([, first]) => `${first}`)).toEqual([...Array.from({ length: 200 }, (_, i) => `${i}`), '1006'])
  })

  test('a peer that never answers close() is dropped after closeTimeout', async () => {
    const { client, webSocket } = await open({ closeTimeout: 50 })
    const closed = closeOf(webSocket)
    webSocket.close(1000)
    expect(await closed).toEqual({ code: 1006, reason: '' })
    await client.readRest()
    expect(client.ended || client.closed).toBe(true)
  })

  test('a peer that answers close() but never ends its stream is dropped after closeTimeout', async () => {
    const { client, webSocket } = await open({ closeTimeout: 50 })
    const closed = closeOf(webSocket)
    webSocket.close(1000)
    await client.readFrame()
    await client.write(closeFrame(1000, 'but I stay'))
    expect(await closed).toEqual({ code: 1000, reason: 'but I stay' })
  })

  test('a peer that closes but never ends its stream is dropped after closeTimeout', async () => {
    const { client, webSocket } = await open({ closeTimeout: 50 })
    const closed = closeOf(webSocket)
    await client.write(closeFrame(4000))
    expect(await closed).toEqual({ code: 4000, reason: '' })
  })

  test('what is sent right before terminate() reaches the peer', async () => {
    const { client, webSocket } = await open()
    webSocket.on('message', () => {
      webSocket.send('bye')
      webSocket.terminate()
    })
    await client.write(frame(OPCODE.text, 'go'))
    expect((await client.readFrame()).payload.toString()).toBe('bye')
  })

  test('close and terminate in close listeners do nothing, and close comes once', async () => {
    const { client, webSocket } = await open()
    const log = recordEvents(webSocket, ['close', 'error'])
    webSocket.on('close', () => {
      webSocket.close(1000)
      webSocket.terminate()
    })
    client.socket.end(closeFrame(1000))
    await until(() => log.length > 0)
    const other = await open()
    const gone = closeOf(other.webSocket)
    other.webSocket.terminate()
    await gone
    expect(log).toHaveLength(1)
    expect(webSocket.readyState).toBe(of.WebSocket.CLOSED)
  })
})
