'use strict'

const { once } = require('events')
const http = require('http')

const { closeFrame } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { ACCEPT, RawClient, SWITCHING, upgradeRequest } = require('../support/raw-client')
const { connect, connectPair, serve } = require('../support/servers')

/**
 * @param {string} lines further header lines, each ended
 * @returns {string} the 101 answer with these lines
 */
function switching(lines) {
  return SWITCHING.replace(/\r\n$/, `${lines}\r\n`)
}

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {object} [request] as for `upgradeRequest`
   * @param {object} [options] of the server
   * @returns {Promise<{head: string, webSocket: object, req: object}>}
   */
  async function accept(request, options) {
    const { port, wss } = await serve(null, { of, options })
    const connection = once(wss, 'connection')
    const { head } = await RawClient.upgrade({ port }, request)
    const [webSocket, req] = await connection
    return { head, webSocket, req }
  }

  test.each([
    ['the example of RFC 6455', {}, SWITCHING],
    ['the other example of RFC 6455', { headers: { 'Sec-WebSocket-Key': 'w4v7O6xFTi36lq3RNcgctw==' } }, SWITCHING.replace(ACCEPT, 'Oy4NRAQ13jhfONC7bP8dTKb4PTU=')],
    ['version 8', { headers: { 'Sec-WebSocket-Version': 8 } }, SWITCHING],
    ['Upgrade in odd case', { headers: { Upgrade: 'wEBsOCKET' } }, SWITCHING],
    ['Connection in odd case, among other tokens', { headers: { Connection: 'keep-alive, uPGRADE' } }, SWITCHING],
    ['one subprotocol', { headers: { 'Sec-WebSocket-Protocol': 'chat' } }, switching('Sec-WebSocket-Protocol: chat\r\n')],
    ['the first of several subprotocols', { headers: { 'Sec-WebSocket-Protocol': 'soap , wamp,\tchat' } }, switching('Sec-WebSocket-Protocol: soap\r\n')],
    ['an offer of compression, which the server does not take up by itself', { headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' } }, SWITCHING],
    ['extensions that are no extensions, which are not looked at', { headers: { 'Sec-WebSocket-Extensions': 'constructor; __proto__="' } }, SWITCHING]
  ])('accepts %s', async (title, request, expected) => {
    expect((await accept(request)).head).toBe(expected)
  })

  test('does not ask for a Host header if Node does not', async () => {
    const { port } = await serve(null, { of, server: http.createServer({ requireHostHeader: false }) })
    expect((await RawClient.upgrade({ port }, { headers: { Host: undefined } })).head).toBe(SWITCHING)
  })

  test('accepts the path of its options whatever the query', async () => {
    const { head, req } = await accept({ path: '/path?query=1#x' }, { path: '/path' })
    expect(head).toBe(SWITCHING)
    expect(req.url).toBe('/path?query=1#x')
  })

  test('hands the open WebSocket and the request to connection listeners', async () => {
    const { webSocket, req } = await accept({ headers: { 'X-Mine': 'value' } })
    expect(webSocket).toBeInstanceOf(of.WebSocket)
    expect(webSocket.readyState).toBe(of.WebSocket.OPEN)
    expect(webSocket.protocol).toBe('')
    expect(webSocket.extensions).toBe('')
    expect(webSocket.binaryType).toBe('nodebuffer')
    expect(webSocket.bufferedAmount).toBeLessThan(SWITCHING.length + 1)
    expect(webSocket.isPaused).toBe(false)
    expect(webSocket.url).toBeUndefined()
    expect(req.headers['x-mine']).toBe('value')
  })

  test('headers listeners can read and extend the answer, before it is sent', async () => {
    const { port, wss } = await serve(null, { of })
    const seen = []
    wss.on('headers', (headers, req) => {
      seen.push([...headers], req.url)
      headers.push('X-First: 1')
    })
    wss.on('headers', (headers) => headers.push('Set-Cookie: a=b', 'Set-Cookie: c=d'))
    const { head } = await RawClient.upgrade({ port }, { path: '/seen', headers: { 'Sec-WebSocket-Protocol': 'chat' } })
    expect(seen).toEqual([
      ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${ACCEPT}`, 'Sec-WebSocket-Protocol: chat'],
      '/seen'
    ])
    expect(head).toBe(switching('Sec-WebSocket-Protocol: chat\r\nX-First: 1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n'))
  })

  test('headers are emitted before handleUpgrade calls back, and all of it before it returns', async () => {
    const order = []
    const { port, server, wss } = await serve(null, { of, options: { server: undefined, noServer: true } })
    wss.on('headers', () => order.push('headers'))
    server.on('upgrade', (req, socket, head) => {
      wss.handleUpgrade(req, socket, head, (...args) => order.push(args.length, args[1] === req))
      order.push('returned')
    })
    await RawClient.upgrade({ port })
    expect(order).toEqual(['headers', 2, true, 'returned'])
  })

  test.each([
    ['a name', () => 'wamp', 'wamp'],
    ['the last', (protocols) => [...protocols].pop(), 'chat'],
    ['false', () => false, ''],
    ['nothing', () => {}, '']
  ])('handleProtocols may answer %s', async (title, handleProtocols, expected) => {
    const request = { headers: { 'Sec-WebSocket-Protocol': 'soap, wamp, chat' } }
    const { head, webSocket } = await accept(request, { handleProtocols })
    expect(webSocket.protocol).toBe(expected)
    expect(head).toBe(expected ? switching(`Sec-WebSocket-Protocol: ${expected}\r\n`) : SWITCHING)
  })

  test('handleProtocols is given a Set of the names and the request, and is not asked without names', async () => {
    const calls = []
    const handleProtocols = (protocols, req) => { calls.push([protocols, req.url]) }
    await accept({ path: '/a', headers: { 'Sec-WebSocket-Protocol': 'x, y' } }, { handleProtocols })
    await accept({ path: '/b' }, { handleProtocols })
    expect(calls).toEqual([[new Set(['x', 'y']), '/a']])
  })

  test('options are read at each upgrade, so they can be changed on the running server', async () => {
    const started = await serve(null, { of })
    started.wss.options.handleProtocols = () => 'later'
    expect((await connect(started.url, ['first', 'later'])).protocol).toBe('later')
    started.wss.options.path = '/moved'
    await expect(connect(started.url)).rejects.toThrow('Unexpected server response: 400')
    started.wss.options.path = null
    started.wss.options.maxPayload = 3
    const { client, webSocket } = await connectPair(started)
    webSocket.on('error', () => {})
    client.send('four')
    expect((await once(client, 'close'))[0]).toBe(1009)
  })

  test('shouldHandle can be replaced, on a class or on an object', async () => {
    class Choosy extends of.WebSocketServer {
      shouldHandle(req) {
        return req.headers['x-please'] === 'yes'
      }
    }
    const choosy = await serve(null, { of: { WebSocketServer: Choosy } })
    await connect(choosy.url, [], { headers: { 'X-Please': 'yes' } })
    await expect(connect(choosy.url)).rejects.toThrow('Unexpected server response: 400')
    choosy.wss.shouldHandle = () => true
    await connect(choosy.url)
  })

  test('a class of one\'s own can be the WebSocket', async () => {
    class Mine extends of.WebSocket {
      greet() {
        this.send('greetings')
      }
    }
    const { webSocket } = await accept({}, { WebSocket: Mine })
    expect(webSocket).toBeInstanceOf(Mine)
    expect(() => webSocket.greet()).not.toThrow()
  })

  test.each([
    ['terminate()', (webSocket) => webSocket.terminate(), ''],
    ['destroy() of the socket', (webSocket, req) => req.socket.destroy(), ''],
    ['close()', (webSocket) => webSocket.close(4001, 'no'), closeFrame(4001, 'no', { mask: null }).toString('latin1')]
  ])('a client that a connection listener ends by %s has its answer nevertheless', async (title, end, rest) => {
    const { port } = await serve(end, { of })
    const client = await RawClient.connect({ port })
    await client.write(upgradeRequest())
    if (rest) client.socket.end()
    expect((await client.readRest()).toString('latin1')).toBe(SWITCHING + rest)
  })

  test('an asynchronous verifyClient may agree in a later turn', async () => {
    const verifyClient = (info, callback) => setImmediate(callback, true)
    const { head, webSocket } = await accept({}, { verifyClient })
    expect(head).toBe(SWITCHING)
    expect(webSocket.readyState).toBe(1)
  })

  test('one request in two segments is one handshake', async () => {
    const { port } = await serve(null, { of })
    const client = await RawClient.connect({ port })
    const request = upgradeRequest()
    await client.write(request.slice(0, 50))
    await client.write(request.slice(50))
    expect(await client.readHead()).toBe(SWITCHING)
  })
})
