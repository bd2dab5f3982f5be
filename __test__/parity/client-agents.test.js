'use strict'

// Connections that an agent brings: keep-alive sockets, proxies, streams that are no sockets.

const { once } = require('events')
const http = require('http')
const net = require('net')
const tls = require('tls')

const { cert, key } = require('../support/certificate')
const { openClient, startClient } = require('../support/client-log')
const { duplexPair } = require('../support/duplex-pair')
const { OPCODE, frame } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { parseHead, serveRaw, switching } = require('../support/raw-server')
const { listen } = require('../support/servers')

/** Reaches its servers through an HTTP proxy, by CONNECT, with TLS behind it where that is asked for. */
class ProxyAgent extends http.Agent {
  /** @param {number} port the proxy's */
  constructor(port) {
    super()
    this.proxyPort = port
  }

  createConnection(options, callback) {
    const request = http.request({ host: '127.0.0.1', port: this.proxyPort, method: 'CONNECT', path: `${options.host}:${options.port}` })
    request.on('error', callback)
    request.on('connect', (res, socket) => {
      if (res.statusCode !== 200) return callback(new Error(`The proxy says ${res.statusCode}`))
      callback(null, options.ca ? tls.connect({ ...options, path: undefined, socket }) : socket)
    })
    request.end()
  }
}

describe.each(implementations)('%s', (name, of) => {
  /**
   * Starts an HTTP proxy.
   *
   * @param {number} [status] what it answers
   * @returns {Promise<{port: number, targets: string[]}>}
   */
  async function startProxy(status = 200) {
    const targets = []
    const proxy = http.createServer()
    proxy.on('connect', (req, client) => {
      targets.push(req.url)
      client.on('error', () => {})
      if (status !== 200) return client.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      const server = net.connect(Number(req.url.split(':')[1]), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        client.pipe(server).pipe(client)
      })
      server.on('error', () => client.destroy())
      client.on('close', () => server.destroy())
      server.on('close', () => client.destroy())
    })
    await listen(proxy)
    return { port: proxy.address().port, targets }
  }

  /**
   * Sends something in each direction.
   *
   * @param {object} client open
   * @param {RawClient} peer the server's end
   */
  async function expectEcho(client, peer) {
    client.send('there')
    expect((await peer.readFrame()).payload.toString()).toBe('there')
    const heard = once(client, 'message')
    await peer.write(frame(OPCODE.text, 'back', { mask: null }))
    expect((await heard)[0].toString()).toBe('back')
  }

  test('a keep-alive agent gives its socket away', async () => {
    const raw = await serveRaw()
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0; i < 2; i++) {
      const opened = openClient(of, raw.url, { agent })
      const { peer } = await raw.upgrade()
      await expectEcho((await opened).client, peer)
    }
    expect([agent.sockets, agent.freeSockets, agent.requests]).toEqual([{}, {}, {}])
  })

  test('a socket that an HTTP request has used before', async () => {
    const raw = await serveRaw()
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const done = new Promise((resolve) => http.get(raw.url.replace('ws', 'http'), { agent }, (res) => res.resume().on('end', resolve)))
    const { peer } = await raw.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    await done
    const opened = openClient(of, raw.url, { agent })
    const { headers } = parseHead(await peer.readHead())
    await peer.write(switching(headers['sec-websocket-key']))
    await expectEcho((await opened).client, peer)
    expect(raw.connections).toHaveLength(0)
  })

  test('an HTTP proxy', async () => {
    const [raw, proxy] = [await serveRaw(), await startProxy()]
    const opened = openClient(of, raw.url, { agent: new ProxyAgent(proxy.port) })
    const { peer } = await raw.upgrade({}, frame(OPCODE.ping, 'behind', { mask: null }))
    const { client, log } = await opened
    expect((await peer.readFrame()).opcode).toBe(OPCODE.pong)
    await expectEcho(client, peer)
    expect(proxy.targets).toEqual([raw.host])
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '1 ping behind', '1 message text back'])
    peer.socket.destroy()
    await once(client, 'close')
  })

  test('TLS through an HTTP proxy', async () => {
    const raw = await serveRaw({ server: tls.createServer({ cert, key }), event: 'secureConnection' })
    const agent = new ProxyAgent((await startProxy()).port)
    agent.protocol = 'https:'
    const opened = openClient(of, raw.url.replace('ws:', 'wss:'), { agent, ca: cert })
    const { peer } = await raw.upgrade()
    const { client } = await opened
    expect(client._socket.authorized).toBe(true)
    await expectEcho(client, peer)
  })

  test('a proxy that refuses', async () => {
    const proxy = await startProxy(407)
    const { log, closed } = startClient(of, 'ws://127.0.0.1:1', { agent: new ProxyAgent(proxy.port) })
    await closed
    expect(log).toEqual(['2 error Error: The proxy says 407', '3 close 1006'])
  })

  test('a stream that is no socket', async () => {
    const [ours, theirs] = duplexPair()
    const peer = new RawClient(theirs)
    const opened = openClient(of, 'ws://nowhere', { createConnection: () => ours })
    const { headers } = parseHead(await peer.readHead())
    await peer.write(Buffer.concat([Buffer.from(switching(headers['sec-websocket-key'])), frame(OPCODE.text, 'behind', { mask: null })]))
    const { client, log } = await opened
    await expectEcho(client, peer)
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '1 message text behind', '1 message text back'])
    client.close()
    expect((await peer.readFrame()).opcode).toBe(OPCODE.close)
    theirs.end(Buffer.from([0x88, 0]))
    await once(client, 'close')
    expect(log.slice(4)).toEqual(['3 close 1005'])
  })

  test('an agent that never connects is aborted', async () => {
    const agent = new http.Agent()
    agent.addRequest = () => {}
    const { client, log, closed } = startClient(of, 'ws://127.0.0.1:1', { agent })
    client.terminate()
    await closed
    expect(log).toEqual(['2 error Error: WebSocket was closed before the connection was established', '3 close 1006'])
  })

  test('an agent for the other scheme is refused by Node', () => {
    expect(() => new of.WebSocket('wss://127.0.0.1:1', { agent: new http.Agent() })).toThrow('Protocol "https:" not supported. Expected "http:"')
  })
})
