'use strict'

// The exported class PerMessageDeflate: what it negotiates, and what it does to bytes; and Sender
// with it.

const { implementations } = require('../support/implementation')
const { parseFrames } = require('../support/frames')

/** An answer of `compress()` or `decompress()`. */
function result(run) {
  return new Promise((resolve, reject) => run((error, data) => (error ? reject(error) : resolve(data))))
}

describe.each(implementations)('PerMessageDeflate of %s negotiates:', (name, { PerMessageDeflate, extension }) => {
  test('it has its name, and no parameters yet', () => {
    expect(PerMessageDeflate.extensionName).toBe('permessage-deflate')
    expect(new PerMessageDeflate().params).toBe(null)
  })

  test.each([
    [undefined, { client_max_window_bits: true }],
    [{ clientMaxWindowBits: false }, {}],
    [{ clientMaxWindowBits: null }, { client_max_window_bits: true }],
    [{ serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 10, clientMaxWindowBits: 11 },
      { server_no_context_takeover: true, client_no_context_takeover: true, server_max_window_bits: 10, client_max_window_bits: 11 }],
    [{ serverMaxWindowBits: true, clientMaxWindowBits: true }, { server_max_window_bits: true, client_max_window_bits: true }]
  ])('a client with %j offers %j', (options, offer) => {
    expect(new PerMessageDeflate(options).offer()).toEqual(offer)
  })

  /** `[options, offers, response]`; a text instead of a response is an error's. */
  const NONE = 'None of the extension offers can be accepted'
  test.each([
    [{}, '', {}],
    [{}, '; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=11',
      { server_no_context_takeover: true, client_no_context_takeover: true, server_max_window_bits: 10, client_max_window_bits: 11 }],
    [{}, '; client_max_window_bits', {}],
    [{ serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 12, clientMaxWindowBits: 11 },
      '; server_max_window_bits=14; client_max_window_bits=13',
      { server_no_context_takeover: true, client_no_context_takeover: true, server_max_window_bits: 12, client_max_window_bits: 11 }],
    [{ serverNoContextTakeover: false }, '; server_no_context_takeover', NONE],
    [{ serverMaxWindowBits: false }, '; server_max_window_bits=10', NONE],
    [{ serverMaxWindowBits: 11 }, '; server_max_window_bits=10', NONE],
    [{ serverMaxWindowBits: 11 }, '; server_max_window_bits=11', { server_max_window_bits: 11 }],
    [{ serverMaxWindowBits: true }, '; server_max_window_bits=9', { server_max_window_bits: 9 }],
    [{ clientMaxWindowBits: 10 }, '', NONE],
    [{ clientMaxWindowBits: 10 }, '; client_max_window_bits', { client_max_window_bits: 10 }],
    [{ clientMaxWindowBits: 10 }, '; client_max_window_bits=9', NONE],
    [{ clientMaxWindowBits: 9 }, '; client_max_window_bits=10', { client_max_window_bits: 9 }],
    [{ clientMaxWindowBits: false }, '; client_max_window_bits=10', {}],
    [{ serverMaxWindowBits: 11 }, '; server_max_window_bits=8, permessage-deflate; server_max_window_bits=15', { server_max_window_bits: 11 }],
    [{}, '; unknown', 'Unknown parameter "unknown"'],
    [{}, '; constructor', 'Unknown parameter "constructor"'],
    [{}, '; server_no_context_takeover; server_no_context_takeover', 'Parameter "server_no_context_takeover" must have only a single value'],
    [{}, '; server_no_context_takeover=10', 'Invalid value for parameter "server_no_context_takeover": 10'],
    [{}, '; client_no_context_takeover=a', 'Invalid value for parameter "client_no_context_takeover": a'],
    [{}, '; server_max_window_bits', 'Invalid value for parameter "server_max_window_bits": true'],
    [{}, '; server_max_window_bits=7', 'Invalid value for parameter "server_max_window_bits": 7'],
    [{}, '; server_max_window_bits=16', 'Invalid value for parameter "server_max_window_bits": 16'],
    [{}, '; client_max_window_bits=8.5', 'Invalid value for parameter "client_max_window_bits": 8.5'],
    [{}, ', permessage-deflate; foo', 'Unknown parameter "foo"']
  ])('a server with %j answers to "%s"', (options, offers, response) => {
    const { 'permessage-deflate': configurations } = extension.parse(`permessage-deflate${offers}`)
    const deflate = new PerMessageDeflate({ ...options, isServer: true })
    if (typeof response === 'string') {
      expect(() => deflate.accept(configurations)).toThrow(new Error(response))
      expect(deflate.params).toBe(null)
    } else {
      const accepted = deflate.accept(configurations)
      expect({ ...accepted }).toEqual(response)
      expect(deflate.params).toBe(accepted)
    }
  })

  test.each([
    ['; client_max_window_bits=16', TypeError], ['; server_max_window_bits=x', TypeError], ['; a', Error]
  ])('the error that "%s" is has its class', (offer, ErrorClass) => {
    const { 'permessage-deflate': configurations } = extension.parse(`permessage-deflate${offer}`)
    const deflate = new PerMessageDeflate({ isServer: true })
    let error
    try {
      deflate.accept(configurations)
    } catch (thrown) {
      error = thrown
    }
    expect(error.constructor).toBe(ErrorClass)
  })

  test.each([
    [{}, '', {}],
    [{}, '; server_no_context_takeover; server_max_window_bits=8', { server_no_context_takeover: true, server_max_window_bits: 8 }],
    [{ clientMaxWindowBits: 12 }, '', { client_max_window_bits: 12 }],
    [{ clientMaxWindowBits: 12 }, '; client_max_window_bits=11', { client_max_window_bits: 11 }],
    [{ clientMaxWindowBits: 12 }, '; client_max_window_bits=13', 'Unexpected or invalid parameter "client_max_window_bits"'],
    [{ clientMaxWindowBits: false }, '; client_max_window_bits=13', 'Unexpected or invalid parameter "client_max_window_bits"'],
    [{ clientNoContextTakeover: false }, '; client_no_context_takeover', 'Unexpected parameter "client_no_context_takeover"'],
    [{}, '; client_max_window_bits', 'Invalid value for parameter "client_max_window_bits": true']
  ])('a client with %j judges the response "%s"', (options, response, params) => {
    const { 'permessage-deflate': configurations } = extension.parse(`permessage-deflate${response}`)
    const deflate = new PerMessageDeflate(options)
    if (typeof params === 'string') expect(() => deflate.accept(configurations)).toThrow(params)
    else expect({ ...deflate.accept(configurations) }).toEqual(params)
  })
})

