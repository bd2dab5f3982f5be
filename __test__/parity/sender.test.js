'use strict'

// The exported class Sender: the frames it makes, and in which order it writes them.

const { implementations } = require('../support/implementation')
const { frame: handMade, parseFrames, OPCODE } = require('../support/frames')

const KEY = Buffer.from([0x12, 0x34, 0x56, 0x78])
const LENGTHS = [0, 1, 125, 126, 65_535, 65_536]

/** A stream that writes down what is called on it, and is done with everything at once. */
class Recorder {
  constructor() {
    this.calls = []
    this.destroyed = false
  }

  /** Called before the pieces of one frame. */
  cork() {
    this.calls.push('cork')
  }

  /** Called behind them. */
  uncork() {
    this.calls.push('uncork')
  }

  /** Takes a piece. */
  write(piece, callback) {
    this.calls.push(piece)
    if (callback) callback()
  }

  /** @returns {Buffer} all bytes written */
  get bytes() {
    return Buffer.concat(this.calls.filter((call) => call !== 'cork' && call !== 'uncork').map((piece) => Buffer.from(piece)))
  }

  /** @returns {Array} of each frame its opcode, FIN, the reserved bits, and its payload as text */
  get frames() {
    return parseFrames(this.bytes).map(({ opcode, fin, rsv, payload }) => [opcode, fin, rsv, payload.toString()])
  }
}

/** Makes the masking key known. */
function generateMask(buffer) {
  KEY.copy(buffer)
}

/** @returns {Promise<void>} when a callback of this kind has been called */
function called(run) {
  return new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())))
}

describe.each(implementations)('the frames of Sender of %s', (name, { Sender }) => {
  test.each(LENGTHS)('without a mask are a header and the payload itself: %i bytes', (length) => {
    const payload = Buffer.alloc(length, 'x')
    const list = Sender.frame(payload, { fin: true, opcode: 2, mask: false, readOnly: false, rsv1: false })
    expect(Buffer.concat(list)).toEqual(handMade(OPCODE.binary, payload, { mask: null }))
    expect(list).toHaveLength(length === 0 ? 1 : 2)
    if (length > 0) expect(list[1]).toBe(payload)
  })

  test.each(LENGTHS)('with a mask are one Buffer if the payload is not theirs: %i bytes', (length) => {
    const payload = Buffer.alloc(length, 'x')
    const list = Sender.frame(payload, { fin: true, opcode: 1, mask: true, generateMask, readOnly: true })
    expect(list).toEqual([handMade(OPCODE.text, payload, { mask: KEY })])
    expect(payload).toEqual(Buffer.alloc(length, 'x'))
  })

  test('with a mask change a payload that is theirs', () => {
    const payload = Buffer.from('hello')
    const list = Sender.frame(payload, { fin: true, opcode: 1, mask: true, generateMask, readOnly: false })
    expect(Buffer.concat(list)).toEqual(handMade(OPCODE.text, 'hello', { mask: KEY }))
    expect(list[1]).toBe(payload)
  })

  test('with a mask of zeros leave the payload alone', () => {
    const payload = Buffer.from('hello')
    const list = Sender.frame(payload, { fin: true, opcode: 1, mask: true, readOnly: true, generateMask: (key) => key.fill(0) })
    expect(list).toEqual([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), payload])
    expect(list[1]).toBe(payload)
  })

  test('put the masking key where they are told', () => {
    const maskBuffer = Buffer.alloc(4)
    const list = Sender.frame(Buffer.from('a'), { fin: true, opcode: 1, mask: true, maskBuffer, generateMask, readOnly: true })
    expect(maskBuffer).toEqual(KEY)
    expect(list[0].subarray(2, 6)).toEqual(KEY)
  })

  test('have random masking keys by default', () => {
    const keys = Array.from({ length: 16 }, () => Sender.frame('', { fin: true, opcode: 9, mask: true })[0].toString('hex', 2))
    expect(new Set(keys).size).toBeGreaterThan(1)
    expect(new Set(keys.map((key) => key.length))).toEqual(new Set([8]))
  })

  test.each([
    [{ opcode: 0 }, 0x00], [{ opcode: 1, fin: true }, 0x81], [{ opcode: 2, fin: true, rsv1: true }, 0xc2], [{ opcode: 10, fin: true }, 0x8a]
  ])('begin with what %j says', (options, first) => {
    expect(Sender.frame(Buffer.from('x'), options)[0]).toEqual(Buffer.from([first, 1]))
  })

  test('take strings, as bytes', () => {
    expect(Sender.frame('\u20ac', { fin: true, opcode: 1 })).toEqual([Buffer.from([0x81, 3]), Buffer.from('\u20ac')])
  })

  test('are what a broadcast prepares', () => {
    const list = Sender.frame(Buffer.from('to all'), { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true })
    const socket = new Recorder()
    new Sender(socket).sendFrame(list)
    expect(socket.calls).toEqual(['cork', Buffer.from([0x81, 6]), Buffer.from('to all'), 'uncork'])
  })
})

