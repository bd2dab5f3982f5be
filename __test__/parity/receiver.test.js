'use strict'

// The exported class Receiver: a Writable that makes events of a peer's bytes.

const { finished } = require('node:stream/promises')

const { implementations } = require('../support/implementation')
const { OPCODE, closeFrame, frame } = require('../support/frames')
const { Random } = require('../support/random')

const NAMES = ['message', 'ping', 'pong', 'conclude', 'error', 'finish', 'close']

/** The events of a receiver from now on: `[name, ...arguments]` of each. */
function record(receiver) {
  const events = []
  for (const name of NAMES) receiver.on(name, (...args) => events.push([name, ...args]))
  return events
}

/** Writes everything and waits until the receiver wants more. */
function write(receiver, ...chunks) {
  return new Promise((resolve, reject) => {
    const last = chunks.pop()
    for (const chunk of chunks) receiver.write(chunk)
    receiver.write(last, (error) => (error ? reject(error) : resolve()))
  })
}

/** A frame as a server sends it. */
function unmasked(opcode, payload, how) {
  return frame(opcode, payload, { mask: null, ...how })
}

const { text, binary, ping, pong, continuation } = OPCODE

describe.each(implementations)('Receiver of %s', (name, { Receiver, PerMessageDeflate }) => {
  test('is a Writable, a client\'s unless it is told otherwise', async () => {
    const receiver = new Receiver()
    const events = record(receiver)
    expect(receiver).toBeInstanceOf(require('node:stream').Writable)
    await write(receiver, unmasked(text, 'hi'), unmasked(binary, [1, 2]))
    expect(events).toEqual([['message', Buffer.from('hi'), false], ['message', Buffer.from([1, 2]), true]])
  })

  test('emits what one write brought before write() returns', () => {
    const receiver = new Receiver({ isServer: true })
    const events = record(receiver)
    receiver.write(Buffer.concat([frame(text, 'a'), frame(ping, 'b'), frame(pong), frame(binary, '', { fin: false }), frame(continuation, 'c')]))
    expect(events).toEqual([
      ['message', Buffer.from('a'), false], ['ping', Buffer.from('b')], ['pong', Buffer.alloc(0)], ['message', Buffer.from('c'), true]
    ])
  })

  test.each([1, 2, 3, 7, 1000])('takes bytes in pieces of %i', async (size) => {
    const random = new Random(size)
    const receiver = new Receiver({ isServer: true })
    const events = record(receiver)
    const payloads = [0, 1, 125, 126, 300, 66_000].map((length) => random.bytes(length))
    const bytes = Buffer.concat(payloads.map((payload) => frame(binary, payload)))
    const pieces = []
    for (let at = 0; at < bytes.length; at += size) pieces.push(Buffer.from(bytes.subarray(at, at + size)))
    await write(receiver, ...pieces)
    expect(events.map(([, data]) => data.equals(payloads.shift()))).toEqual(Array(6).fill(true))
  })

  test.each([
    ['a code and a reason', closeFrame(1000, 'done', { mask: null }), [1000, Buffer.from('done')]],
    ['a code', closeFrame(4000, '', { mask: null }), [4000, Buffer.alloc(0)]],
    ['neither', closeFrame(undefined, '', { mask: null }), [1005, Buffer.alloc(0)]]
  ])('concludes and finishes on a close frame with %s', async (kind, bytes, args) => {
    const receiver = new Receiver()
    const events = record(receiver)
    receiver.write(Buffer.concat([bytes, unmasked(text, 'too late')]))
    expect(events).toEqual([['conclude', ...args]])
    await finished(receiver)
    await new Promise(setImmediate)
    expect(events).toEqual([['conclude', ...args], ['finish'], ['close']])
  })

  test('refuses bytes behind its end, as any stream does', async () => {
    const receiver = new Receiver()
    const error = new Promise((resolve) => receiver.once('error', resolve))
    receiver.write(closeFrame(undefined, '', { mask: null }))
    receiver.write(unmasked(text, 'too late'))
    await expect(error).resolves.toHaveProperty('code', 'ERR_STREAM_WRITE_AFTER_END')
  })

  test('ends with an end of the bytes in the middle of a frame', async () => {
    const receiver = new Receiver()
    const events = record(receiver)
    receiver.end(unmasked(text, 'hello').subarray(0, 4))
    await finished(receiver)
    expect(events.map(([event]) => event)).toEqual(['finish', 'close'])
  })

  const invalid = (text) => `Invalid WebSocket frame: ${text}`
  test.each([
    ['RSV1', {}, unmasked(text, 'x', { rsv: 4 }), RangeError, 'WS_ERR_UNEXPECTED_RSV_1', invalid('RSV1 must be clear')],
    ['RSV2', {}, unmasked(text, 'x', { rsv: 2 }), RangeError, 'WS_ERR_UNEXPECTED_RSV_2_3', invalid('RSV2 and RSV3 must be clear')],
    ['opcode 0 alone', {}, unmasked(continuation, 'x'), RangeError, 'WS_ERR_INVALID_OPCODE', invalid('invalid opcode 0')],
    ['opcode 3', {}, unmasked(3, 'x'), RangeError, 'WS_ERR_INVALID_OPCODE', invalid('invalid opcode 3')],
    ['a text inside a message', {}, Buffer.concat([unmasked(text, 'x', { fin: false }), unmasked(text, 'y')]), RangeError, 'WS_ERR_INVALID_OPCODE', invalid('invalid opcode 1')],
    ['a ping in fragments', {}, unmasked(ping, 'x', { fin: false }), RangeError, 'WS_ERR_EXPECTED_FIN', invalid('FIN must be set')],
    ['a long ping', {}, unmasked(ping, 'x'.repeat(126)), RangeError, 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', invalid('invalid payload length 126')],
    ['a close frame of one byte', {}, unmasked(OPCODE.close, 'x'), RangeError, 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', invalid('invalid payload length 1')],
    ['a close code 1005', {}, closeFrame(1005, '', { mask: null }), RangeError, 'WS_ERR_INVALID_CLOSE_CODE', invalid('invalid status code 1005')],
    ['a mask', {}, frame(text, 'x'), RangeError, 'WS_ERR_UNEXPECTED_MASK', invalid('MASK must be clear')],
    ['no mask', { isServer: true }, unmasked(text, 'x'), RangeError, 'WS_ERR_EXPECTED_MASK', invalid('MASK must be set')],
    ['text that is none', {}, unmasked(text, [0xce, 0xba, 0xe1, 0xbd]), Error, 'WS_ERR_INVALID_UTF8', invalid('invalid UTF-8 sequence')],
    ['a reason that is no text', {}, closeFrame(1000, [0xff], { mask: null }), Error, 'WS_ERR_INVALID_UTF8', invalid('invalid UTF-8 sequence')],
    ['2^53 bytes', {}, unmasked(binary, '', { declared: 2n ** 53n }), RangeError, 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH', 'Unsupported WebSocket frame: payload length > 2^53 - 1'],
    ['more than maxPayload', { maxPayload: 5 }, unmasked(text, '123456'), RangeError, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'Max payload size exceeded'],
    ['more than maxPayload in fragments', { maxPayload: 5 }, Buffer.concat([unmasked(text, '123', { fin: false }), unmasked(continuation, '456')]), RangeError, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'Max payload size exceeded'],
    ['more than maxFragments', { maxFragments: 1 }, Buffer.concat([unmasked(text, '1', { fin: false }), unmasked(continuation, '2')]), RangeError, 'WS_ERR_TOO_MANY_BUFFERED_PARTS', 'Too many message fragments']
  ])('fails on %s', async (kind, options, bytes, ErrorClass, code, message) => {
    const receiver = new Receiver(options)
    const events = record(receiver)
    receiver.write(Buffer.concat([unmasked(ping, 'first', options.isServer ? { mask: Buffer.alloc(4) } : {}), bytes]))
    await finished(receiver).catch(() => {})
    expect(events).toEqual([['ping', Buffer.from('first')], ['error', expect.any(ErrorClass)], ['close']])
    const [, [, error]] = events
    expect([error.constructor, error.code, error.message]).toEqual([ErrorClass, code, message])
    expect(receiver.destroyed).toBe(true)
  })

  test('counts maxPayload and maxFragments for each message', async () => {
    const receiver = new Receiver({ maxPayload: 3, maxFragments: 2 })
    const events = record(receiver)
    const message = [unmasked(text, '12', { fin: false }), unmasked(ping, 'ping'), unmasked(continuation, '3')]
    await write(receiver, ...message, ...message)
    expect(events.map(([event]) => event)).toEqual(['ping', 'message', 'ping', 'message'])
  })

  test('does not look at text with skipUTF8Validation', async () => {
    const receiver = new Receiver({ skipUTF8Validation: true })
    const events = record(receiver)
    await write(receiver, unmasked(text, [0xff]), closeFrame(1000, [0xfe], { mask: null }))
    expect(events.slice(0, 2)).toEqual([['message', Buffer.from([0xff]), false], ['conclude', 1000, Buffer.from([0xfe])]])
  })

  test.each([
    ['nodebuffer', (data) => Buffer.isBuffer(data)],
    ['arraybuffer', (data) => Object.prototype.toString.call(data) === '[object ArrayBuffer]' && data.byteLength === 3],
    ['fragments', (data) => Array.isArray(data) && Buffer.concat(data).toString() === 'abc'],
    ['blob', (data) => data instanceof Blob && data.size === 3]
  ])('gives binary messages as binaryType %s says, and text as Buffers', async (binaryType, isRight) => {
    const receiver = new Receiver({ binaryType })
    const events = record(receiver)
    await write(receiver, unmasked(binary, 'abc'), unmasked(text, 'abc'))
    expect(isRight(events[0][1])).toBe(true)
    expect(events[1]).toEqual(['message', Buffer.from('abc'), false])
  })

  test('without allowSynchronousEvents emits one event in a turn, in order, and waits for it', async () => {
    const receiver = new Receiver({ allowSynchronousEvents: false })
    const order = []
    let turn = 0
    const count = () => { turn++; if (order.length < 4) setImmediate(count) }
    for (const event of ['message', 'ping', 'pong', 'conclude']) receiver.on(event, () => order.push([event, turn]))
    const isDone = write(receiver, Buffer.concat([unmasked(text, 'a'), unmasked(ping), unmasked(pong), closeFrame(1000, '', { mask: null })]))
    expect(order).toEqual([])
    setImmediate(count)
    await isDone
    expect(order.map(([event]) => event)).toEqual(['message', 'ping', 'pong', 'conclude'])
    expect(new Set(order.slice(0, 3).map(([, at]) => at)).size).toBe(3)
  })

  test.each([['client_no_context_takeover', true], ['nothing', false]])('inflates what comes compressed, with %s agreed on', async (kind, resets) => {
    const params = () => [resets ? { client_no_context_takeover: [true] } : {}]
    const server = new PerMessageDeflate({ isServer: true })
    const client = new PerMessageDeflate()
    server.accept(params())
    client.accept(params())
    const compress = (data, fin) => new Promise((resolve) => client.compress(data, fin, (error, bytes) => resolve(bytes)))
    const receiver = new Receiver({ isServer: true, extensions: { 'permessage-deflate': server } })
    const events = record(receiver)
    const long = Buffer.alloc(100_000, 'long ')
    const whole = frame(text, await compress('Hello', true), { rsv: 4 })
    const again = frame(text, await compress('Hello', true), { rsv: 4 })
    const first = frame(binary, await compress(long, false), { rsv: 4, fin: false })
    const rest = frame(continuation, await compress('end', true))
    await write(receiver, whole, again, first, frame(ping, 'between'), rest, frame(text, 'plain'))
    expect(events.map(([event, data, isBinary]) => [event, data.length, isBinary])).toEqual([
      ['message', 5, false], ['message', 5, false], ['ping', 7, undefined], ['message', 100_003, true], ['message', 5, false]
    ])
    expect(events[3][1].equals(Buffer.concat([long, Buffer.from('end')]))).toBe(true)
  })

  test.each([
    ['is no deflate data', {}, Buffer.from([0, 0, 0, 0, 0]), 'Z_DATA_ERROR'],
    ['inflates to more than maxPayload', { maxPayload: 1000 }, null, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'],
    ['inflates to more than the extension allows', { extensionLimit: 1000 }, null, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH']
  ])('fails on what %s', async (kind, { maxPayload, extensionLimit }, bytes, code) => {
    const deflate = new PerMessageDeflate({ maxPayload: extensionLimit })
    deflate.accept([{}])
    const compressed = bytes ?? await new Promise((resolve) => deflate.compress(Buffer.alloc(1001), true, (error, data) => resolve(data)))
    const receiver = new Receiver({ maxPayload, extensions: { 'permessage-deflate': deflate } })
    const error = new Promise((resolve) => receiver.once('error', resolve))
    receiver.write(unmasked(binary, compressed, { rsv: 4 }))
    await expect(error).resolves.toHaveProperty('code', code)
  })

  test('can be written to from its own listener, and from another\'s', async () => {
    const outer = new Receiver()
    const inner = new Receiver()
    const order = []
    outer.on('message', (data) => {
      inner.write(Buffer.concat([unmasked(text, `${data}1`), unmasked(text, `${data}2`)]))
      if (order.length < 8) outer.write(unmasked(text, 'b'))
      order.push(`outer ${data}`)
    })
    inner.on('message', (data) => order.push(`inner ${data}`))
    await write(outer, Buffer.concat([unmasked(text, 'a'), unmasked(text, 'a')]))
    expect(order.slice(0, 6)).toEqual(['inner a1', 'inner a2', 'outer a', 'inner a1', 'inner a2', 'outer a'])
  })

  test('goes on with 2,000 small messages in one chunk at once', () => {
    const receiver = new Receiver({ isServer: true })
    let count = 0
    receiver.on('message', () => count++)
    receiver.write(Buffer.concat(Array(2000).fill(frame(text, 'x'))))
    expect(count).toBe(2000)
  })
})
