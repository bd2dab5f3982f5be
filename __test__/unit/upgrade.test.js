'use strict'

const { ACCEPT, KEY, fakeSocket, loadFace, nextTurn, recordEvents, upgradeRequest } = require('./fake-layers')

const HEAD = Buffer.from('head')

let face
let handleUpgrade
let socket
beforeEach(() => {
  face = loadFace()
  ;({ handleUpgrade } = face.load('upgrade'))
  socket = fakeSocket()
})

/** @param {number} status @param {string} message @param {boolean} [versionHeader] what the core answers */
const refuse = (status, message, versionHeader = false) => { face.verdict = { status, message, versionHeader } }

/** @param {string} status @param {string} body @param {string} [more] header lines @returns {string} an answer as ws words it */
const refusal = (status, body, more = '') =>
  `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`

describe('a good request', () => {
  test('is judged by the core from its method and headers', () => {
    handleUpgrade(upgradeRequest({ 'sec-websocket-version': 13, 'sec-websocket-protocol': 'a' }), socket, HEAD)
    expect(face.native.judgeUpgrade.mock.calls).toEqual([['GET', 'websocket', 'Upgrade', KEY, '13', 'a']])
  })

  test('gives an open WebSocket at once, to the caller and to the callback', () => {
    const req = upgradeRequest()
    const callback = jest.fn()
    const ws = handleUpgrade(req, socket, HEAD, callback)
    expect(ws).toBeInstanceOf(face.WebSocket)
    expect(ws.readyState).toBe(ws.OPEN)
    expect(callback.mock.calls).toEqual([[ws, req]])
  })

  test('is answered with 101 by the driver, which gets the head and the limits', () => {
    handleUpgrade(upgradeRequest(), socket, HEAD, { maxPayload: 5, driver: 'stream', closeTimeout: 9 })
    expect(face.opened).toHaveLength(1)
    expect(face.opened[0]).toMatchObject({ socket, head: HEAD, config: { maxPayload: 5, maxFragments: 16384, driver: 'stream', closeTimeout: 9 } })
    expect(face.opened[0].response).toBe(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`
    )
    expect(socket.written).toBe('')
  })

  test('leaves no listener of the handshake on the socket', () => {
    handleUpgrade(upgradeRequest(), socket, HEAD)
    expect(socket.listenerCount('error')).toBe(0)
  })

  test('emits open later, unless the connection was closed meanwhile', async () => {
    const events = recordEvents(handleUpgrade(upgradeRequest(), socket, HEAD))
    const other = handleUpgrade(upgradeRequest(), fakeSocket(), HEAD)
    const otherEvents = recordEvents(other)
    other.terminate()
    expect(events).toEqual([])
    await nextTurn()
    expect(events).toEqual([['open']])
    expect(otherEvents).toEqual([])
  })

  test('is for a class of the user’s own', () => {
    class Mine extends face.WebSocket {}
    expect(handleUpgrade(upgradeRequest(), socket, HEAD, { WebSocket: Mine })).toBeInstanceOf(Mine)
  })

  test('must be for the path, whatever its query', () => {
    expect(handleUpgrade(upgradeRequest({}, '/chat?a=1'), socket, HEAD, { path: '/chat' }).readyState).toBe(1)
    const other = fakeSocket()
    expect(handleUpgrade(upgradeRequest({}, '/chat/'), other, HEAD, { path: '/chat' }).readyState).toBe(3)
    expect(other.written).toBe(refusal('400 Bad Request', 'Bad Request'))
  })
})

describe('sub-protocols', () => {
  const request = () => upgradeRequest({ 'sec-websocket-protocol': 'a, b' })

  test('the first is chosen', () => {
    expect(handleUpgrade(request(), socket, HEAD).protocol).toBe('a')
    expect(face.opened[0].response).toContain('\r\nSec-WebSocket-Protocol: a\r\n\r\n')
  })

  test('handleProtocols chooses', () => {
    const handleProtocols = jest.fn(() => 'b')
    const req = request()
    expect(handleUpgrade(req, socket, HEAD, { handleProtocols }).protocol).toBe('b')
    expect(handleProtocols).toHaveBeenCalledWith(new Set(['a', 'b']), req)
  })

  test('handleProtocols may choose none', () => {
    expect(handleUpgrade(request(), socket, HEAD, { handleProtocols: () => false }).protocol).toBe('')
    expect(face.opened[0].response).not.toContain('Sec-WebSocket-Protocol')
  })

  test('a choice that would break out of the head throws, and nothing is opened', () => {
    const options = { handleProtocols: () => 'a\r\nSet-Cookie: x' }
    expect(() => handleUpgrade(request(), socket, HEAD, options)).toThrow(TypeError)
    expect(face.opened).toEqual([])
  })
})

describe('a refused request', () => {
  test.each([
    [405, '405 Method Not Allowed', 'Invalid HTTP method', false, ''],
    [400, '400 Bad Request', 'Invalid Upgrade header', false, ''],
    [400, '400 Bad Request', 'Missing or invalid Sec-WebSocket-Version header', true, 'Sec-WebSocket-Version: 13, 8\r\n']
  ])('is answered as ws does: %d %s, %s', (status, line, message, versionHeader, more) => {
    refuse(status, message, versionHeader)
    handleUpgrade(upgradeRequest(), socket, HEAD)
    expect(socket.written).toBe(refusal(line, message, more))
    expect(socket.writableEnded).toBe(true)
  })

  test('gives a CLOSED WebSocket that tells later, and no callback', async () => {
    refuse(405, 'Invalid HTTP method')
    const callback = jest.fn()
    const ws = handleUpgrade(upgradeRequest(), socket, HEAD, callback)
    expect(ws.readyState).toBe(ws.CLOSED)
    const events = recordEvents(ws)
    await nextTurn()
    expect(events.map(([name]) => name)).toEqual(['error', 'close'])
    expect(events[0][1].statusCode).toBe(405)
    expect(events[1][1]).toBe(1006)
    expect(callback).not.toHaveBeenCalled()
  })

  test('throws nothing if nobody listens to error', async () => {
    refuse(400, 'Invalid Upgrade header')
    const onClose = jest.fn()
    handleUpgrade(upgradeRequest(), socket, HEAD).on('close', onClose)
    await nextTurn()
    expect(onClose).toHaveBeenCalledTimes(1)
  })

  test('can be sent to and closed like any closed WebSocket', async () => {
    refuse(400, 'Invalid Upgrade header')
    const ws = handleUpgrade(upgradeRequest(), socket, HEAD)
    const callback = jest.fn()
    ws.send('x', callback)
    ws.close()
    ws.terminate()
    ws.pause()
    await nextTurn()
    expect(callback.mock.calls[0][0].message).toBe('WebSocket is not open: readyState 3 (CLOSED)')
  })

  test('destroys the socket when the answer has been written, and survives its errors', async () => {
    refuse(400, 'Invalid Upgrade header')
    handleUpgrade(upgradeRequest(), socket, HEAD)
    socket.emit('error', new Error('ECONNRESET'))
    await nextTurn()
    expect(socket.destroyed).toBe(true)
  })

  test('the path comes before the sub-protocols, and all other headers before the path', () => {
    const options = { path: '/other' }
    refuse(400, 'Invalid Sec-WebSocket-Protocol header')
    handleUpgrade(upgradeRequest(), socket, HEAD, options)
    expect(socket.written).toBe(refusal('400 Bad Request', 'Bad Request'))
    refuse(400, 'Invalid Upgrade header')
    socket = fakeSocket()
    handleUpgrade(upgradeRequest(), socket, HEAD, options)
    expect(socket.written).toBe(refusal('400 Bad Request', 'Invalid Upgrade header'))
  })
})

describe('verifyClient', () => {
  test('with one parameter decides at once', () => {
    const verifyClient = jest.fn((info) => info.origin === 'http://here')
    const req = upgradeRequest({ origin: 'http://here' })
    expect(handleUpgrade(req, socket, HEAD, { verifyClient }).readyState).toBe(1)
    expect(verifyClient).toHaveBeenCalledWith({ origin: 'http://here', secure: false, req })
  })

  test('refuses with 401', () => {
    expect(handleUpgrade(upgradeRequest(), socket, HEAD, { verifyClient: () => false }).readyState).toBe(3)
    expect(socket.written).toBe(refusal('401 Unauthorized', 'Unauthorized'))
  })

  test('knows secure sockets, and the origin header of version 8', () => {
    const req = upgradeRequest({ origin: '13', 'sec-websocket-origin': '8', 'sec-websocket-version': '8' })
    req.socket.encrypted = true
    handleUpgrade(req, socket, HEAD, { verifyClient: ({ origin, secure }) => expect([origin, secure]).toEqual(['8', true]) })
  })

  test('with two parameters decides later; the WebSocket is CONNECTING till then', () => {
    let decide
    const callback = jest.fn()
    const verifyClient = (info, done) => { decide = done }
    const ws = handleUpgrade(upgradeRequest(), socket, HEAD, { verifyClient }, callback)
    expect(ws.readyState).toBe(ws.CONNECTING)
    expect(socket.listenerCount('error')).toBe(1)
    decide(true)
    expect(ws.readyState).toBe(ws.OPEN)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  test('may choose status, body and headers', async () => {
    const headers = { 'Content-Type': 'text/plain', 'Retry-After': 5 }
    const verifyClient = (info, done) => setImmediate(done, false, 503, 'later', headers)
    const ws = handleUpgrade(upgradeRequest(), socket, HEAD, { verifyClient })
    const errors = []
    ws.on('error', (error) => errors.push(error.statusCode))
    await new Promise((resolve) => ws.on('close', resolve))
    expect(errors).toEqual([503])
    expect(socket.written).toBe(
      'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nRetry-After: 5\r\n\r\nlater'
    )
  })

  test('a header that would break out of the head throws', () => {
    const verifyClient = (info, done) => done(false, 401, 'no', { 'X-A': 'b\r\nX-C: d' })
    expect(() => handleUpgrade(upgradeRequest(), socket, HEAD, { verifyClient })).toThrow(TypeError)
    expect(socket.written).toBe('')
  })

  test.each([true, false])('%p comes too late if the user has closed the WebSocket', async (verdict) => {
    let decide
    const ws = handleUpgrade(upgradeRequest(), socket, HEAD, { verifyClient: (info, done) => { decide = done } })
    ws.close()
    decide(verdict)
    expect(socket.destroyed).toBe(true)
    expect(face.opened).toEqual([])
    await nextTurn()
    expect(ws.readyState).toBe(ws.CLOSED)
  })
})

describe('a socket', () => {
  test('that has ended is destroyed, and the WebSocket tells so without a status', async () => {
    socket.destroy()
    const ws = handleUpgrade(upgradeRequest(), socket, HEAD)
    const errors = []
    ws.on('error', (error) => errors.push(error))
    expect(ws.readyState).toBe(ws.CLOSED)
    await nextTurn()
    expect(errors[0].message).toBe('The connection was lost before the opening handshake')
    expect(errors[0].statusCode).toBeUndefined()
    expect(face.opened).toEqual([])
  })

  test('is upgraded once', () => {
    handleUpgrade(upgradeRequest(), socket, HEAD)
    expect(() => handleUpgrade(upgradeRequest(), socket, HEAD)).toThrow(/^server\.handleUpgrade\(\) was called more than once/)
  })
})
