'use strict'

const { once } = require('node:events')
const http = require('node:http')

const { fakeSocket, loadFace, nextTurn, upgradeRequest } = require('./fake-layers')

const HEAD = Buffer.alloc(0)

let face
let WebSocketServer
beforeEach(() => {
  face = loadFace()
  WebSocketServer = face.load('websocket-server')
})

/** @returns {object} a WebSocket that a server without a port has upgraded */
function upgrade (wss, { req = upgradeRequest(), socket = fakeSocket() } = {}) {
  let upgraded
  wss.handleUpgrade(req, socket, HEAD, (ws) => { upgraded = ws })
  return upgraded
}

describe('the constructor', () => {
  test.each([
    [undefined], [{}], [{ port: 0, noServer: true }], [{ port: 0, server: {} }], [{ server: {}, noServer: true }]
  ])('needs exactly one of port, server and noServer, not %p', (options) => {
    expect(() => new WebSocketServer(options)).toThrow(
      new TypeError('One and only one of the "port", "server", or "noServer" options must be specified')
    )
  })

  test('clients is a Set, unless tracking is off', () => {
    expect(new WebSocketServer({ noServer: true }).clients).toEqual(new Set())
    expect(new WebSocketServer({ noServer: true, clientTracking: false }).clients).toBeUndefined()
  })

  test('the class has the same members as that of ws', () => {
    const names = [...Object.getOwnPropertyNames(require('ws').WebSocketServer.prototype), 'shutdown', 'stats']
    expect(Object.getOwnPropertyNames(WebSocketServer.prototype).sort()).toEqual(names.sort())
  })
})

describe('with a port of its own', () => {
  test('listens, answers requests with 426, and closes', async () => {
    const onListening = jest.fn()
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' }, onListening)
    await once(wss, 'listening')
    expect(onListening).toHaveBeenCalledTimes(1)
    const { port } = wss.address()
    const [res] = await once(http.get({ port, host: '127.0.0.1', agent: false }), 'response')
    expect([res.statusCode, res.headers['content-type'], (await res.toArray()).join('')]).toEqual([426, 'text/plain', 'Upgrade Required'])
    wss.close()
    await once(wss, 'close')
  })

  test('tells that the port is taken', async () => {
    const first = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(first, 'listening')
    const second = new WebSocketServer({ port: first.address().port, host: '127.0.0.1' })
    const [error] = await once(second, 'error')
    expect(error.code).toBe('EADDRINUSE')
    first.close()
    await once(first, 'close')
  })
})

describe('on a server of the user', () => {
  test('emits connection for its upgrades, and passes on listening and error', () => {
    const server = http.createServer()
    const wss = new WebSocketServer({ server })
    const events = []
    for (const name of ['connection', 'listening', 'error']) wss.on(name, (...args) => events.push([name, ...args]))
    const req = upgradeRequest()
    server.emit('upgrade', req, fakeSocket(), HEAD)
    server.emit('listening')
    server.emit('error', 'error')
    expect(events).toEqual([['connection', [...wss.clients][0], req], ['listening'], ['error', 'error']])
  })

  test('takes its listeners off when it closes, and leaves the server open', () => {
    const server = http.createServer()
    const before = server.eventNames().length
    const wss = new WebSocketServer({ server })
    server.close = jest.fn()
    wss.close()
    expect(server.eventNames()).toHaveLength(before)
    expect(server.close).not.toHaveBeenCalled()
  })

  test('address() is that of the server, and null once it is closed', () => {
    const server = Object.assign(http.createServer(), { address: () => 'address' })
    const wss = new WebSocketServer({ server })
    expect(wss.address()).toBe('address')
    wss.close()
    expect(wss.address()).toBeNull()
  })
})

test('address() throws with noServer', () => {
  expect(() => new WebSocketServer({ noServer: true }).address()).toThrow('The server is operating in "noServer" mode')
})

