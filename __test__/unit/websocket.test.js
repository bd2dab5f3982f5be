'use strict'

const { fakeSocket, loadFace, nextTurn, openWebSocket, takeSent } = require('./fake-layers')

let face
let ws
let driver
beforeEach(() => {
  face = loadFace()
  ws = openWebSocket(face)
  ;[{ driver }] = face.opened
})

describe('the class', () => {
  test('has the four states, on itself and on its instances', () => {
    for (const holder of [face.WebSocket, ws]) {
      expect([holder.CONNECTING, holder.OPEN, holder.CLOSING, holder.CLOSED]).toEqual([0, 1, 2, 3])
    }
    expect(Object.getOwnPropertyDescriptor(face.WebSocket, 'OPEN')).toEqual({ value: 1, enumerable: true, writable: false, configurable: false })
  })

  test('has the same members as that of ws, all enumerable that are so there, and its own', () => {
    const { prototype } = require('ws')
    const own = ['closeCause', 'latency', 'ready', 'sendAsync', 'stats']
    // The first values of our own state lie there too.
    const members = Object.getOwnPropertyNames(face.WebSocket.prototype).filter((name) => !name.startsWith('_'))
    expect(members.sort()).toEqual([...Object.getOwnPropertyNames(prototype), ...own].sort())
    const enumerable = Object.keys(face.WebSocket.prototype).filter((name) => !own.includes(name))
    expect(enumerable.sort()).toEqual(Object.keys(prototype).sort())
  })

  test('needs new', () => {
    expect(() => face.WebSocket(null)).toThrow(TypeError)
  })

  test('a fresh server’s end is CONNECTING, with the values of ws', () => {
    const fresh = new face.WebSocket(null)
    expect(fresh).toMatchObject({
      readyState: 0, protocol: '', extensions: '', url: undefined, isPaused: false, bufferedAmount: 0, binaryType: 'nodebuffer',
      _isServer: true, _socket: null, _closeCode: 1006, _closeFrameReceived: false, _closeFrameSent: false, _paused: false
    })
  })

  test('binaryType takes the four types and ignores all else', () => {
    for (const type of ['arraybuffer', 'fragments', 'blob', 'nodebuffer', 'nonsense', undefined]) ws.binaryType = type
    expect(ws.binaryType).toBe('nodebuffer')
    ws.binaryType = 'fragments'
    expect(ws.binaryType).toBe('fragments')
  })
})

describe('setSocket', () => {
  test('opens a driver with what it and the constructor were told', () => {
    const options = { autoPong: false, closeTimeout: 5, maxPendingAutoPongs: 7 }
    const other = new face.WebSocket(null, undefined, options)
    const socket = fakeSocket()
    const head = Buffer.from('head')
    other._isServer = false
    other.setSocket(socket, head, { maxPayload: 0 })
    expect(face.opened[1]).toMatchObject({ ws: other, socket, head, response: '' })
    expect(face.opened[1].config).toEqual({
      role: 'client', maxPayload: 0, maxFragments: 0, skipUTF8Validation: false, autoPong: false,
      maxPendingAutoPongs: 7, closeTimeout: 5, driver: undefined, backpressure: null
    })
  })

  test('emits open at once, in the state OPEN', () => {
    const other = new face.WebSocket(null)
    const states = []
    other.on('open', () => states.push(other.readyState))
    other.setSocket(fakeSocket(), Buffer.alloc(0), {})
    expect(states).toEqual([1])
  })

  test('takes off the timeout and Nagle’s algorithm, where there are such', () => {
    const socket = Object.assign(fakeSocket(), { setTimeout: jest.fn(), setNoDelay: jest.fn() })
    new face.WebSocket(null).setSocket(socket, Buffer.alloc(0), {})
    expect(socket.setTimeout).toHaveBeenCalledWith(0)
    expect(socket.setNoDelay).toHaveBeenCalledTimes(1)
  })
})

