'use strict'

// What may be called when, and what wrong arguments give.

const { frame } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { connectPair, serve } = require('../support/servers')
const { closeOf, messagesOf } = require('../support/waiting')

describe.each(implementations)('%s', (name, of) => {
  /**
   * @returns {Promise<object>} `{ client, webSocket }`
   */
  async function pair() {
    return connectPair(await serve(null, { of }))
  }

  /**
   * @param {'CLOSING'|'CLOSED'} state
   * @returns {Promise<object>} a server's WebSocket in this state
   */
  async function inState(state) {
    const { client, webSocket } = await pair()
    if (state === 'CLOSING') {
      client._socket.pause()
      webSocket.close(1000)
    } else {
      const closed = closeOf(webSocket)
      webSocket.terminate()
      await closed
    }
    expect(webSocket.readyState).toBe(of.WebSocket[state])
    return webSocket
  }

  test('the four constants stand on the class and on its objects, and cannot be changed', async () => {
    const { webSocket } = await pair()
    for (const [value, state] of ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].entries()) {
      for (const holder of [of.WebSocket, webSocket]) {
        expect(holder[state]).toBe(value)
        expect(() => { holder[state] = 9 }).toThrow(TypeError)
      }
    }
  })

  test('the properties cannot be set', async () => {
    const { webSocket } = await pair()
    for (const property of ['bufferedAmount', 'extensions', 'isPaused', 'protocol', 'readyState', 'url']) {
      expect(() => { webSocket[property] = 'x' }).toThrow(TypeError)
    }
  })

  test('readyState goes OPEN, CLOSING, CLOSED', async () => {
    const { webSocket } = await pair()
    const states = [webSocket.readyState]
    const closed = new Promise((resolve) => webSocket.on('close', () => { states.push(webSocket.readyState); resolve() }))
    webSocket.close()
    states.push(webSocket.readyState)
    await closed
    expect(states).toEqual([of.WebSocket.OPEN, of.WebSocket.CLOSING, of.WebSocket.CLOSED])
  })

  describe.each(['CLOSING', 'CLOSED'])('in the state %s', (state) => {
    test.each(['send', 'ping', 'pong'])('%s() throws nothing, sends nothing, and calls back with an error, later', async (method) => {
      const webSocket = await inState(state)
      let returned = false
      const called = new Promise((resolve) => webSocket[method]('data', (error) => resolve([error, returned])))
      webSocket[method]('without a callback')
      webSocket[method]()
      returned = true
      const [error, later] = await called
      expect(error).toMatchObject({ message: `WebSocket is not open: readyState ${webSocket.CLOSING + (state === 'CLOSED' ? 1 : 0)} (${state})` })
      expect(later).toBe(true)
    })

    test('bufferedAmount grows by what send() was given', async () => {
      const webSocket = await inState(state)
      const before = webSocket.bufferedAmount
      webSocket.send('abc')
      webSocket.send(Buffer.alloc(10))
      webSocket.send('é')
      webSocket.send(42)
      expect(webSocket.bufferedAmount - before).toBe(3 + 10 + 2 + 2)
    })

    test('send() may be called 10,000 times', async () => {
      const webSocket = await inState(state)
      for (let i = 0; i < 10000; i++) webSocket.send('x')
      const error = await new Promise((resolve) => webSocket.send('x', resolve))
      expect(error.message).toContain(`(${state})`)
    })
  })

  test('pause() and resume() do nothing when CLOSED', async () => {
    const webSocket = await inState('CLOSED')
    webSocket.pause()
    expect(webSocket.isPaused).toBe(false)
    webSocket.resume()
  })

  test('terminate() makes it CLOSING at once, and close follows in a later turn, once', async () => {
    const { webSocket } = await pair()
    let closes = 0
    webSocket.on('close', () => { closes++ })
    const closed = closeOf(webSocket)
    webSocket.terminate()
    expect([webSocket.readyState, closes]).toEqual([of.WebSocket.CLOSING, 0])
    webSocket.terminate()
    webSocket.close()
    expect(await closed).toEqual({ code: 1006, reason: '' })
    expect(closes).toBe(1)
  })

  test.each([
    ['a code that may not be sent', [1005], TypeError, 'First argument must be a valid error code number'],
    ['a code that nobody defined', [2000], TypeError, 'First argument must be a valid error code number'],
    ['a code that is a string', ['1000'], TypeError, 'First argument must be a valid error code number'],
    ['a code that is null', [null], TypeError, 'First argument must be a valid error code number'],
    ['a reason of 124 bytes', [1000, 'x'.repeat(122) + 'é'], RangeError, 'The message must not be greater than 123 bytes'],
    ['a reason that is another TypedArray', [1000, new Uint16Array(4)], TypeError, 'Second argument must be a string or a Uint8Array'],
    ['a reason that is an ArrayBuffer of some length', [1000, Object.assign(new ArrayBuffer(4), { length: 4 })], TypeError, 'Second argument must be a string or a Uint8Array']
  ])('close() throws for %s, and the connection stays open', async (title, args, type, message) => {
    const { client, webSocket } = await pair()
    expect(() => webSocket.close(...args)).toThrow(type)
    expect(() => webSocket.close(...args)).toThrow(message)
    expect(webSocket.readyState).toBe(of.WebSocket.OPEN)
    const inbox = messagesOf(client)
    webSocket.send('still open')
    expect((await inbox.next()).data.toString()).toBe('still open')
  })

  test.each(['ping', 'pong'])('%s() throws for more than 125 bytes, and takes 125', async (method) => {
    const { client, webSocket } = await pair()
    for (const data of ['x'.repeat(126), 'é'.repeat(63), Buffer.alloc(126)]) {
      expect(() => webSocket[method](data)).toThrow(RangeError)
      expect(() => webSocket[method](data)).toThrow('The data size must not be greater than 125 bytes')
    }
    const received = new Promise((resolve) => client.once(method, resolve))
    webSocket[method]('x'.repeat(125))
    expect((await received).toString()).toBe('x'.repeat(125))
  })

  test('ping() and pong() take what send() takes', async () => {
    const { client, webSocket } = await pair()
    for (const method of ['ping', 'pong']) {
      const received = []
      const all = new Promise((resolve) => client.on(method, (data) => { if (received.push(data.toString()) === 5) resolve() }))
      for (const data of [7, 'text', Buffer.from('buffer'), Uint8Array.of(97).buffer, undefined]) webSocket[method](data)
      await all
      expect(received).toEqual(['7', 'text', 'buffer', 'a', ''])
    }
  })

  test.each([
    ['a plain object', {}],
    ['true', true],
    ['a symbol', Symbol('x')]
  ])('send() throws a TypeError for %s', async (title, data) => {
    const { webSocket } = await pair()
    expect(() => webSocket.send(data)).toThrow(expect.objectContaining({ name: 'TypeError' }))
  })

  test('methods before the connection throws an error that names the state', () => {
    const webSocket = new of.WebSocket(null, undefined, {})
    expect(webSocket.readyState).toBe(of.WebSocket.CONNECTING)
    for (const method of ['send', 'ping', 'pong']) {
      expect(() => webSocket[method]('x')).toThrow('WebSocket is not open: readyState 0 (CONNECTING)')
    }
    webSocket.pause()
    webSocket.resume()
    expect(webSocket.isPaused).toBe(false)
  })

  test('close() in an error listener is harmless', async () => {
    const { client, webSocket } = await pair()
    const closed = closeOf(webSocket)
    webSocket.on('error', () => webSocket.close(1000))
    client._socket.write(frame(3))
    expect((await closed).code).toBe(1006)
  })
})
