'use strict'

const { EventEmitter } = require('node:events')

const { emitText, mixInEventTarget } = require('../../lib/event-target')

class Target extends EventEmitter {}
mixInEventTarget(Target)

let target
let seen
beforeEach(() => {
  target = new Target()
  seen = []
})

/** @param {object} event what a listener got */
const see = (event) => seen.push(event)

describe('addEventListener', () => {
  test.each([
    ['open', [], {}],
    ['message', [Buffer.from('é'), false], { data: 'é' }],
    ['error', [new Error('no')], { message: 'no', error: new Error('no') }],
    ['close', [1000, Buffer.from('bye')], { cause: { type: 'peer' }, code: 1000, reason: 'bye', wasClean: false }]
  ])('%s brings an event with target, type and what belongs to it', (type, args, members) => {
    Object.assign(target, { closeCause: { type: 'peer' }, _closeFrameReceived: true, _closeFrameSent: false })
    target.addEventListener(type, see)
    target.emit(type, ...args)
    expect(seen[0]).toMatchObject({ type, target, ...members })
    expect(Object.keys(Object.getPrototypeOf(seen[0]))).toEqual(type === 'open' ? ['target', 'type'] : Object.keys(members).sort())
  })

  test('events have the names of the browser', () => {
    for (const type of ['open', 'message', 'error', 'close']) target.addEventListener(type, see)
    target.emit('open')
    target.emit('message', Buffer.from(''), false)
    target.emit('error', new Error('no'))
    target.emit('close', 1000, Buffer.from(''))
    expect(seen.map((event) => event.constructor.name)).toEqual(['Event', 'MessageEvent', 'ErrorEvent', 'CloseEvent'])
  })

  test('wasClean needs both close frames', () => {
    target.addEventListener('close', see)
    Object.assign(target, { _closeFrameReceived: true, _closeFrameSent: true })
    target.emit('close', 1000, Buffer.from(''))
    expect(seen[0].wasClean).toBe(true)
  })

  test('binary data goes through as it is', () => {
    const data = new ArrayBuffer(3)
    target.addEventListener('message', see)
    target.emit('message', data, true)
    expect(seen[0].data).toBe(data)
  })

  test('a function is called on the target, an object through handleEvent', () => {
    const object = { handleEvent (event) { seen.push([this, event.type]) } }
    target.addEventListener('open', function () { seen.push(this) })
    target.addEventListener('open', object)
    target.emit('open')
    expect(seen).toEqual([target, [object, 'open']])
  })

  test('the same listener is added once', () => {
    target.addEventListener('message', see)
    target.addEventListener('message', see)
    expect(target.listenerCount('message')).toBe(1)
  })

  test('once takes it off when it is called', () => {
    target.addEventListener('open', see, { once: true })
    target.emit('open')
    target.emit('open')
    expect(seen).toHaveLength(1)
  })

  test('other types and no listener are ignored', () => {
    target.addEventListener('ping', see)
    target.addEventListener('constructor', see)
    target.addEventListener('message', null)
    expect(target.eventNames()).toEqual([])
  })
})

test('removeEventListener takes off what addEventListener added, and nothing else', () => {
  const object = { handleEvent: see }
  target.on('message', see)
  target.onmessage = see
  target.addEventListener('message', see, { once: true })
  target.addEventListener('message', object)
  target.removeEventListener('message', see)
  target.removeEventListener('message', object)
  target.removeEventListener('message', () => {})
  expect(target.listenerCount('message')).toBe(2)
  expect(target.onmessage).toBe(see)
})

describe('on<event> attributes', () => {
  test.each(['open', 'message', 'error', 'close'])('on%s is null, then what was set', (type) => {
    expect(target[`on${type}`]).toBeNull()
    target[`on${type}`] = see
    expect(target[`on${type}`]).toBe(see)
    expect(target.listenerCount(type)).toBe(1)
  })

  test('setting replaces, and anything that is no function only takes off', () => {
    target.onmessage = () => seen.push('first')
    target.onmessage = () => seen.push('second')
    target.emit('message', Buffer.from(''), false)
    expect(seen).toEqual(['second'])
    target.onmessage = 'no function'
    expect(target.onmessage).toBeNull()
    expect(target.listenerCount('message')).toBe(0)
  })

  test('the attribute and a listener may be the same function', () => {
    target.addEventListener('open', see)
    target.onopen = see
    target.emit('open')
    expect(seen).toHaveLength(2)
  })
})

describe('emitText', () => {
  test('emits the Buffer, and no third argument', () => {
    const data = Buffer.from('abc')
    target.on('message', (...args) => seen.push(args))
    emitText(target, data, true)
    expect(seen).toEqual([[data, false]])
    expect(seen[0][0]).toBe(data)
  })

  test.each([['plain', true], ['é€😀', false], ['', true]])('%p arrives as that string', (text, isAscii) => {
    target.addEventListener('message', see)
    emitText(target, Buffer.from(text), isAscii)
    expect(seen[0].data).toBe(text)
  })

  test('what is emitted by hand meanwhile is decoded as UTF-8', () => {
    target.addEventListener('message', see)
    target.once('message', () => target.emit('message', Buffer.from('é'), false))
    emitText(target, Buffer.from('ascii'), true)
    expect(seen.map(({ data }) => data).sort()).toEqual(['ascii', 'é'])
  })
})