describe('handleUpgrade', () => {
  test('calls back at once with an open WebSocket and the request', () => {
    const wss = new WebSocketServer({ noServer: true, maxPayload: 7 })
    const req = upgradeRequest()
    const callback = jest.fn()
    wss.handleUpgrade(req, fakeSocket(), HEAD, callback)
    const [ws] = wss.clients
    expect(callback.mock.calls).toEqual([[ws, req]])
    expect(ws.readyState).toBe(ws.OPEN)
    expect(face.opened[0].config.maxPayload).toBe(7)
  })

  test('reads its options each time', () => {
    const wss = new WebSocketServer({ noServer: true })
    wss.options.handleProtocols = () => 'b'
    wss.options.maxPayload = 3
    expect(upgrade(wss, { req: upgradeRequest({ 'sec-websocket-protocol': 'a, b' }) }).protocol).toBe('b')
    expect(face.opened[0].config.maxPayload).toBe(3)
  })

  test('headers may look at the lines of the answer and add to them', () => {
    const wss = new WebSocketServer({ noServer: true })
    const req = upgradeRequest()
    wss.on('headers', (lines, request) => {
      expect(lines[0]).toBe('HTTP/1.1 101 Switching Protocols')
      expect(request).toBe(req)
      lines.push('Set-Cookie: a=b')
    })
    upgrade(wss, { req })
    expect(face.opened[0].response).toMatch(/\r\nSet-Cookie: a=b\r\n\r\n$/)
  })

  test('a header line with a line break throws', () => {
    const wss = new WebSocketServer({ noServer: true })
    wss.on('headers', (lines) => lines.push('X-A: b\r\nX-C: d'))
    expect(() => upgrade(wss)).toThrow(TypeError)
    expect(face.opened).toEqual([])
  })

  test('a listener to wsClientError answers itself', () => {
    const wss = new WebSocketServer({ noServer: true })
    const socket = fakeSocket()
    const req = upgradeRequest()
    const listener = jest.fn()
    wss.on('wsClientError', listener)
    face.verdict = { status: 400, message: 'Invalid Upgrade header', versionHeader: false }
    upgrade(wss, { req, socket })
    expect(listener).toHaveBeenCalledWith(new Error('Invalid Upgrade header'), socket, req)
    expect(socket.written).toBe('')
  })

  test.each([
    ['shouldHandle()', { path: '/other' }, '400 Bad Request'],
    ['verifyClient()', { verifyClient: () => false }, '401 Unauthorized']
  ])('a refusal by %s is no wsClientError', (title, options, line) => {
    const wss = new WebSocketServer({ noServer: true, ...options })
    const socket = fakeSocket()
    wss.on('wsClientError', () => { throw new Error('not expected') })
    upgrade(wss, { socket })
    expect(socket.written.startsWith(`HTTP/1.1 ${line}\r\n`)).toBe(true)
  })

  test('shouldHandle() may be replaced', () => {
    const wss = new WebSocketServer({ noServer: true })
    wss.shouldHandle = (req) => req.url === '/mine'
    expect(upgrade(wss)).toBeUndefined()
    expect(upgrade(wss, { req: upgradeRequest({}, '/mine') })).toBeDefined()
  })

  test('answers 503 while closing', () => {
    const wss = new WebSocketServer({ noServer: true })
    const socket = fakeSocket()
    wss.close()
    expect(upgrade(wss, { socket })).toBeUndefined()
    expect(socket.written).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
  })

  test('destroys a socket that has ended, in silence', () => {
    const wss = new WebSocketServer({ noServer: true })
    const socket = fakeSocket().destroy()
    expect(upgrade(wss, { socket })).toBeUndefined()
    expect(face.opened).toEqual([])
  })

  test('throws for a socket that any server has upgraded', () => {
    const socket = fakeSocket()
    upgrade(new WebSocketServer({ noServer: true }), { socket })
    expect(() => upgrade(new WebSocketServer({ noServer: true }), { socket })).toThrow(/called more than once/)
  })
})

describe('close', () => {
  /** @returns {Array} what happened: 'close', and what callbacks were given */
  function follow (wss) {
    const log = []
    wss.on('close', () => log.push('close'))
    log.call = (name) => (error) => log.push([name, error?.message])
    return log
  }

  test('waits for the last client, and closes none', async () => {
    const wss = new WebSocketServer({ noServer: true })
    const clients = [upgrade(wss), upgrade(wss)]
    const log = follow(wss)
    wss.close(log.call('first'))
    wss.close(log.call('second'))
    await nextTurn()
    expect(clients.map(({ readyState }) => readyState)).toEqual([1, 1])
    face.listeners.closed(clients[0], 0, 0)
    await nextTurn()
    expect(log).toHaveLength(0)
    face.listeners.closed(clients[1], 0, 0)
    await nextTurn()
    expect([...log]).toEqual(['close', ['first', undefined], ['second', undefined]])
    expect(wss.clients.size).toBe(0)
  })

  test.each([[true], [false]])('is a tick away when there is nobody (clientTracking: %p)', async (clientTracking) => {
    const wss = new WebSocketServer({ noServer: true, clientTracking })
    const log = follow(wss)
    wss.close()
    expect(log).toHaveLength(0)
    await nextTurn()
    expect([...log]).toEqual(['close'])
  })

  test('after it has closed, the callback gets an error', async () => {
    const wss = new WebSocketServer({ noServer: true })
    wss.close()
    await nextTurn()
    const log = follow(wss)
    wss.close(log.call('late'))
    await nextTurn()
    expect([...log]).toEqual(['close', ['late', 'The server is not running']])
  })

  test('hangs on no listener of the server', async () => {
    const wss = new WebSocketServer({ noServer: true })
    const ws = upgrade(wss)
    wss.removeAllListeners()
    const closed = new Promise((resolve) => wss.close(resolve))
    face.listeners.closed(ws, 0, 0)
    await closed
  })
})
