'use strict'

const { loadFace, nextTurn, openWebSocket, recordEvents } = require('./fake-layers')

let face
let ws
let events
let driver
let listeners
beforeEach(() => {
  face = loadFace()
  open()
})

/** @param {object} [options] options of setSocket() */
function open (options) {
  ws = openWebSocket(face, options)
  events = recordEvents(ws)
  ;({ driver } = face.opened.at(-1))
  ;({ listeners } = face)
}

/** @param {string} text comes in as a text message */
function receive (text) {
  listeners.message(ws, Buffer.from(text), false, true)
}

/** @returns {string[]} what was emitted: texts of messages, names of all else */
const heard = () => events.map(([name, data]) => (name === 'message' ? data.toString() : name))

describe('a message', () => {
  test('is emitted at once, with two arguments', () => {
    const data = Buffer.from('abc')
    listeners.message(ws, data, true, false)
    listeners.message(ws, data, false, true)
    expect(events).toEqual([['message', data, true], ['message', data, false]])
    expect(events[0][1]).toBe(data)
  })

  test('comes as binaryType says if it is binary', async () => {
    const slab = Buffer.from('..data..')
    ws.binaryType = 'arraybuffer'
    listeners.message(ws, slab.subarray(2, 6), true, false)
    ws.binaryType = 'fragments'
    listeners.message(ws, slab.subarray(2, 6), true, false)
    listeners.message(ws, Buffer.alloc(0), true, false)
    ws.binaryType = 'blob'
    listeners.message(ws, slab.subarray(2, 6), true, false)
    const [arrayBuffer, fragments, none, blob] = events.map(([, data]) => data)
    expect(arrayBuffer.byteLength).toBe(4)
    expect(Buffer.from(arrayBuffer).toString()).toBe('data')
    expect(fragments).toEqual([Buffer.from('data')])
    expect(none).toEqual([])
    expect(await blob.text()).toBe('data')
  })

  test('comes as a Buffer if it is text, whatever binaryType says', () => {
    ws.binaryType = 'arraybuffer'
    receive('text')
    expect(events).toEqual([['message', Buffer.from('text'), false]])
  })

  test('is a string in the browser’s face', () => {
    const seen = []
    ws.onmessage = (event) => seen.push(event.data)
    listeners.message(ws, Buffer.from('é'), false, false)
    receive('ascii')
    expect(seen).toEqual(['é', 'ascii'])
  })
})

test('ping, pong and drain are emitted', () => {
  listeners.ping(ws, Buffer.from('1'))
  listeners.pong(ws, Buffer.from('2'))
  listeners.drained(ws)
  expect(events).toEqual([['ping', Buffer.from('1')], ['pong', Buffer.from('2')], ['drain']])
})

