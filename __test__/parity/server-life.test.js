'use strict'

// What a WebSocketServer listens on, whom it counts, and how it ends.

const { once } = require('events')
const http = require('http')

const { defer } = require('../support/cleanup')
const { implementations } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connect, connectPair, listen, serve } = require('../support/servers')
const { closeOf, until } = require('../support/waiting')

describe.each(implementations)('%s', (name, of) => {
  const ONE_OF_THREE = 'One and only one of the "port", "server", or "noServer" options must be specified'

  test.each([
    ['no options', undefined],
    ['no place', {}],
    ['a port and a server', { port: 0, server: {} }],
    ['a port and noServer', { port: 0, noServer: true }],
    ['a server and noServer', { server: {}, noServer: true }]
  ])('the constructor throws a TypeError for %s', (title, options) => {
    const build = () => new of.WebSocketServer(options)
    expect(build).toThrow(TypeError)
    expect(build).toThrow(ONE_OF_THREE)
  })

  test('has the options of ws with their defaults, and keeps unknown ones', () => {
    const { options } = new of.WebSocketServer({ noServer: true, mine: 'kept' })
    expect(options).toMatchObject({
      autoPong: true,
      backlog: null,
      clientTracking: true,
      closeTimeout: 30000,
      handleProtocols: null,
      host: null,
      maxFragments: 16384,
      maxPayload: 100 * 1024 * 1024,
      maxPendingAutoPongs: 60,
      mine: 'kept',
      noServer: true,
      path: null,
      perMessageDeflate: false,
      port: null,
      server: null,
      skipUTF8Validation: false,
      verifyClient: null
    })
  })

  describe('with a port', () => {
    /**
     * @param {object} [options]
     * @returns {Promise<{wss: object, url: string, port: number}>}
     */
    async function listening(options) {
      const wss = await new Promise((resolve, reject) => {
        const server = new of.WebSocketServer({ port: 0, host: '127.0.0.1', ...options }, () => resolve(server))
        server.on('error', reject)
      })
      defer(async () => {
        for (const webSocket of wss.clients) webSocket.terminate()
        await new Promise((resolve) => wss.close(resolve))
      })
      const { port } = wss.address()
      return { wss, port, url: `ws://127.0.0.1:${port}` }
    }

    test('listens by itself, calls back when it does, and tells its address', async () => {
      const { wss, url } = await listening()
      expect(wss.address()).toMatchObject({ address: '127.0.0.1', family: 'IPv4' })
      const { client, webSocket } = await connectPair({ wss, url })
      const closed = closeOf(webSocket)
      client.close(1000)
      expect((await closed).code).toBe(1000)
    })

    test('answers a plain request with 426', async () => {
      const { port } = await listening()
      const client = await RawClient.connect({ port })
      await client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
      const answer = (await client.readRest()).toString()
      expect(answer).toMatch(/^HTTP\/1.1 426 Upgrade Required\r\n/)
      expect(answer).toMatch(/\r\nContent-Length: 16\r\nContent-Type: text\/plain\r\n[^]*\r\n\r\nUpgrade Required$/)
    })

    test('emits an error when the port is taken', async () => {
      const { port } = await listening()
      const [error] = await once(new of.WebSocketServer({ port, host: '127.0.0.1' }), 'error')
      expect(error.code).toBe('EADDRINUSE')
    })

    test('close() stops listening, and waits for the clients without closing them', async () => {
      const wss = new of.WebSocketServer({ port: 0, host: '127.0.0.1' })
      await once(wss, 'listening')
      const url = `ws://127.0.0.1:${wss.address().port}`
      const { client } = await connectPair({ wss, url })
      let closed = false
      const closing = new Promise((resolve) => wss.close((error) => { closed = true; resolve(error) }))
      await expect(connect(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      const pong = once(client, 'pong')
      client.ping()
      await pong
      expect(closed).toBe(false)
      client.terminate()
      expect(await closing).toBeUndefined()
    })
  })

  describe('with a server', () => {
    test('passes on the events listening and error of the http.Server', async () => {
      const server = http.createServer()
      const wss = new of.WebSocketServer({ server })
      const heard = once(wss, 'listening')
      await listen(server)
      await heard
      expect(wss.address()).toEqual(server.address())
      const error = new Error('of the http.Server')
      wss.once('error', (received) => expect(received).toBe(error))
      server.emit('error', error)
      expect.assertions(2)
    })

    test('close() takes its listeners off the http.Server, and leaves it listening', async () => {
      const { server, wss } = await serve(null, { of })
      await new Promise((resolve) => wss.close(resolve))
      expect(server.listenerCount('upgrade')).toBe(0)
      expect(server.listenerCount('error')).toBe(0)
      expect(server.listening).toBe(true)
    })

    test('close() does not close the clients; the event comes after the last of them', async () => {
      const started = await serve(null, { of })
      const [one, two] = [await connectPair(started), await connectPair(started)]
      const log = []
      started.wss.on('close', () => log.push('server'))
      for (const { webSocket } of [one, two]) webSocket.on('close', () => log.push('client'))
      started.wss.close()
      const pong = once(one.client, 'pong')
      one.client.ping()
      await pong
      expect(log).toEqual([])
      one.client.close()
      await closeOf(one.webSocket)
      two.client.close()
      await until(() => log.includes('server'))
      expect(log).toEqual(['client', 'client', 'server'])
    })
  })

  describe('with noServer', () => {
    test('address() throws', () => {
      expect(() => new of.WebSocketServer({ noServer: true }).address()).toThrow('The server is operating in "noServer" mode')
    })

    test('close() without clients emits close in a later turn', async () => {
      const wss = new of.WebSocketServer({ noServer: true })
      const closed = once(wss, 'close')
      let emitted = false
      wss.once('close', () => { emitted = true })
      wss.close()
      expect(emitted).toBe(false)
      await closed
    })

    test('close() after the server has closed calls back with an error', async () => {
      const wss = new of.WebSocketServer({ noServer: true })
      await new Promise((resolve) => wss.close(resolve))
      const error = await new Promise((resolve) => wss.close(resolve))
      expect(error).toMatchObject({ message: 'The server is not running' })
    })

    test('close() twice while it closes emits close once and calls both back without an error', async () => {
      const { server, wss, port } = await serve(null, { of, options: { server: undefined, noServer: true } })
      server.on('upgrade', (req, socket, head) => wss.handleUpgrade(req, socket, head, () => {}))
      const client = await RawClient.upgrade({ port })
      let closes = 0
      wss.on('close', () => { closes++ })
      const both = Promise.all([0, 1].map(() => new Promise((resolve) => wss.close(resolve))))
      client.socket.destroy()
      expect(await both).toEqual([undefined, undefined])
      expect(closes).toBe(1)
    })
  })

  describe('clients', () => {
    test('holds the open WebSockets, and each only until it has closed', async () => {
      const started = await serve(null, { of })
      expect(started.wss.clients).toEqual(new Set())
      const pairs = [await connectPair(started), await connectPair(started), await connectPair(started)]
      expect([...started.wss.clients]).toEqual(pairs.map(({ webSocket }) => webSocket))
      const endings = [({ client }) => client.close(), ({ client }) => client._socket.destroy(), ({ webSocket }) => webSocket.terminate()]
      for (const [i, end] of endings.entries()) {
        const gone = closeOf(pairs[i].webSocket)
        end(pairs[i])
        await gone
        expect(started.wss.clients.size).toBe(2 - i)
      }
    })

    test('has the WebSocket in it already when connection is emitted', async () => {
      const seen = []
      const started = await serve((webSocket) => seen.push(started.wss.clients.has(webSocket)), { of })
      await connect(started.url)
      expect(seen).toEqual([true])
    })

    test('is not there without clientTracking', async () => {
      const started = await serve(null, { of, options: { clientTracking: false } })
      const { client, webSocket } = await connectPair(started)
      expect(started.wss.clients).toBeUndefined()
      const gone = closeOf(webSocket)
      client.close()
      await gone
      await new Promise((resolve) => started.wss.close(resolve))
    })
  })
})
