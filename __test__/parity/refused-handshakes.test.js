'use strict'

// A refused handshake, byte for byte as `ws` answers it.

const { once } = require('events')

const { implementations } = require('../support/implementation')
const { RawClient, SWITCHING, upgradeRequest } = require('../support/raw-client')
const { serve } = require('../support/servers')
const { frame, OPCODE } = require('../support/frames')

/**
 * @param {string} status such as '400 Bad Request'
 * @param {string} body
 * @param {string} [more] further header lines, each ended
 * @returns {string} the whole answer
 */
function refusal(status, body, more = '') {
  const length = Buffer.byteLength(body)
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: ${length}\r\n${more}\r\n${body}`
}

const BAD_KEY = refusal('400 Bad Request', 'Missing or invalid Sec-WebSocket-Key header')
const BAD_VERSION = refusal('400 Bad Request', 'Missing or invalid Sec-WebSocket-Version header', 'Sec-WebSocket-Version: 13, 8\r\n')
const BAD_PROTOCOL = refusal('400 Bad Request', 'Invalid Sec-WebSocket-Protocol header')
const BAD_UPGRADE = refusal('400 Bad Request', 'Invalid Upgrade header')

const REQUESTS = [
  ['the method POST', { method: 'POST', headers: { 'Content-Length': 0 } }, refusal('405 Method Not Allowed', 'Invalid HTTP method')],
  ['the method HEAD', { method: 'HEAD' }, refusal('405 Method Not Allowed', 'Invalid HTTP method')],
  ['an upgrade to something else', { headers: { Upgrade: 'h2c' } }, BAD_UPGRADE],
  ['an upgrade to WebSocket among others', { headers: { Upgrade: 'websocket, h2c' } }, BAD_UPGRADE],
  ['no key', { headers: { 'Sec-WebSocket-Key': undefined } }, BAD_KEY],
  ['an empty key', { headers: { 'Sec-WebSocket-Key': '' } }, BAD_KEY],
  ['a key of 15 bytes', { headers: { 'Sec-WebSocket-Key': Buffer.alloc(15).toString('base64') } }, BAD_KEY],
  ['a key of 17 bytes', { headers: { 'Sec-WebSocket-Key': Buffer.alloc(17).toString('base64') } }, BAD_KEY],
  ['a key that is not base64', { headers: { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' } }, BAD_KEY],
  ['a key without its padding', { headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ' } }, BAD_KEY],
  ['no version', { headers: { 'Sec-WebSocket-Version': undefined } }, BAD_VERSION],
  ['version 7', { headers: { 'Sec-WebSocket-Version': 7 } }, BAD_VERSION],
  ['version 14', { headers: { 'Sec-WebSocket-Version': 14 } }, BAD_VERSION],
  ['a version that is no number', { headers: { 'Sec-WebSocket-Version': '13x' } }, BAD_VERSION],
  ['two versions', { headers: { 'Sec-WebSocket-Version': '13, 8' } }, BAD_VERSION],
  ['an empty subprotocol', { headers: { 'Sec-WebSocket-Protocol': '' } }, BAD_PROTOCOL],
  ['a subprotocol list with a hole', { headers: { 'Sec-WebSocket-Protocol': 'a,,b' } }, BAD_PROTOCOL],
  ['a subprotocol list that ends with a comma', { headers: { 'Sec-WebSocket-Protocol': 'a,' } }, BAD_PROTOCOL],
  ['a subprotocol named twice', { headers: { 'Sec-WebSocket-Protocol': 'a, b, a' } }, BAD_PROTOCOL],
  ['a subprotocol with a space in it', { headers: { 'Sec-WebSocket-Protocol': 'a b' } }, BAD_PROTOCOL],
  ['a quoted subprotocol', { headers: { 'Sec-WebSocket-Protocol': '"a"' } }, BAD_PROTOCOL],
  ['a path that the server does not have', { path: '/elsewhere' }, refusal('400 Bad Request', 'Bad Request')]
]

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {object} request as for `upgradeRequest`
   * @param {object} options of the server
   * @returns {Promise<string>} everything the server says until it ends the connection
   */
  async function answerTo(request, options) {
    const { port, wss } = await serve(null, { of, options })
    let connections = 0
    wss.on('connection', () => { connections++ })
    const client = await RawClient.connect({ port })
    await client.write(upgradeRequest(request))
    const answer = (await client.readRest()).toString()
    expect(connections).toBe(0)
    return answer
  }

  test.each(REQUESTS)('refuses %s', async (title, request, expected) => {
    expect(await answerTo({ path: '/path', ...request }, { path: '/path' })).toBe(expected)
  })

  test('reports the first fault only, in the order method, Upgrade, key, version, path, subprotocol', async () => {
    const faults = {
      Upgrade: 'h2c',
      'Sec-WebSocket-Key': 'short',
      'Sec-WebSocket-Version': '1',
      'Sec-WebSocket-Protocol': ','
    }
    const answers = []
    const request = { method: 'POST', path: '/wrong', headers: { ...faults, 'Content-Length': 0 } }
    answers.push(await answerTo(request, { path: '/right' }))
    request.method = 'GET'
    for (const header of ['Upgrade', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version']) {
      answers.push(await answerTo(request, { path: '/right' }))
      delete request.headers[header]
    }
    answers.push(await answerTo(request, { path: '/right' }))
    request.path = '/right'
    answers.push(await answerTo(request, { path: '/right' }))
    expect(answers).toEqual([
      refusal('405 Method Not Allowed', 'Invalid HTTP method'),
      BAD_UPGRADE,
      BAD_KEY,
      BAD_VERSION,
      refusal('400 Bad Request', 'Bad Request'),
      BAD_PROTOCOL
    ])
  })

  test.each([
    ['false', () => false],
    ['nothing', () => {}],
    ['false by its callback', (info, callback) => callback(false)],
    ['false by its callback, in a later turn', (info, callback) => setImmediate(callback, false)]
  ])('refuses with 401 when verifyClient says %s', async (title, verifyClient) => {
    expect(await answerTo({}, { verifyClient })).toBe(refusal('401 Unauthorized', 'Unauthorized'))
  })

  test('refuses with the code, text and headers that verifyClient gives', async () => {
    const verifyClient = (info, callback) => callback(false, 403, 'nö', { 'X-Why': 'because', 'Content-Type': 'text/plain' })
    expect(await answerTo({}, { verifyClient })).toBe(
      'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nX-Why: because\r\n\r\nnö'
    )
  })

  test('refuses with the code alone that verifyClient gives', async () => {
    const verifyClient = (info, callback) => callback(false, 404)
    expect(await answerTo({}, { verifyClient })).toBe(refusal('404 Not Found', 'Not Found'))
  })

  test('tells verifyClient the origin, whether the connection is secure, and the request', async () => {
    const infos = []
    const verifyClient = (info) => { infos.push(info) }
    await answerTo({ headers: { Origin: 'https://example.com' } }, { verifyClient })
    await answerTo({ headers: { 'Sec-WebSocket-Version': 8, 'Sec-WebSocket-Origin': 'https://old.example' } }, { verifyClient })
    expect(infos.map(({ origin, secure }) => [origin, secure])).toEqual([['https://example.com', false], ['https://old.example', false]])
    expect(infos[0].req.headers.origin).toBe('https://example.com')
  })

  test('refuses with 503 what arrives while it closes', async () => {
    const { port, server, wss } = await serve(null, { of, options: { server: undefined, noServer: true } })
    server.on('upgrade', (req, socket, head) => wss.handleUpgrade(req, socket, head, (webSocket) => wss.emit('connection', webSocket)))
    const connection = once(wss, 'connection')
    await RawClient.upgrade({ port })
    await connection
    wss.close()
    const client = await RawClient.connect({ port })
    await client.write(upgradeRequest())
    expect((await client.readRest()).toString()).toBe(refusal('503 Service Unavailable', 'Service Unavailable'))
  })

  test('refuses with 503 when verifyClient agrees only after the server began to close', async () => {
    let agree
    const { port, wss } = await serve(null, { of, options: { verifyClient: (info, callback) => { agree = callback } } })
    const client = await RawClient.connect({ port })
    await client.write(upgradeRequest())
    const asked = new Promise((resolve) => {
      const look = () => (agree ? resolve() : setImmediate(look))
      look()
    })
    await asked
    wss.close()
    agree(true)
    expect((await client.readRest()).toString()).toBe(refusal('503 Service Unavailable', 'Service Unavailable'))
  })

  test('says nothing more to bytes behind a refused request', async () => {
    const { port } = await serve(null, { of })
    const client = await RawClient.connect({ port })
    const request = upgradeRequest({ headers: { 'Sec-WebSocket-Key': 'bad' } })
    await client.write(`${request}GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    expect((await client.readRest()).toString()).toBe(BAD_KEY)
  })

  test('leaves the answer to a wsClientError listener, who gets the error, the socket and the request', async () => {
    const { port, wss } = await serve(null, { of })
    const heard = once(wss, 'wsClientError')
    const client = await RawClient.connect({ port })
    await client.write(upgradeRequest({ path: '/bad', headers: { 'Sec-WebSocket-Version': '1' } }))
    const [error, socket, req] = await heard
    expect(error.message).toBe('Missing or invalid Sec-WebSocket-Version header')
    expect(req.url).toBe('/bad')
    socket.end('HTTP/1.1 418 my own\r\n\r\n')
    expect((await client.readRest()).toString()).toBe('HTTP/1.1 418 my own\r\n\r\n')
  })

  test('goes on serving after refusals', async () => {
    const { port } = await serve((webSocket) => webSocket.send('welcome'), { of })
    for (let i = 0; i < 10; i++) {
      const refused = await RawClient.connect({ port })
      await refused.write(upgradeRequest({ headers: { 'Sec-WebSocket-Version': i } }))
      if (i !== 8) expect(await refused.readHead()).toContain('400 Bad Request')
    }
    const client = await RawClient.upgrade({ port })
    expect(client.head).toBe(SWITCHING)
    expect(await client.readFrame()).toMatchObject({ opcode: OPCODE.text, payload: Buffer.from('welcome') })
    client.socket.write(frame(OPCODE.ping, '?'))
    expect((await client.readFrame()).opcode).toBe(OPCODE.pong)
  })
})
