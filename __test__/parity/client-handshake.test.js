'use strict'

// The opening handshake of a client, byte by byte.

const { once } = require('events')

const { openClient, startClient } = require('../support/client-log')
const { OPCODE, closeFrame, frame, parseFrames } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { serveRaw, switching } = require('../support/raw-server')

const OFFER = 'permessage-deflate; client_max_window_bits'

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {Array} [args] of the constructor, behind the URL
   * @param {string} [path] behind the host
   * @returns {Promise<{lines: string[], key: string}>} the head of the request it makes, with KEY for the key
   */
  async function headOf(args = [], path = '') {
    const raw = await serveRaw()
    const { client } = startClient(of, raw.url + path, ...args)
    client.on('error', () => {})
    const { request } = await raw.request()
    const key = request.headers['sec-websocket-key']
    return { key, lines: [request.line, ...request.lines].map((line) => line.replace(key, 'KEY').replace(raw.host, 'HOST')) }
  }

  test('the request has these lines, and no others', async () => {
    const { key, lines } = await headOf()
    expect(lines).toEqual([
      'GET / HTTP/1.1', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: KEY', 'Connection: Upgrade', 'Upgrade: websocket',
      `Sec-WebSocket-Extensions: ${OFFER}`, 'Host: HOST'
    ])
    expect(Buffer.from(key, 'base64')).toHaveLength(16)
    expect(key).toHaveLength(24)
  })

  test('each request has a key of its own', async () => {
    const keys = await Promise.all([headOf(), headOf(), headOf()])
    expect(new Set(keys.map(({ key }) => key)).size).toBe(3)
  })

  test.each([
    ['everything', [['chat', 'b'], { origin: 'http://o', headers: { 'X-A': '1', cookie: ['a=1', 'b=2'] } }], [
      'X-A: 1', 'cookie: a=1; b=2', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: KEY', 'Connection: Upgrade', 'Upgrade: websocket',
      `Sec-WebSocket-Extensions: ${OFFER}`, 'Sec-WebSocket-Protocol: chat,b', 'Origin: http://o', 'Host: HOST'
    ]],
    ['version 8', [{ protocolVersion: 8, origin: 'http://o', perMessageDeflate: false }], [
      'Sec-WebSocket-Version: 8', 'Sec-WebSocket-Key: KEY', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Origin: http://o', 'Host: HOST'
    ]],
    ['headers that the handshake has of its own', [{ perMessageDeflate: false, headers: { Upgrade: 'h2c', Connection: 'close', 'Sec-WebSocket-Key': 'mine', Host: 'elsewhere' } }], [
      'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: KEY', 'Host: elsewhere', 'Sec-WebSocket-Version: 13'
    ]]
  ])('the request with %s', async (title, args, expected) => {
    expect((await headOf(args)).lines.slice(1)).toEqual(expected)
  })

  test('the path goes with its query, and encoded', async () => {
    expect((await headOf([], '/ä?b=%20#')).lines[0]).toBe('GET /%C3%A4?b=%20 HTTP/1.1')
  })

  test.each([
    [true, OFFER],
    [{}, OFFER],
    [{ clientMaxWindowBits: 10 }, 'permessage-deflate; client_max_window_bits=10'],
    [{ clientMaxWindowBits: false }, 'permessage-deflate'],
    [{ serverNoContextTakeover: true, clientNoContextTakeover: true }, 'permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits'],
    [{ serverNoContextTakeover: false, clientNoContextTakeover: null }, OFFER],
    [{ serverMaxWindowBits: 9, clientMaxWindowBits: 12, threshold: 0, zlibDeflateOptions: { level: 9 } }, 'permessage-deflate; server_max_window_bits=9; client_max_window_bits=12']
  ])('perMessageDeflate %p offers', async (perMessageDeflate, expected) => {
    const { lines } = await headOf([{ perMessageDeflate }])
    expect(lines).toContain(`Sec-WebSocket-Extensions: ${expected}`)
  })

  test.each([[false], [null], [undefined], [0]])('perMessageDeflate %p offers nothing', async (perMessageDeflate) => {
    expect((await headOf([{ perMessageDeflate }])).lines.join()).not.toContain('Extensions')
  })

  test('says upgrade, then open, at once and before anything else', async () => {
    const raw = await serveRaw()
    const { client, log } = startClient(of, raw.url)
    let returned = false
    client.on('upgrade', (res) => {
      expect([client._socket, res.headers.upgrade, res.socket.remotePort]).toEqual([null, 'websocket', raw.port])
      process.nextTick(() => { returned = true })
    })
    client.on('open', () => {
      expect(returned).toBe(false)
      expect([client._req, client._socket.remotePort]).toEqual([null, raw.port])
    })
    const { peer } = await raw.upgrade({}, Buffer.concat([frame(OPCODE.ping, 'p', { mask: null }), frame(OPCODE.text, 'first', { mask: null }), closeFrame(4000, 'enough', { mask: null })]))
    expect(parseFrames(await peer.readRest()).map(({ opcode }) => opcode)).toEqual([OPCODE.pong, OPCODE.close])
    peer.socket.end()
    await once(client, 'close')
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '1 ping p', '1 message text first', '3 close 4000 enough'])
  })

  test('takes the response in single bytes, and a frame that begins in its last segment', async () => {
    const raw = await serveRaw()
    const { client, log } = startClient(of, raw.url)
    const { peer, request } = await raw.request()
    const bytes = Buffer.concat([Buffer.from(switching(request.headers['sec-websocket-key'])), frame(OPCODE.text, 'split', { mask: null })])
    peer.socket.setNoDelay()
    for (const byte of bytes) await peer.write(Buffer.from([byte]))
    await once(client, 'message')
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '1 message text split'])
  })

  test.each([
    ['destroys the socket', (res) => res.socket.destroy()],
    ['destroys it with an error', (res) => res.socket.destroy(new Error('unheard'))]
  ])('an upgrade listener that %s has a connection that is open, and closes at once', async (title, listener) => {
    const raw = await serveRaw()
    const { client, log, closed } = startClient(of, raw.url)
    client.on('upgrade', listener)
    await raw.upgrade()
    await closed
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '3 close 1006'])
  })

  test('a server that says no more than its response', async () => {
    const raw = await serveRaw()
    const { log, closed } = startClient(of, raw.url)
    const { peer } = await raw.upgrade()
    peer.socket.end()
    expect(await peer.readRest()).toHaveLength(0)
    await closed
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '3 close 1006'])
  })

  test.each([
    ['nothing more', [], {}, { protocol: '', extensions: '' }],
    ['Upgrade in odd case', [], { Upgrade: 'WebSocket' }, { protocol: '', extensions: '' }],
    ['a sub-protocol', ['a'], { 'Sec-WebSocket-Protocol': 'a' }, { protocol: 'a', extensions: '' }],
    ['another of the sub-protocols', [['a', 'b']], { 'Sec-WebSocket-Protocol': 'b' }, { protocol: 'b', extensions: '' }],
    ['compression', [], { 'Sec-WebSocket-Extensions': 'permessage-deflate' }, { protocol: '', extensions: 'permessage-deflate' }],
    ['compression with parameters', [], { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_no_context_takeover; client_max_window_bits=9' }, { protocol: '', extensions: 'permessage-deflate' }]
  ])('accepts %s', async (title, args, headers, expected) => {
    const raw = await serveRaw()
    const opened = openClient(of, raw.url, ...args)
    const { peer } = await raw.upgrade(headers)
    const { client } = await opened
    expect({ protocol: client.protocol, extensions: client.extensions }).toEqual(expected)
    expect([client.readyState, client.binaryType, client.isPaused, client.bufferedAmount, client.url]).toEqual([1, 'nodebuffer', false, 0, `${raw.url}/`])
    client.send('x', { compress: false })
    expect(await peer.readFrame()).toMatchObject({ opcode: OPCODE.text, masked: true, rsv: 0, payload: Buffer.from('x') })
  })

  test.each([
    ['an Upgrade to something else', [], { Upgrade: 'foo' }, 'Invalid Upgrade header'],
    ['no accept value', [], { 'Sec-WebSocket-Accept': undefined }, 'Invalid Sec-WebSocket-Accept header'],
    ['a wrong accept value', [], { 'Sec-WebSocket-Accept': 'CxYS6+NgJSBG74mdgLvGscRvpns=' }, 'Invalid Sec-WebSocket-Accept header'],
    ['a sub-protocol that was not asked for', [], { 'Sec-WebSocket-Protocol': 'a' }, 'Server sent a subprotocol but none was requested'],
    ['another sub-protocol', [['a']], { 'Sec-WebSocket-Protocol': 'b' }, 'Server sent an invalid subprotocol'],
    ['both sub-protocols', [['a', 'b']], { 'Sec-WebSocket-Protocol': 'a, b' }, 'Server sent an invalid subprotocol'],
    ['no sub-protocol', [['a']], {}, 'Server sent no subprotocol'],
    ['an extension that was not asked for', [{ perMessageDeflate: false }], { 'Sec-WebSocket-Extensions': 'permessage-deflate' }, 'Server sent a Sec-WebSocket-Extensions header but no extension was requested'],
    ['another extension', [], { 'Sec-WebSocket-Extensions': 'x-webkit-deflate-frame' }, 'Server indicated an extension that was not requested'],
    ['one extension more', [], { 'Sec-WebSocket-Extensions': 'permessage-deflate, foo' }, 'Server indicated an extension that was not requested'],
    ['something that is no extension', [], { 'Sec-WebSocket-Extensions': 'foo=;bar' }, 'Invalid Sec-WebSocket-Extensions header'],
    ['parameters that do not exist', [], { 'Sec-WebSocket-Extensions': 'permessage-deflate; foo' }, 'Invalid Sec-WebSocket-Extensions header'],
    ['a window that is too large', [{ perMessageDeflate: { clientMaxWindowBits: 10 } }], { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=11' }, 'Invalid Sec-WebSocket-Extensions header'],
    ['a window that was refused', [{ perMessageDeflate: { clientMaxWindowBits: false } }], { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=11' }, 'Invalid Sec-WebSocket-Extensions header'],
    ['a context that was refused', [{ perMessageDeflate: { clientNoContextTakeover: false } }], { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' }, 'Invalid Sec-WebSocket-Extensions header']
  ])('refuses %s, and drops the connection', async (title, args, headers, message) => {
    const raw = await serveRaw()
    const { log, closed, client } = startClient(of, raw.url, ...args)
    const { peer } = await raw.upgrade(headers, frame(OPCODE.text, 'unheard', { mask: null }))
    await closed
    expect(log).toEqual(['0 upgrade 101', `2 error Error: ${message}`, '3 close 1006'])
    expect([client.protocol, client._socket, client.bufferedAmount]).toEqual(['', null, 0])
    expect(await peer.readRest()).toHaveLength(0)
  })
})
