'use strict'

// Clients of TLS servers.

const { once } = require('events')
const https = require('https')
const tls = require('tls')

const { cert, key } = require('../support/certificate')
const { openClient, startClient } = require('../support/client-log')
const { OPCODE, frame } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { serveRaw } = require('../support/raw-server')

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {object} [options] of the TLS server
   * @returns {Promise<object>} a bare server behind TLS; `secureUrl` names localhost, as the certificate does
   */
  async function serve(options) {
    const server = tls.createServer({ cert, key, allowHalfOpen: true, ...options })
    server.on('tlsClientError', () => {})
    const raw = await serveRaw({ server, event: 'secureConnection' })
    raw.secureUrl = `wss://localhost:${raw.port}`
    return raw
  }

  /** Both names of the loopback address, if there are two, lead here. */
  const lookup = (hostname, options, callback) => (options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4))

  test.each([['wss:'], ['https:']])('%s', async (scheme) => {
    const raw = await serve()
    const opened = openClient(of, raw.secureUrl.replace('wss:', scheme), { ca: cert, lookup })
    const { peer, request } = await raw.upgrade({}, frame(OPCODE.text, 'behind', { mask: null }))
    const { client, log } = await opened
    expect(client.url).toBe(`${raw.secureUrl}/`)
    expect(request.headers.host).toBe(`localhost:${raw.port}`)
    expect(peer.socket.servername).toBe('localhost')
    expect([client._socket.encrypted, client._socket.authorized]).toEqual([true, true])
    client.send(Buffer.alloc(100_000, 'x'))
    expect((await peer.readFrame()).payload).toHaveLength(100_000)
    await peer.write(frame(OPCODE.text, 'x'.repeat(70_000), { mask: null }))
    while (log.length < 4) await once(client, 'message')
    expect(log.map((line) => line.slice(0, 30))).toEqual(['0 upgrade 101', '1 open 0', '1 message text behind', `1 message text ${'x'.repeat(15)}`])
  })

  test('a certificate that nobody vouches for', async () => {
    const raw = await serve()
    const { log, closed } = startClient(of, raw.secureUrl, { lookup })
    await closed
    expect(log).toEqual([expect.stringMatching(/^2 error Error: self-signed certificate.* \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/), '3 close 1006'])
  })

  test('rejectUnauthorized false takes any', async () => {
    const raw = await serve()
    const opened = openClient(of, raw.secureUrl, { lookup, rejectUnauthorized: false })
    await raw.upgrade()
    expect((await opened).client._socket.authorized).toBe(false)
  })

  test.each([
    ['a name', 'wss://localhost', {}, 'localhost'],
    ['an address, which is no name', 'wss://127.0.0.1', {}, false],
    ['the option servername', 'wss://127.0.0.1', { servername: 'chosen' }, 'chosen'],
    ['an empty servername', 'wss://localhost', { servername: '' }, false]
  ])('SNI by %s', async (title, origin, options, expected) => {
    const raw = await serve()
    const opened = openClient(of, `${origin}:${raw.port}`, { lookup, rejectUnauthorized: false, ...options })
    const { peer } = await raw.upgrade()
    await opened
    expect(peer.socket.servername).toBe(expected)
  })

  test('a certificate of the client\'s own', async () => {
    const raw = await serve({ requestCert: true, ca: cert, rejectUnauthorized: false })
    const opened = openClient(of, raw.secureUrl, { ca: cert, cert, key, lookup })
    const { peer } = await raw.upgrade()
    await opened
    expect(peer.socket.getPeerCertificate().subject.CN).toBe('localhost')
  })

  test('a plain server', async () => {
    const raw = await serveRaw()
    const { log, closed } = startClient(of, raw.url.replace('ws:', 'wss:'))
    const peer = await raw.accept()
    peer.socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    await closed
    expect([log[0].startsWith('2 error Error: '), log[1], log.length]).toEqual([true, '3 close 1006', 2])
  })

  test('an agent of https', async () => {
    const raw = await serve()
    const agent = new https.Agent({ ca: cert, lookup, keepAlive: true })
    const opened = openClient(of, raw.secureUrl, { agent })
    await raw.upgrade()
    const { client } = await opened
    expect(client._socket.authorized).toBe(true)
    expect([agent.sockets, agent.freeSockets]).toEqual([{}, {}])
  })

  test('the end of the connection', async () => {
    const raw = await serve()
    const opened = openClient(of, raw.secureUrl, { ca: cert, lookup })
    const { peer } = await raw.upgrade()
    const { client, log } = await opened
    client.close(1000, 'bye')
    expect((await peer.readFrame()).opcode).toBe(OPCODE.close)
    await peer.write(Buffer.from([0x88, 2, 0x03, 0xe8]))
    expect(await peer.readRest()).toHaveLength(0)
    peer.socket.end()
    await once(client, 'close')
    expect(log.slice(2)).toEqual(['3 close 1000'])
  })
})
