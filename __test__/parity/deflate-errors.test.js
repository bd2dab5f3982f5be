'use strict'

// Compressed messages that cannot be inflated: what zlib says of them reaches the user.

const { once } = require('node:events')
const { isNativeError } = require('node:util').types
const zlib = require('node:zlib')

const { frame, OPCODE } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { serve } = require('../support/servers')
const { closeOf } = require('../support/waiting')

const OFFER = { headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } }
const RSV1 = 4

/** Says the same thing as before in a window that the receiver does not have. */
const BEYOND_WINDOW = zlib.deflateRawSync('hello hello', {
  dictionary: Buffer.from('hello hello hello'), finishFlush: zlib.constants.Z_SYNC_FLUSH
}).subarray(0, -4)

const MESSAGE = 'a message that is long enough to be worth its compression. '.repeat(20)
const WHOLE = zlib.deflateRawSync(MESSAGE, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4)

describe.each(implementations)('%s', (name, of) => {
  /** A server with compression and a bare client, and what becomes of a frame. */
  async function receive(bytes) {
    const { port, wss } = await serve(null, { of, options: { perMessageDeflate: true } })
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port }, OFFER)
    expect(client.head).toContain('permessage-deflate')
    const [webSocket] = await connection
    const events = []
    webSocket.on('message', (data) => events.push(data.toString()))
    webSocket.on('error', (error) => events.push(error))
    const closed = closeOf(webSocket)
    await client.write(frame(OPCODE.text, bytes, { rsv: RSV1 }))
    return { client, webSocket, events, closed }
  }

  test.each([
    ['a block of the reserved type', [7], 'invalid block type'],
    ['a stored block whose lengths disagree', [0, 1, 0, 0, 0], 'invalid stored block lengths'],
    ['more symbols than there are', [0xfd, 0xff, 0xff], 'too many length or distance symbols'],
    ['code lengths that make no code', [0x04, 0xe0, 0x93, 0x24, 0x49, 0x92, 0x24, 0x49, 0x92, 0x24], 'invalid code lengths set'],
    ['a reference to what was never sent', BEYOND_WINDOW, 'invalid distance too far back']
  ])('%s is an error of zlib, and 1007 for the peer', async (title, bytes, message) => {
    const { client, events, closed } = await receive(bytes)
    expect((await client.readFrame()).payload).toEqual(Buffer.from([0x03, 0xef]))
    client.socket.end()
    expect(await closed).toEqual({ code: 1006, reason: '' })
    expect(events).toHaveLength(1)
    const [error] = events
    expect(isNativeError(error)).toBe(true)
    expect([error.name, error.message, error.code, error.errno]).toEqual(['Error', message, 'Z_DATA_ERROR', -3])
    expect(Object.keys(error).sort()).toEqual(['code', 'errno'])
  })

  test('a whole message is none', async () => {
    const { client, webSocket, events } = await receive(WHOLE)
    client.socket.write(frame(OPCODE.pong))
    await once(webSocket, 'pong')
    expect(events).toEqual([MESSAGE])
  })

  // docs/differences.md: ws hands out what it could inflate.
  test('a message that stops inside a block is one for offloop, and shorter for ws', async () => {
    const { client, webSocket, events, closed } = await receive(WHOLE.subarray(0, -1))
    if (name === 'ws') {
      client.socket.write(frame(OPCODE.pong))
      await once(webSocket, 'pong')
      expect(events).toHaveLength(1)
      expect(events[0]).not.toBe(MESSAGE)
    } else {
      expect((await client.readFrame()).payload).toEqual(Buffer.from([0x03, 0xef]))
      client.socket.end()
      await closed
      const [{ code, errno, message }] = events
      expect([message, code, errno]).toEqual(['unexpected end of file', 'Z_BUF_ERROR', -5])
    }
  })
})