describe.each(implementations)('PerMessageDeflate of %s compresses:', (name, { PerMessageDeflate, Sender }) => {
  /** Both ends, with these parameters agreed on. */
  function pair(params = {}, options = {}) {
    const lists = () => [Object.fromEntries(Object.entries(params).map(([key, value]) => [key, [value]]))]
    const server = new PerMessageDeflate({ ...options, isServer: true })
    const client = new PerMessageDeflate(options)
    server.accept(lists())
    client.accept(lists())
    return { client, server }
  }

  test('the example of RFC 7692, 7.2.3.1', async () => {
    const { client, server } = pair()
    const compressed = await result((done) => server.compress(Buffer.from('Hello'), true, done))
    expect(compressed).toEqual(Buffer.from([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]))
    expect(await result((done) => client.decompress(compressed, true, done))).toEqual(Buffer.from('Hello'))
  })

  test('with a context the second message is shorter, without one it is not', async () => {
    for (const [params, isShorter] of [[{}, true], [{ server_no_context_takeover: true }, false]]) {
      const { client, server } = pair(params)
      const sizes = []
      for (let round = 0; round < 2; round++) {
        const compressed = await result((done) => server.compress('Hello', true, done))
        sizes.push(compressed.length)
        expect(await result((done) => client.decompress(compressed, true, done))).toEqual(Buffer.from('Hello'))
      }
      expect(sizes[1] < sizes[0]).toBe(isShorter)
    }
  })

  test('fragments, from both ends', async () => {
    const { client, server } = pair({ client_max_window_bits: 9, client_no_context_takeover: true })
    const parts = [Buffer.alloc(70_000, 'foo'), Buffer.alloc(0), Buffer.from('bar')]
    for (const [from, to] of [[client, server], [server, client], [client, server]]) {
      const received = []
      for (const [index, part] of parts.entries()) {
        const fin = index === parts.length - 1
        const compressed = await result((done) => from.compress(part, fin, done))
        received.push(await result((done) => to.decompress(compressed, fin, done)))
      }
      expect(received.map((data) => data.length)).toEqual([70_000, 0, 3])
      expect(Buffer.concat(received).equals(Buffer.concat(parts))).toBe(true)
    }
  })

  test('many at once, more than zlib is asked for at a time', async () => {
    const texts = Array.from({ length: 30 }, (_, index) => `message ${index}`)
    const inflated = await Promise.all(texts.map(async (text) => {
      const { client, server } = pair()
      const compressed = await result((done) => server.compress(text, true, done))
      return result((done) => client.decompress(compressed, true, done))
    }))
    expect(inflated.map(String)).toEqual(texts)
  })

  test('nothing at all', async () => {
    const { client, server } = pair()
    expect(await result((done) => server.compress('', true, done))).toEqual(Buffer.from([0]))
    expect(await result((done) => client.decompress(Buffer.from([0]), true, done))).toEqual(Buffer.alloc(0))
  })

  test('a block that is the last one of its stream ends nothing', async () => {
    const { client } = pair()
    const lastBlock = Buffer.from([0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])
    for (let round = 0; round < 2; round++) {
      expect(await result((done) => client.decompress(lastBlock, true, done))).toEqual(Buffer.from('Hello'))
    }
  })

  test('bytes that are not compressed are an error', async () => {
    const { client } = pair()
    const bad = result((done) => client.decompress(Buffer.from([0x00, 0x00, 0x00, 0x00, 0x00]), true, done))
    await expect(bad).rejects.toEqual(expect.objectContaining({ code: 'Z_DATA_ERROR', errno: -3 }))
    const hello = Buffer.from([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])
    expect(await result((done) => client.decompress(hello, true, done))).toEqual(Buffer.from('Hello'))
  })

  test('no more than maxPayload is inflated', async () => {
    const { client, server } = pair({}, { maxPayload: 1000 })
    const small = await result((done) => server.compress(Buffer.alloc(1000), true, done))
    expect(await result((done) => client.decompress(small, true, done))).toHaveLength(1000)
    const bomb = await result((done) => pair().server.compress(Buffer.alloc(10_000_000), true, done))
    const inflated = result((done) => client.decompress(bomb, true, done))
    await expect(inflated).rejects.toThrow(RangeError)
    await expect(inflated).rejects.toEqual(expect.objectContaining({
      code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', message: 'Max payload size exceeded'
    }))
  })

  test('cleanup() tells who waits', async () => {
    const { server } = pair()
    const waiting = result((done) => server.compress(Buffer.alloc(1000), true, done))
    server.cleanup()
    await expect(waiting).rejects.toEqual(new Error('The deflate stream was closed while data was being processed'))
    server.cleanup()
  })

  test('Sender writes compressed messages, marked in their first frame, in the order of the calls', async () => {
    const { client, server } = pair()
    const written = []
    const socket = { destroyed: false, cork() {}, uncork() {}, write: (piece, done) => { written.push(piece); done?.() } }
    const sender = new Sender(socket, { 'permessage-deflate': server })
    sender.send('foo', { compress: true, fin: false })
    expect(sender._bufferedBytes).toBe(3)
    sender.ping('ping')
    sender.send('bar', { compress: true, fin: true })
    sender.send(new Blob(['blob']), { binary: true, compress: true, fin: true })
    expect(sender._bufferedBytes).toBe(14)
    await result((done) => sender.send('plain', { compress: false, fin: true }, done))
    expect(sender._bufferedBytes).toBe(0)

    const frames = parseFrames(Buffer.concat(written.map((piece) => Buffer.from(piece))))
    expect(frames.map(({ opcode, fin, rsv }) => [opcode, fin, rsv])).toEqual([[1, false, 4], [9, true, 0], [0, true, 0], [2, true, 4], [1, true, 0]])
    const plain = []
    for (const { opcode, fin, payload } of frames.slice(0, 4)) {
      plain.push(opcode === 9 ? payload : await result((done) => client.decompress(payload, fin, done)))
    }
    expect(plain.map(String)).toEqual(['foo', 'ping', 'bar', 'blob'])
    expect(frames[4].payload.toString()).toBe('plain')
  })

  test.each([[{ server_no_context_takeover: true }, 0], [{}, 4]])('Sender leaves short messages as they are only without a context: %j', async (params, rsv) => {
    const { server } = pair(params, { threshold: 3 })
    const written = []
    const socket = { destroyed: false, cork() {}, uncork() {}, write: (piece, done) => { written.push(piece); done?.() } }
    const sender = new Sender(socket, { 'permessage-deflate': server })
    await result((done) => sender.send('ab', { compress: true, fin: true }, done))
    await result((done) => sender.send('abc', { compress: true, fin: true }, done))
    const frames = parseFrames(Buffer.concat(written.map((piece) => Buffer.from(piece))))
    expect(frames.map((frame) => frame.rsv)).toEqual([rsv, 4])
  })

  test('Sender tells who waits when the stream is gone meanwhile', async () => {
    const { server } = pair()
    const socket = { destroyed: false, cork() {}, uncork() {}, write() {} }
    const sender = new Sender(socket, { 'permessage-deflate': server })
    const told = []
    await new Promise((resolve) => {
      sender.send('a', { compress: true, fin: true }, (error) => told.push(error))
      sender.send('b', { compress: true, fin: true }, (error) => resolve(told.push(error)))
      socket.destroyed = true
    })
    expect(told).toEqual(Array(2).fill(new Error('The socket was closed while data was being compressed')))
  })
})
