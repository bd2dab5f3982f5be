'use strict'

// What breaks the protocol, the error the server reports, and the bytes it answers.

const { once } = require('events')

const { closeFrame, frame, OPCODE, parseFrames } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { serve } = require('../support/servers')
const { recordEvents, until } = require('../support/waiting')

const { binary, close, continuation, ping, pong, text } = OPCODE
const PREFIX = 'Invalid WebSocket frame: '
const MASK = [1002, 'RangeError', 'WS_ERR_EXPECTED_MASK', `${PREFIX}MASK must be set`]
const RSV1 = [1002, 'RangeError', 'WS_ERR_UNEXPECTED_RSV_1', `${PREFIX}RSV1 must be clear`]
const RSV23 = [1002, 'RangeError', 'WS_ERR_UNEXPECTED_RSV_2_3', `${PREFIX}RSV2 and RSV3 must be clear`]
const FIN = [1002, 'RangeError', 'WS_ERR_EXPECTED_FIN', `${PREFIX}FIN must be set`]
const UTF8 = [1007, 'Error', 'WS_ERR_INVALID_UTF8', `${PREFIX}invalid UTF-8 sequence`]
const TOO_LONG = [1009, 'RangeError', 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'Max payload size exceeded']
const UNSAFE_LENGTH = [1009, 'RangeError', 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH', 'Unsupported WebSocket frame: payload length > 2^53 - 1']
const TOO_MANY = [1008, 'RangeError', 'WS_ERR_TOO_MANY_BUFFERED_PARTS', 'Too many message fragments']
const opcode = (number) => [1002, 'RangeError', 'WS_ERR_INVALID_OPCODE', `${PREFIX}invalid opcode ${number}`]
const length = (number) => [1002, 'RangeError', 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', `${PREFIX}invalid payload length ${number}`]
const status = (number) => [1002, 'RangeError', 'WS_ERR_INVALID_CLOSE_CODE', `${PREFIX}invalid status code ${number}`]

const fragment = (...args) => frame(...args, { fin: false })

const FAULTS = [
  ...[text, binary, ping, pong, close].map((kind) => [`an unmasked frame of opcode ${kind}`, [frame(kind, '', { mask: null })], MASK]),
  ['an unmasked continuation', [fragment(text, 'a'), frame(continuation, 'b', { mask: null })], MASK],
  ...[text, binary, ping, close].map((kind) => [`RSV1 on opcode ${kind}`, [frame(kind, '', { rsv: 4 })], RSV1]),
  ['RSV1 on a continuation', [fragment(text, 'a'), frame(continuation, 'b', { rsv: 4 })], RSV1],
  ...[1, 2, 3, 7].map((rsv) => [`reserved bits ${rsv}`, [frame(text, 'x', { rsv })], RSV23]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((number) => [`opcode ${number}`, [frame(number, 'x')], opcode(number)]),
  ['a reserved opcode of a huge length, at its header', [frame(11, '', { declared: 2n ** 62n, form: 64 })], opcode(11)],
  ['a continuation of nothing', [frame(continuation, 'x')], opcode(0)],
  ['a text inside a fragmented message', [fragment(text, 'a'), frame(text, 'b')], opcode(1)],
  ['a binary message inside a fragmented message', [fragment(binary, 'a'), frame(binary, 'b')], opcode(2)],
  ['a continuation after the last fragment', [fragment(text, 'a'), frame(continuation, 'b'), frame(continuation, 'c')], opcode(0), ['ab']],
  ...[close, ping, pong].map((kind) => [`a fragmented control frame of opcode ${kind}`, [frame(kind, '', { fin: false })], FIN]),
  ...[close, ping, pong].map((kind) => [`a control frame of opcode ${kind} with 126 bytes`, [frame(kind, Buffer.alloc(126, 'x'))], length(126)]),
  ...[close, ping].map((kind) => [`a control frame of opcode ${kind} with 65536 bytes`, [frame(kind, Buffer.alloc(65536, 'x'))], length(127)]),
  ['a close frame with one byte', [frame(close, 'x')], length(1)],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map((code) => [`the close code ${code}`, [closeFrame(code)], status(code)]),
  ['a close reason that is not UTF-8', [closeFrame(1000, Buffer.from([0xc3, 0x28]))], UTF8],
  ...[
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a byte FF in the middle', [...Buffer.from('valid '.repeat(20)), 0xff, 0x61]],
    ['an unfinished letter at the end', [0xe2, 0x82]]
  ].map(([title, bytes]) => [`text that is not UTF-8: ${title}`, [frame(text, Buffer.from(bytes))], UTF8]),
  ['text that is not UTF-8 only when its fragments are joined', [fragment(text, Buffer.from([0xe2, 0x82])), frame(continuation, 'x')], UTF8],
  ['a frame above maxPayload, at its header', [frame(binary, '', { declared: 1001 })], TOO_LONG],
  ['fragments that add up to more than maxPayload', [fragment(binary, Buffer.alloc(600)), fragment(continuation, Buffer.alloc(401))], TOO_LONG],
  ['a length of 2^53', [frame(binary, '', { declared: 2n ** 53n, form: 64 })], UNSAFE_LENGTH],
  ['a length with its highest bit set', [frame(binary, '', { declared: 2n ** 63n, form: 64 })], UNSAFE_LENGTH],
  ['more fragments than maxFragments', [fragment(text, 'a'), ...Array.from({ length: 8 }, () => fragment(continuation, ''))], TOO_MANY],
  ['a fault behind good messages', [frame(text, 'one'), frame(text, 'two'), frame(text, '', { mask: null })], MASK, ['one', 'two']]
]

const OPTIONS = { maxPayload: 1000, maxFragments: 8 }

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {object} [options] of the server
   * @returns {Promise<{client: RawClient, webSocket: object, log: Array}>} with all events logged
   */
  async function open(options = OPTIONS) {
    const { port, wss } = await serve(null, { of, options })
    const connection = once(wss, 'connection')
    const client = await RawClient.upgrade({ port })
    const [webSocket] = await connection
    return { client, webSocket, log: recordEvents(webSocket, ['message', 'ping', 'pong', 'error', 'close']) }
  }

  test.each(FAULTS)('%s', async (title, frames, [code, type, errorCode, message], delivered = []) => {
    const { client, webSocket, log } = await open()
    await client.write(Buffer.concat(frames))
    const answer = await client.readRest()
    expect(answer.toString('hex')).toBe(closeFrame(code, '', { mask: null }).toString('hex'))
    client.socket.end()
    await until(() => log.some(([event]) => event === 'close'))
    const error = log.at(-2)[1]
    expect([error.constructor.name, error.code, error.message]).toEqual([type, errorCode, message])
    expect(log.map(([event, first]) => (event === 'message' ? first.toString() : event))).toEqual([...delivered, 'error', 'close'])
    expect(log.at(-1)).toEqual(['close', 1006, Buffer.alloc(0)])
    expect(webSocket.readyState).toBe(of.WebSocket.CLOSED)
  }, 10000)

  test('is CLOSING when error is emitted, and no message that follows is delivered', async () => {
    const { client, webSocket, log } = await open()
    const state = new Promise((resolve) => webSocket.once('error', () => resolve(webSocket.readyState)))
    await client.write(Buffer.concat([frame(text, '', { rsv: 2 }), frame(text, 'late'), closeFrame(1000)]))
    expect(await state).toBe(of.WebSocket.CLOSING)
    await client.write(frame(text, 'later still'))
    client.socket.end()
    await until(() => log.some(([event]) => event === 'close'))
    expect(log.map(([event]) => event)).toEqual(['error', 'close'])
  })

  test('answers the messages before the fault, then sends the close frame', async () => {
    const { client, webSocket } = await open()
    webSocket.on('message', (data) => webSocket.send(data.toString()))
    await client.write(Buffer.concat([frame(text, 'a'), frame(ping, 'b'), frame(text, 'c'), frame(text, 'bad', { mask: null })]))
    const frames = parseFrames(await client.readRest())
    const data = frames.filter(({ opcode }) => opcode === text).map(({ payload }) => payload.toString())
    expect(data).toEqual(['a', 'c'])
    expect(frames.filter(({ opcode }) => opcode === pong).map(({ payload }) => payload.toString())).toEqual(['b'])
    expect(frames.at(-1)).toMatchObject({ opcode: close, payload: Buffer.from([0x03, 0xea]) })
  })

  test('a message of exactly maxPayload, in one frame or in maxFragments, is delivered', async () => {
    const { client, log } = await open()
    await client.write(frame(binary, Buffer.alloc(1000)))
    const pieces = Array.from({ length: 8 }, (_, i) => frame(i ? continuation : binary, Buffer.alloc(125), { fin: i === 7 }))
    await client.write(Buffer.concat(pieces))
    await until(() => log.length === 2)
    expect(log.map(([event, data]) => [event, data.length])).toEqual([['message', 1000], ['message', 1000]])
  })

  test('maxPayload 0 and maxFragments 0 are no limit', async () => {
    const { client, log } = await open({ maxPayload: 0, maxFragments: 0 })
    const pieces = Array.from({ length: 20000 }, (_, i) => frame(i ? continuation : binary, 'x', { fin: i === 19999 }))
    await client.write(Buffer.concat(pieces))
    await until(() => log.length === 1)
    expect(log[0][1]).toHaveLength(20000)
  })

  test('skipUTF8Validation lets broken text and reasons through', async () => {
    const { client, log } = await open({ skipUTF8Validation: true })
    await client.write(Buffer.concat([frame(text, Buffer.from([0xff])), closeFrame(1000, Buffer.from([0xfe]))]))
    await client.readRest()
    client.socket.end()
    await until(() => log.length === 2)
    expect(log).toEqual([['message', Buffer.from([0xff]), false], ['close', 1000, Buffer.from([0xfe])]])
  })

  test.each([16, 64])('a length written in the %d-bit form though a shorter one would do is read', async (form) => {
    const { client, log } = await open()
    await client.write(frame(text, 'short', { form }))
    await until(() => log.length === 1)
    expect(log[0]).toEqual(['message', Buffer.from('short'), false])
  })
})