describe.each(implementations)('Sender of %s writes', (name, { Sender }) => {
  let socket
  let sender

  beforeEach(() => {
    socket = new Recorder()
    sender = new Sender(socket)
  })

  test('header and payload of a frame in one go, text as a string', () => {
    sender.send('h\u00e9', { fin: true })
    sender.send(Buffer.from('hi'), { binary: true, fin: true })
    sender.send('', { fin: true })
    expect(socket.calls).toEqual([
      'cork', Buffer.from([0x81, 3]), 'h\u00e9', 'uncork',
      'cork', Buffer.from([0x82, 2]), Buffer.from('hi'), 'uncork',
      Buffer.from([0x81, 0])
    ])
  })

  test('fragments with the opcode in the first one', () => {
    sender.send('a', { binary: true, fin: false })
    sender.ping('b')
    sender.send('c', { binary: false, fin: false })
    sender.send('d', { fin: true })
    sender.send('e', { fin: true })
    expect(socket.frames).toEqual([[2, false, 0, 'a'], [9, true, 0, 'b'], [0, false, 0, 'c'], [0, true, 0, 'd'], [1, true, 0, 'e']])
  })

  test.each([
    ['an array', [1, 2]], ['an ArrayBuffer', new Uint8Array([1, 2]).buffer],
    ['a view', new Uint8Array([0, 1, 2, 3]).subarray(1, 3)], ['a DataView', new DataView(new Uint8Array([1, 2]).buffer)],
    ['what has a value', { valueOf: () => new Uint8Array([1, 2]) }]
  ])('%s', (kind, data) => {
    sender.send(data, { binary: true, fin: true })
    sender.ping(data)
    sender.pong(data)
    expect(socket.frames).toEqual([[2, true, 0, '\x01\x02'], [9, true, 0, '\x01\x02'], [10, true, 0, '\x01\x02']])
  })

  test.each([['undefined', undefined], ['null', null], ['a boolean', true], ['a number', 1], ['a function', () => {}]])('not %s', (kind, data) => {
    // Node's own TypeError, which is not of the class that a test sees.
    const refusal = expect.objectContaining({ name: 'TypeError' })
    expect(() => sender.send(data, { fin: true })).toThrow(refusal)
    expect(() => sender.ping(data)).toThrow(refusal)
    expect(socket.calls).toEqual([])
  })

  test('masked frames with the key that it is given', () => {
    sender = new Sender(socket, {}, generateMask)
    const own = Buffer.from('hi')
    sender.send(own, { binary: true, fin: true, mask: true })
    sender.send('hi', { fin: true, mask: true })
    sender.pong('hi', true)
    sender.close(1000, 'hi', true)
    expect(own.toString()).toBe('hi')
    expect(socket.bytes).toEqual(Buffer.concat([
      handMade(OPCODE.binary, 'hi', { mask: KEY }), handMade(OPCODE.text, 'hi', { mask: KEY }),
      handMade(OPCODE.pong, 'hi', { mask: KEY }), handMade(OPCODE.close, [3, 0xe8, 0x68, 0x69], { mask: KEY })
    ]))
    expect(socket.calls.filter((call) => call === 'cork')).toHaveLength(3)
  })

  test('control frames up to 125 bytes', () => {
    sender.ping('x'.repeat(125))
    for (const data of ['x'.repeat(126), Buffer.alloc(126), new Blob(['x'.repeat(126)]), '\u00e9'.repeat(63)]) {
      for (const method of ['ping', 'pong']) {
        expect(() => sender[method](data)).toThrow(new RangeError('The data size must not be greater than 125 bytes'))
      }
    }
    expect(socket.frames).toHaveLength(1)
  })

  test('close frames', () => {
    sender.close()
    sender.close(1000)
    sender.close(1001, '')
    sender.close(4999, 'bye')
    sender.close(3000, new Uint8Array([0x68, 0x69]))
    const close = (payload) => handMade(OPCODE.close, payload, { mask: null })
    expect(socket.bytes).toEqual(Buffer.concat([
      close(''), close([3, 0xe8]), close([3, 0xe9]), close([0x13, 0x87, 0x62, 0x79, 0x65]), close([0x0b, 0xb8, 0x68, 0x69])
    ]))
  })

  test.each([
    ['1000', undefined, TypeError, 'First argument must be a valid error code number'],
    [1004, undefined, TypeError, 'First argument must be a valid error code number'],
    [1000, 'x'.repeat(124), RangeError, 'The message must not be greater than 123 bytes'],
    [1000, new Uint16Array(1), TypeError, 'Second argument must be a string or a Uint8Array']
  ])('no close frame with %p and %p', (code, reason, ErrorClass, text) => {
    expect(() => sender.close(code, reason)).toThrow(ErrorClass)
    expect(() => sender.close(code, reason)).toThrow(text)
    expect(socket.calls).toEqual([])
  })

  test('and calls back when the stream does', async () => {
    const order = []
    socket.write = (piece, callback) => setImmediate(() => callback?.())
    await Promise.all([
      called((done) => sender.send('a', { fin: true }, done)).then(() => order.push('send')),
      called((done) => sender.ping('a', false, done)).then(() => order.push('ping')),
      called((done) => sender.pong('', false, done)).then(() => order.push('pong')),
      called((done) => sender.close(1000, '', false, done)).then(() => order.push('close'))
    ])
    expect(order).toEqual(['send', 'ping', 'pong', 'close'])
  })
})

