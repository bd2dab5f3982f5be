'use strict'

// What a client's options do, and where they may stand.

const { once } = require('events')
const net = require('net')

const { describeError, openClient, startClient } = require('../support/client-log')
const { OPCODE, closeFrame, frame } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { serveRaw } = require('../support/raw-server')

/** A frame of a server. */
const fromServer = (opcode, payload, how) => frame(opcode, payload, { mask: null, ...how })

describe.each(implementations)('%s', (name, of) => {
  /**
   * Connects a client to a bare server.
   *
   * @param {...*} args of the constructor, behind the URL
   * @returns {Promise<object>} the client, its log, the server's end, and the request
   */
  async function connect(...args) {
    const raw = await serveRaw()
    const opened = openClient(of, raw.url, ...args)
    const { peer, request } = await raw.upgrade()
    return { ...await opened, peer, request }
  }

  test.each([
    ['nothing', [], [undefined, undefined]],
    ['undefined and options', [undefined, { headers: { 'X-A': '1' } }], [undefined, '1']],
    ['options alone', [{ headers: { 'X-A': '1' } }], [undefined, '1']],
    ['a name', ['a'], ['a', undefined]],
    ['a name and options', ['a', { headers: { 'X-A': '1' } }], ['a', '1']],
    ['names', [['a', 'b']], ['a,b', undefined]],
    ['no names', [[]], [undefined, undefined]],
    ['no names, and names in the options that do not count', [[], { protocols: ['a'] }], [undefined, undefined]],
    ['names in the options', [{ protocols: ['a', 'b'] }], ['a,b', undefined]],
    ['a name in the options', [undefined, { protocols: 'a' }], ['a', undefined]],
    ['names and null', [['a'], null], ['a', undefined]]
  ])('the arguments may be %s', async (title, args, expected) => {
    const raw = await serveRaw()
    const { client } = startClient(of, raw.url, ...args)
    client.on('error', () => {})
    const { request } = await raw.request()
    expect([request.headers['sec-websocket-protocol'], request.headers['x-a']]).toEqual(expected)
  })

  test('finishRequest is given the request and the WebSocket, and sends it when it likes', async () => {
    const raw = await serveRaw()
    const calls = []
    const { client } = startClient(of, raw.url, { finishRequest: (...args) => calls.push(args) })
    const [[req, webSocket, ...others]] = calls
    expect([webSocket === client, req === client._req, others, client.readyState]).toEqual([true, true, [], 0])
    setImmediate(() => {
      req.setHeader('X-Later', 'yes')
      req.end()
    })
    const { request } = await raw.upgrade()
    await once(client, 'open')
    expect(request.headers['x-later']).toBe('yes')
  })

  test('what finishRequest throws is thrown by the constructor', () => {
    const finishRequest = () => { throw new TypeError('not today') }
    expect(() => new of.WebSocket('ws://127.0.0.1:1', { finishRequest, createConnection: () => new net.Socket() })).toThrow('not today')
  })

  test.each([[4, 0], [3, 1009]])('maxPayload %d', async (maxPayload, code) => {
    const { client, log, peer } = await connect({ maxPayload })
    const heard = once(client, code === 0 ? 'message' : 'error')
    heard.catch(() => {})
    await peer.write(fromServer(OPCODE.text, 'four'))
    if (code === 0) {
      await heard
      expect(log.slice(2)).toEqual(['1 message text four'])
    } else {
      expect(await peer.readFrame()).toMatchObject({ opcode: OPCODE.close, masked: true, payload: closeFrame(code, '', { mask: null }).subarray(2) })
      expect(log.slice(2)).toEqual(['2 error RangeError: Max payload size exceeded (WS_ERR_UNSUPPORTED_MESSAGE_LENGTH)'])
    }
  })

  test('maxFragments', async () => {
    const { client, peer } = await connect({ maxFragments: 2 })
    const failed = new Promise((resolve) => client.once('error', resolve))
    await peer.write(Buffer.concat([
      fromServer(OPCODE.text, 'a', { fin: false }), fromServer(OPCODE.continuation, 'b', { fin: false }), fromServer(OPCODE.continuation, 'c')
    ]))
    expect(describeError(await failed)).toBe('RangeError: Too many message fragments (WS_ERR_TOO_MANY_BUFFERED_PARTS)')
    expect((await peer.readFrame()).payload.readUInt16BE()).toBe(1008)
  })

  test.each([[false, 'error'], [true, 'message']])('skipUTF8Validation %p', async (skipUTF8Validation, expected) => {
    const { client, log, peer } = await connect({ skipUTF8Validation })
    const heard = new Promise((resolve) => client.on('message', resolve).on('error', resolve))
    await peer.write(fromServer(OPCODE.text, Buffer.from([0xff])))
    await heard
    expect(log[2]).toContain(expected)
  })

  test.each([[undefined, [OPCODE.pong, OPCODE.text]], [true, [OPCODE.pong, OPCODE.text]], [false, [OPCODE.text]]])('autoPong %p', async (autoPong, expected) => {
    const { client, peer } = await connect(autoPong === undefined ? {} : { autoPong })
    const pinged = once(client, 'ping')
    await peer.write(fromServer(OPCODE.ping, 'p'))
    await pinged
    client.send('done')
    for (const opcode of expected) expect((await peer.readFrame()).opcode).toBe(opcode)
  })

  test('closeTimeout ends the wait for a server that does not close', async () => {
    const { client, log } = await connect({ closeTimeout: 20 })
    client.close(1000)
    await once(client, 'close')
    expect(log.slice(2)).toEqual(['3 close 1006'])
  })

  test('allowSynchronousEvents false gives each event a turn of its own', async () => {
    const { client, peer } = await connect({ allowSynchronousEvents: false })
    const turns = []
    let turn = 0
    const three = new Promise((resolve) => client.on('message', () => {
      if (turns.push(turn) === 3) resolve()
      queueMicrotask(() => { turn++ })
    }))
    await peer.write(Buffer.concat(['a', 'b', 'c'].map((text) => fromServer(OPCODE.text, text))))
    await three
    expect(turns).toEqual([0, 1, 2])
  })

  test('lookup, family and localAddress reach the socket', async () => {
    const raw = await serveRaw()
    const asked = []
    const lookup = (hostname, options, callback) => {
      asked.push([hostname, options.family])
      if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
      else callback(null, '127.0.0.1', 4)
    }
    const opened = openClient(of, `ws://somewhere:${raw.port}`, { lookup, family: 4, localAddress: '127.0.0.3' })
    const { peer, request } = await raw.upgrade()
    await opened
    expect(asked).toEqual([['somewhere', 4]])
    expect(request.headers.host).toBe(`somewhere:${raw.port}`)
    expect(peer.socket.remoteAddress).toBe('127.0.0.3')
  })

  test('createConnection brings the socket', async () => {
    const raw = await serveRaw()
    const sockets = []
    const createConnection = (options) => {
      expect([options.host, options.port]).toEqual(['nowhere', 80])
      sockets.push(net.connect(raw.port, '127.0.0.1'))
      return sockets[0]
    }
    const opened = openClient(of, 'ws://nowhere', { createConnection })
    const { peer } = await raw.upgrade()
    const { client, log } = await opened
    await peer.write(fromServer(OPCODE.text, 'x'))
    await once(client, 'message')
    expect(sockets).toHaveLength(1)
    expect(client._socket.remotePort).toBe(raw.port)
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '1 message text x'])
  })

  test('an AbortSignal ends the handshake, and does not touch an open connection', async () => {
    const raw = await serveRaw()
    const before = new AbortController()
    const { log, closed } = startClient(of, raw.url, { signal: before.signal })
    await raw.request()
    before.abort()
    await closed
    expect(log).toEqual(['2 error AbortError: The operation was aborted (ABORT_ERR)', '3 close 1006'])
  })

  test('the same options may be used again, and are not changed', async () => {
    const options = Object.freeze({ headers: Object.freeze({ 'X-A': '1' }), perMessageDeflate: true })
    const [one, other] = [await connect(options), await connect(options)]
    for (const { request } of [one, other]) expect(request.headers['x-a']).toBe('1')
  })

  test('a class of one\'s own connects, and its overridden methods are used', async () => {
    const calls = []
    class Mine extends of.WebSocket {
      setSocket(socket, head, options) {
        calls.push([head.toString('latin1'), options.maxPayload, options.skipUTF8Validation, options.allowSynchronousEvents])
        super.setSocket(socket, head, options)
      }

      emit(event, ...args) {
        if (event === 'message') calls.push(args[0].toString())
        return super.emit(event, ...args)
      }

      emitClose() {
        calls.push('emitClose')
        super.emitClose()
      }
    }
    const raw = await serveRaw()
    const { client } = startClient({ WebSocket: Mine }, raw.url, { maxPayload: 9 })
    const text = fromServer(OPCODE.text, 'head')
    await raw.upgrade({}, text)
    await once(client, 'message')
    client.terminate()
    await once(client, 'close')
    expect(calls).toEqual([[text.toString('latin1'), 9, false, true], 'head', 'emitClose'])
    expect(client).toBeInstanceOf(of.WebSocket)
  })
})