describe('send', () => {
  /** @returns {Array} what one send() gives to the send queue: data as text, binary, fin, compress */
  const sent = (...args) => {
    ws.send(...args)
    const [[kind, data, ...rest]] = takeSent(face)
    expect(kind).toBe('message')
    return [typeof data === 'string' ? data : `bytes ${data}`, ...rest]
  }

  test.each([
    ['a string', 'text', 'text', false],
    ['an empty string', '', '', false],
    ['a number', 0, '0', false],
    ['a Buffer', Buffer.from('b'), 'bytes b', true],
    ['a view', new Uint16Array([0x4241]), 'bytes AB', true],
    ['an ArrayBuffer', new Uint8Array([65]).buffer, 'bytes A', true],
    ['an array', [65], 'bytes A', true],
    ['an object with a primitive value', { valueOf: () => 'v' }, 'bytes v', true],
    ['null', null, 'bytes ', true],
    ['nothing', undefined, 'bytes ', true]
  ])('%s', (title, data, expected, binary) => {
    expect(sent(data)).toEqual([expected, binary, true, false])
  })

  test('a Buffer goes down as it is, not as a copy', () => {
    const data = Buffer.from('b')
    ws.send(data)
    expect(face.queue[0].args[0]).toBe(data)
  })

  test.each([
    [{ binary: true }, ['x', true, true, false]],
    [{ fin: false }, ['x', false, false, false]],
    [{ fin: undefined }, ['x', false, false, false]],
    [{ compress: true }, ['x', false, true, false]],
    [{}, ['x', false, true, false]],
    [null, ['x', false, true, false]],
    [true, ['x', false, true, false]]
  ])('with the options %p', (options, expected) => {
    expect(sent('x', options)).toEqual(expected)
  })

  test('compress counts once an extension is in use', () => {
    ws._extensions = { 'permessage-deflate': {} }
    expect(ws.extensions).toBe('permessage-deflate')
    expect(sent('x')[3]).toBe(true)
    expect(sent('x', { compress: false })[3]).toBe(false)
  })

  test('binary: false makes text of bytes', () => {
    expect(sent(Buffer.from('b'), { binary: false })).toEqual(['bytes b', false, true, false])
  })

  test.each([[(cb) => [cb]], [(cb) => [{}, cb]], [(cb) => [undefined, cb]]])('the callback may be the second or the third argument', (rest) => {
    const callback = () => {}
    ws.send('x', ...rest(callback))
    expect(face.queue[0].callback).toBe(callback)
  })

  test.each([undefined, null, 'no function'])('%p is no callback', (value) => {
    ws.send('x', {}, value)
    expect(face.queue[0].callback).toBeUndefined()
  })

  test('what has no bytes is refused as Node refuses it', () => {
    expect(() => ws.send({})).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    expect(face.queue).toEqual([])
  })
})

describe.each(['ping', 'pong'])('%s', (name) => {
  test('takes data, mask and callback, and each may be missing', () => {
    const callback = () => {}
    for (const args of [[], ['d'], [5], ['d', true, callback], ['d', callback], [callback]]) ws[name](...args)
    expect(face.queue.map(({ kind, args }) => [kind, `${args[0]}`, args[1]])).toEqual([
      [name, '', undefined], [name, 'd', undefined], [name, '5', undefined],
      [name, 'd', callback], [name, 'd', callback], [name, '', callback]
    ])
  })

  test('refuses more than 125 bytes', () => {
    expect(() => ws[name]('a'.repeat(126))).toThrow(RangeError)
    expect(face.queue).toEqual([])
  })
})

describe.each(['send', 'ping', 'pong'])('%s on a connection that is not open', (name) => {
  test('throws before it opens', () => {
    const fresh = new face.WebSocket(null)
    expect(() => fresh[name]('x', () => {})).toThrow('WebSocket is not open: readyState 0 (CONNECTING)')
  })

  test.each([[2, 'CLOSING'], [3, 'CLOSED']])('calls back later with an error in state %d', async (state, stateName) => {
    const callback = jest.fn()
    ws.close()
    if (state === 3) face.listeners.closed(ws, 0, 0)
    face.queue.length = 0
    ws[name]('x', callback)
    ws[name]('x')
    expect(callback).not.toHaveBeenCalled()
    await nextTurn()
    expect(callback.mock.calls).toEqual([[new Error(`WebSocket is not open: readyState ${state} (${stateName})`)]])
    expect(face.queue).toEqual([])
  })

  test('counts the bytes as buffered', () => {
    ws.close()
    ws[name]('é')
    ws[name](123)
    ws[name](Buffer.alloc(4))
    ws[name](new Blob(['12345']))
    ws[name]()
    expect(ws.bufferedAmount).toBe(2 + 3 + 4 + 5)
  })
})

test('bufferedAmount asks the driver', () => {
  driver.bufferedAmount.mockReturnValue(42)
  expect(ws.bufferedAmount).toBe(42)
})

test('before it is open and after it has closed, pause() and resume() do nothing', () => {
  const fresh = new face.WebSocket(null)
  fresh.pause()
  expect(fresh.isPaused).toBe(false)
  face.listeners.closed(ws, 0, 0)
  ws.pause()
  ws.resume()
  expect(ws.isPaused).toBe(false)
  expect(driver.pause).not.toHaveBeenCalled()
})