describe.each(implementations)('Sender of %s and Blobs:', (name, { Sender }) => {
  test('what is sent behind a Blob waits for it', async () => {
    const socket = new Recorder()
    const sender = new Sender(socket)
    const order = []
    sender.send('a', { fin: true }, () => order.push('a'))
    sender.send(new Blob(['bc']), { binary: true, fin: true }, () => order.push('bc'))
    expect(sender._bufferedBytes).toBe(2)
    sender.ping('def', false, () => order.push('def'))
    sender.ping(new Blob(['g']))
    expect(sender._bufferedBytes).toBe(6)
    expect(socket.frames).toHaveLength(1)
    await called((done) => sender.close(1000, 'h', false, done))
    expect(order).toEqual(['a', 'bc', 'def'])
    expect(sender._bufferedBytes).toBe(0)
    expect(socket.frames.map(([opcode, , , payload]) => [opcode, opcode === 8 ? payload.slice(-1) : payload]))
      .toEqual([[1, 'a'], [2, 'bc'], [9, 'def'], [9, 'g'], [8, 'h']])
  })

  test('a Blob that is read when the stream is gone fails, with all that waits', async () => {
    const socket = new Recorder()
    const sender = new Sender(socket)
    const told = []
    const last = new Promise((resolve) => {
      sender.send(new Blob(['a']), { fin: true }, (error) => told.push(error))
      sender.pong('b', false, (error) => resolve(told.push(error)))
    })
    socket.destroyed = true
    await last
    expect(told).toEqual(Array(2).fill(new Error('The socket was closed while the blob was being read')))
    expect(socket.calls).toEqual([])
  })

  test('a Blob that cannot be read is an error of the sender', async () => {
    const broken = new Error('cannot be read')
    const blob = new Blob(['a'])
    blob.arrayBuffer = () => Promise.reject(broken)
    const sender = new Sender(new Recorder())
    const told = []
    const heard = await new Promise((resolve) => {
      sender.onerror = resolve
      sender.send(blob, { fin: true }, (error) => told.push(error))
      sender.send('b', { fin: true }, (error) => told.push(error))
    })
    expect([heard, ...told]).toEqual([broken, broken, broken])
  })
})
