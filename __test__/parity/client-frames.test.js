'use strict'

// The client's frames: masked, with whose keys, and what it does not take from a server.

const { once } = require('events')

const { describeError, openClient } = require('../support/client-log')
const { MASK, OPCODE, closeFrame, frame } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { serveRaw } = require('../support/raw-server')

/** @returns {Buffer} a frame of a server */
const fromServer = (opcode, payload, how) => frame(opcode, payload, { mask: null, ...how })

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {object} [options] of the client
   * @param {object} [headers] of the response
   * @returns {Promise<object>} the open client, its log, and the server's end
   */
  async function connect(options, headers) {
    const raw = await serveRaw()
    const opened = openClient(of, raw.url, { perMessageDeflate: false, ...options })
    const { peer } = await raw.upgrade(headers)
    return { ...await opened, peer }
  }

  test.each([0, 1, 125, 126, 65535, 65536, 1 << 20])('a message of %d bytes arrives, masked', async (length) => {
    const { client, peer } = await connect()
    const data = Buffer.alloc(length, 'abcdefg')
    client.send(data)
    client.send(data.toString())
    for (const opcode of [OPCODE.binary, OPCODE.text]) {
      const { payload, ...header } = await peer.readFrame()
      expect(header).toMatchObject({ fin: true, rsv: 0, opcode, masked: true })
      expect(payload.equals(data)).toBe(true)
    }
    expect(data.equals(Buffer.alloc(length, 'abcdefg'))).toBe(true)
  })

  test('every frame has a masking key of its own', async () => {
    const { client, peer } = await connect()
    for (let i = 0; i < 100; i++) client.send('')
    const wire = await peer.read((bytes) => (bytes.length < 600 ? null : { size: 600, value: bytes.subarray(0, 600) }))
    const keys = new Set()
    for (let at = 0; at < 600; at += 6) {
      expect([...wire.subarray(at, at + 2)]).toEqual([0x81, 0x80])
      keys.add(wire.readUInt32BE(at + 2))
    }
    expect(keys.size).toBeGreaterThan(98)
  })

  test('fragments, pings, pongs and the close frame are masked, too', async () => {
    const { client, peer } = await connect()
    client.send('a', { fin: false })
    client.send('b')
    client.ping('ping')
    client.pong('pong')
    client.close(1000, 'bye')
    const frames = []
    for (let i = 0; i < 5; i++) frames.push(await peer.readFrame())
    expect(frames.map(({ fin, opcode, masked, payload }) => [fin, opcode, masked, payload.toString('latin1')])).toEqual([
      [false, OPCODE.text, true, 'a'], [true, OPCODE.continuation, true, 'b'], [true, OPCODE.ping, true, 'ping'],
      [true, OPCODE.pong, true, 'pong'], [true, OPCODE.close, true, '\x03\xe8bye']
    ])
  })

  test.each([
    ['a masked frame', fromServer(OPCODE.text, 'x', { mask: MASK }), 1002, 'RangeError: Invalid WebSocket frame: MASK must be clear (WS_ERR_UNEXPECTED_MASK)'],
    ['a masked ping', fromServer(OPCODE.ping, '', { mask: MASK }), 1002, 'RangeError: Invalid WebSocket frame: MASK must be clear (WS_ERR_UNEXPECTED_MASK)'],
    ['RSV1 without compression', fromServer(OPCODE.text, 'x', { rsv: 4 }), 1002, 'RangeError: Invalid WebSocket frame: RSV1 must be clear (WS_ERR_UNEXPECTED_RSV_1)'],
    ['an unknown opcode', fromServer(5, ''), 1002, 'RangeError: Invalid WebSocket frame: invalid opcode 5 (WS_ERR_INVALID_OPCODE)'],
    ['bad UTF-8', fromServer(OPCODE.text, Buffer.from([0x80])), 1007, 'Error: Invalid WebSocket frame: invalid UTF-8 sequence (WS_ERR_INVALID_UTF8)'],
    ['a bad close code', closeFrame(1006, '', { mask: null }), 1002, 'RangeError: Invalid WebSocket frame: invalid status code 1006 (WS_ERR_INVALID_CLOSE_CODE)']
  ])('%s from a server fails the connection', async (title, bytes, code, message) => {
    const { client, log, peer } = await connect()
    const failed = new Promise((resolve) => client.on('error', resolve))
    await peer.write(bytes)
    expect(describeError(await failed)).toBe(message)
    expect(await peer.readFrame()).toMatchObject({ opcode: OPCODE.close, masked: true, payload: Buffer.from([code >> 8, code & 255]) })
    await peer.readRest()
    peer.socket.end()
    await once(client, 'close')
    expect(log.slice(2)).toEqual([`2 error ${message}`, '3 close 1006'])
  })

  test('the server closes', async () => {
    const { client, log, peer } = await connect()
    await peer.write(closeFrame(4001, 'reason', { mask: null }))
    expect(await peer.readFrame()).toMatchObject({ opcode: OPCODE.close, masked: true, payload: closeFrame(4001, 'reason', { mask: null }).subarray(2) })
    expect(await peer.readRest()).toHaveLength(0)
    peer.socket.end()
    await once(client, 'close')
    expect(log.slice(2)).toEqual(['3 close 4001 reason'])
  })

  test('the server resets the connection', async () => {
    const { client, log, peer } = await connect()
    peer.socket.resetAndDestroy()
    await once(client, 'close')
    expect(log.slice(2)).toEqual(['3 close 1006'])
  })

  test('messages are compressed where that was agreed on, both ways', async () => {
    const { client, log, peer } = await connect({ perMessageDeflate: { threshold: 0 } }, {
      'Sec-WebSocket-Extensions': 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
    })
    const heard = once(client, 'message')
    // RFC 7692, 7.2.3.1: "Hello" in one block.
    await peer.write(fromServer(OPCODE.text, Buffer.from([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), { rsv: 4 }))
    await heard
    expect(log.slice(2)).toEqual(['1 message text Hello'])
    client.send('a'.repeat(1000))
    client.send('plain', { compress: false })
    const sent = await peer.readFrame()
    expect(sent).toMatchObject({ rsv: 4, masked: true, opcode: OPCODE.text })
    expect(sent.payload.length).toBeLessThan(50)
    expect(await peer.readFrame()).toMatchObject({ rsv: 0, payload: Buffer.from('plain') })
  })

  describe('generateMask', () => {
    /**
     * Reads frames with their masking keys.
     *
     * @param {object} peer
     * @param {number} count
     * @returns {Promise<Array>} `[opcode, key, payload]` of each, of fewer than 126 bytes
     */
    async function framesOf(peer, count) {
      const frames = []
      while (frames.length < count) {
        frames.push(await peer.read((bytes) => {
          const size = bytes.length < 2 ? Infinity : 6 + (bytes[1] & 127)
          if (bytes.length < size) return null
          const payload = bytes.subarray(6, size).map((byte, at) => byte ^ bytes[2 + (at & 3)])
          return { size, value: [bytes[0] & 15, bytes.toString('hex', 2, 6), payload.toString('latin1')] }
        }))
      }
      return frames
    }

    test('chooses the key of every frame, in a Buffer that it finds again', async () => {
      const generateMask = (buffer) => {
        expect([Buffer.isBuffer(buffer), buffer.length]).toEqual([true, 4])
        buffer.writeUInt32BE(buffer.readUInt32BE() + 1)
      }
      const { client, peer } = await connect({ generateMask })
      client.send('text')
      client.send(Buffer.from('bytes'))
      client.ping('p')
      client.pong()
      client.close(1000)
      expect(await framesOf(peer, 5)).toEqual([
        [OPCODE.text, '00000001', 'text'], [OPCODE.binary, '00000002', 'bytes'], [OPCODE.ping, '00000003', 'p'],
        [OPCODE.pong, '00000004', ''], [OPCODE.close, '00000005', '\x03\xe8']
      ])
    })

    test('is asked for automatic pongs, too', async () => {
      const { client, log, peer } = await connect({ generateMask: (buffer) => buffer.fill(7) })
      const pinged = once(client, 'ping')
      await peer.write(fromServer(OPCODE.ping, 'p'))
      await pinged
      expect(await framesOf(peer, 1)).toEqual([[OPCODE.pong, '07070707', 'p']])
      expect(log.slice(2)).toEqual(['1 ping p'])
    })

    test('may leave the payload as it is', async () => {
      const { client, peer } = await connect({ generateMask: () => {} })
      const data = Buffer.alloc(100_000, 'abc')
      client.send(data)
      client.send('é'.repeat(10))
      const wire = await peer.read((bytes) => (bytes.length < 100_040 ? null : { size: 100_040, value: bytes }))
      expect(wire.subarray(0, 14).toString('hex')).toBe('82ff00000000000186a000000000')
      expect(wire.subarray(14, 100_014).equals(data)).toBe(true)
      expect(wire.subarray(100_014).toString('hex')).toBe(`819400000000${'c3a9'.repeat(10)}`)
    })

    test('what it throws is thrown by send(), and nothing is sent', async () => {
      let works = false
      const { client, peer } = await connect({ generateMask: (buffer) => {
        if (!works) throw new Error('no key')
        buffer.fill(1)
      } })
      for (const method of ['send', 'ping', 'pong']) expect(() => client[method]('x')).toThrow('no key')
      expect(() => client.close()).toThrow('no key')
      expect([client.readyState, client.bufferedAmount]).toEqual([1, 0])
      works = true
      client.send('now')
      expect(await framesOf(peer, 1)).toEqual([[OPCODE.text, '01010101', 'now']])
    })
  })
})