describe('while paused', () => {
  test('what arrives is held back, and comes in order a tick after resume()', async () => {
    ws.pause()
    expect(driver.pause).toHaveBeenCalledTimes(1)
    receive('1')
    listeners.ping(ws, Buffer.alloc(0))
    listeners.pong(ws, Buffer.alloc(0))
    receive('2')
    await nextTurn()
    expect(events).toEqual([])
    ws.resume()
    expect(driver.resume).toHaveBeenCalledTimes(1)
    receive('3')
    expect(events).toEqual([])
    await nextTurn()
    expect(heard()).toEqual(['1', 'ping', 'pong', '2', '3'])
    receive('4')
    expect(heard()).toHaveLength(6)
  })

  test('a close frame is not answered', async () => {
    ws.pause()
    listeners.closeFrame(ws, 1000, Buffer.alloc(0))
    listeners.peerEnded(ws)
    await nextTurn()
    expect(ws.readyState).toBe(ws.OPEN)
    ws.resume()
    await nextTurn()
    expect(face.queue).toHaveLength(1)
    expect(ws._closeCode).toBe(1000)
  })

  test('a listener may pause again: the rest waits', async () => {
    ws.pause()
    ;['1', '2', '3'].forEach(receive)
    ws.once('message', () => ws.pause())
    ws.resume()
    await nextTurn()
    expect(heard()).toEqual(['1'])
    ws.resume()
    await nextTurn()
    expect(heard()).toEqual(['1', '2', '3'])
  })

  test('the end of the connection brings all that is left, then close', async () => {
    ws.pause()
    receive('1')
    listeners.failed(ws, Object.assign(new Error('bad'), { closeCode: 1002 }))
    listeners.closed(ws, 0, 0)
    expect(ws.readyState).toBe(ws.CLOSING)
    await nextTurn()
    expect(heard()).toEqual(['1', 'error', 'close'])
    expect(ws.isPaused).toBe(true)
  })

  test('pausing twice and resuming without a pause do nothing', () => {
    ws.resume()
    expect(driver.resume).not.toHaveBeenCalled()
    ws.pause()
    ws.pause()
    expect(driver.pause).toHaveBeenCalledTimes(1)
  })

  test('an exception in a listener loses nothing that is held', () => {
    // The ticks are run by hand, to see what reaches the process.
    const ticks = []
    const nextTick = jest.spyOn(process, 'nextTick').mockImplementation((run, ...args) => ticks.push(() => run(...args)))
    try {
      face = loadFace()
      open()
      ws.pause()
      ;['1', '2', '3'].forEach(receive)
      ws.once('message', () => { throw new Error('thrown by the user') })
      ticks.splice(0).forEach((tick) => tick())
      ws.resume()
      expect(() => ticks.shift()()).toThrow('thrown by the user')
      ticks.shift()()
      expect(ticks).toEqual([])
    } finally {
      nextTick.mockRestore()
    }
    expect(heard()).toEqual(['1', '2', '3'])
  })
})

describe('after terminate()', () => {
  test('nothing is emitted but close', async () => {
    ws.terminate()
    receive('late')
    listeners.ping(ws, Buffer.alloc(0))
    listeners.closeFrame(ws, 1000, Buffer.alloc(0))
    listeners.failed(ws, new Error('late'))
    listeners.peerEnded(ws)
    listeners.closed(ws, 0, 0)
    expect(events).toEqual([['close', 1006, Buffer.alloc(0)]])
    await nextTurn()
    expect(events).toHaveLength(1)
  })

  test('what was held back is dropped', async () => {
    ws.pause()
    receive('held')
    ws.terminate()
    listeners.closed(ws, 0, 0)
    await nextTurn()
    expect(heard()).toEqual(['close'])
  })

  test('by a listener, in the middle of what was held back', async () => {
    ws.pause()
    ;['1', '2'].forEach(receive)
    ws.once('message', () => ws.terminate())
    ws.resume()
    await nextTurn()
    expect(heard()).toEqual(['1'])
  })
})

describe('with allowSynchronousEvents: false', () => {
  test('every turn of the event loop brings one event', async () => {
    open({ allowSynchronousEvents: false })
    receive('1')
    receive('2')
    listeners.closed(ws, 0, 0)
    const turns = [heard()]
    for (let i = 0; i < 4; i++) {
      await nextTurn()
      turns.push(heard())
    }
    expect(turns.map(({ length }) => length)).toEqual([0, 1, 2, 3, 3])
    expect(heard()).toEqual(['1', '2', 'close'])
  })

  test('more than 1 MiB that waits is not read on, until half of it has been emitted', async () => {
    open({ allowSynchronousEvents: false })
    const message = Buffer.alloc(300_000)
    for (let i = 0; i < 3; i++) listeners.message(ws, message, true, false)
    expect(driver.pause).not.toHaveBeenCalled()
    for (let i = 0; i < 2; i++) listeners.message(ws, message, true, false)
    expect(driver.pause).toHaveBeenCalledTimes(1)
    ws.pause()
    ws.resume()
    for (let i = 0; i < 3; i++) await nextTurn()
    expect(driver.resume).not.toHaveBeenCalled()
    await nextTurn()
    expect(driver.resume).toHaveBeenCalledTimes(1)
    expect(events.length).toBeGreaterThan(3)
  })

  test('pause() holds too', async () => {
    open({ allowSynchronousEvents: false })
    receive('1')
    ws.pause()
    await nextTurn()
    expect(events).toEqual([])
    ws.resume()
    await nextTurn()
    expect(heard()).toEqual(['1'])
  })
})
