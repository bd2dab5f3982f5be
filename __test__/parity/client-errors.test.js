'use strict'

// Servers that do not upgrade: what the client says, in which order, and what becomes of the socket.

const http = require('http')

const { runProgram } = require('../support/child')
const { startClient } = require('../support/client-log')
const { implementations } = require('../support/implementation')
const { serveRaw } = require('../support/raw-server')
const { listen } = require('../support/servers')

/** What a response's head needs to be over at once. */
const EMPTY = 'Content-Length: 0\r\n\r\n'

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {number} port of a server that no longer is
   * @returns {Promise<number>}
   */
  async function freePort() {
    const server = await listen(http.createServer())
    const { port } = server.address()
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  test('nobody listens', async () => {
    const port = await freePort()
    const { client, log, closed } = startClient(of, `ws://127.0.0.1:${port}`)
    await closed
    expect(log).toEqual([`2 error Error: connect ECONNREFUSED 127.0.0.1:${port} (ECONNREFUSED)`, '3 close 1006'])
    expect([client._req, client._socket]).toEqual([null, null])
  })

  test('a name that is none', async () => {
    const lookup = (hostname, options, callback) => callback(Object.assign(new Error(`no ${hostname}`), { code: 'ENOTFOUND' }))
    const { log, closed } = startClient(of, 'ws://nowhere', { lookup })
    await closed
    expect(log).toEqual(['2 error Error: no nowhere (ENOTFOUND)', '3 close 1006'])
  })

  test('without an error listener the error is thrown, and close is not emitted', async () => {
    const port = await freePort()
    const child = runProgram(({ implementation, report }, url) => {
      const client = new implementation.WebSocket(url)
      client.on('close', () => report('close'))
      process.on('uncaughtException', (error) => {
        report([error.code, client.readyState])
        setImmediate(() => report(client.readyState))
      })
    }, { args: [`ws://127.0.0.1:${port}`], env: { OFFLOOP_TEST_IMPLEMENTATION: name } })
    expect(await child.report()).toEqual(['ECONNREFUSED', 2])
    expect(await child.report()).toBe(2)
    await child.expectExit({ code: 0, signal: null })
  })

  test.each([
    ['nothing', '', 'Error: socket hang up (ECONNRESET)'],
    ['half a response', 'HTTP/1.1 101 Swi', 'Error: socket hang up (ECONNRESET)'],
    ['garbage', 'SSH-2.0-OpenSSH_9.0\r\n\r\n', 'Error: Parse Error (HPE_INVALID_CONSTANT)'],
    ['a response with a bad header', 'HTTP/1.1 101 x\r\nbad header\r\n\r\n', 'Error: Parse Error (HPE_INVALID_HEADER_TOKEN)']
  ])('%s, then a FIN', async (title, response, expected) => {
    const raw = await serveRaw()
    const { log, closed } = startClient(of, raw.url)
    const { peer } = await raw.answer(response)
    peer.socket.end()
    await closed
    // The parser's own words differ between versions of Node.
    expect(log.map((line) => line.replace(/(Parse Error): .* \(/, '$1 ('))).toEqual([`2 error ${expected}`, '3 close 1006'])
  })

  test.each([
    ['200', 'HTTP/1.1 200 OK\r\n', 'Unexpected server response: 200'],
    ['401', 'HTTP/1.1 401 Unauthorized\r\n', 'Unexpected server response: 401'],
    ['101 without Upgrade', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n', 'Unexpected server response: 101'],
    ['101 without Connection', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n', 'Unexpected server response: 101'],
    ['101 with another Connection', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: close\r\n', 'Unexpected server response: 101'],
    ['100, then 503', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\n', 'Unexpected server response: 503']
  ])('a response of %s', async (title, head, message) => {
    const raw = await serveRaw()
    const { client, log, closed } = startClient(of, raw.url)
    const { peer } = await raw.answer(`${head}${EMPTY}`)
    await closed
    expect(log).toEqual([`2 error Error: ${message}`, '3 close 1006'])
    expect(client._socket).toBe(null)
    expect(await peer.readRest()).toHaveLength(0)
  })

  test('the state is CLOSING when the response is refused, and the events come in a later tick', async () => {
    const raw = await serveRaw()
    const { client, log, closed } = startClient(of, raw.url)
    client._req.on('response', () => log.push(`${client.readyState} answered`))
    await raw.answer(`HTTP/1.1 500 x\r\n${EMPTY}`)
    await closed
    expect(log).toEqual(['2 answered', '2 error Error: Unexpected server response: 500', '3 close 1006'])
  })

  test('an unexpected-response listener has request and response, and decides alone', async () => {
    const raw = await serveRaw()
    const { client, log, closed } = startClient(of, raw.url)
    const seen = new Promise((resolve) => client.on('unexpected-response', async (req, res) => {
      let body = ''
      for await (const chunk of res) body += chunk
      resolve([req === client._req, res.statusCode, res.headers['x-reason'], body, client.readyState])
    }))
    await raw.answer('HTTP/1.1 402 Pay\r\nX-Reason: poor\r\nContent-Length: 4\r\n\r\nsoon')
    expect(await seen).toEqual([true, 402, 'poor', 'soon', 0])
    expect(log).toEqual([])
    client.terminate()
    await closed
    expect(log).toEqual(['2 error Error: WebSocket was closed before the connection was established', '3 close 1006'])
  })

  test('terminate() behind such a response ends the connection that an agent would keep', async () => {
    const raw = await serveRaw()
    const agent = new http.Agent({ keepAlive: true })
    const { client, closed } = startClient(of, raw.url, { agent })
    client.on('unexpected-response', (req, res) => res.resume().on('end', () => setImmediate(() => client.terminate())))
    const { peer } = await raw.answer(`HTTP/1.1 400 x\r\nConnection: keep-alive\r\n${EMPTY}`)
    await closed
    expect(await peer.readRest()).toHaveLength(0)
    expect(agent.freeSockets).toEqual({})
  })

  test.each([
    ['abort()', (req) => req.abort()],
    ['destroy()', (req) => req.destroy()],
    ['destroy(error)', (req) => req.destroy(new Error('enough'))]
  ])('%s of the request in an unexpected-response listener leaves the WebSocket to its user', async (title, end) => {
    const raw = await serveRaw()
    const { client, log } = startClient(of, raw.url)
    const ended = new Promise((resolve) => client.on('unexpected-response', (req, res) => {
      res.on('error', () => {})
      res.on('close', resolve)
      end(req)
    }))
    await raw.answer('HTTP/1.1 400 x\r\nContent-Length: 10\r\n\r\n')
    await ended
    await new Promise((resolve) => setImmediate(resolve))
    // An error of the request is told once, like any other.
    expect(log).toEqual(title === 'destroy(error)' ? ['2 error Error: enough', '3 close 1006'] : [])
  })

  describe('handshakeTimeout', () => {
    const TIMED_OUT = ['2 error Error: Opening handshake has timed out', '3 close 1006']

    test('a server that never answers', async () => {
      const raw = await serveRaw()
      const { client, log, closed } = startClient(of, raw.url, { handshakeTimeout: 50 })
      const { peer } = await raw.request()
      await closed
      expect(log).toEqual(TIMED_OUT)
      expect([client._socket, client.readyState]).toEqual([null, 3])
      expect(await peer.readRest()).toHaveLength(0)
    })

    test('a server that stops in the middle of its response', async () => {
      const raw = await serveRaw()
      const { log, closed } = startClient(of, raw.url, { handshakeTimeout: 50 })
      await raw.answer('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websock')
      await closed
      expect(log).toEqual(TIMED_OUT)
    })

    test('a connection that never comes about', async () => {
      const { log, closed } = startClient(of, 'ws://nowhere', { handshakeTimeout: 50, lookup: () => {} })
      await closed
      expect(log).toEqual(TIMED_OUT)
    })

    test('an open connection has no such limit', async () => {
      const raw = await serveRaw()
      const { client, log } = startClient(of, raw.url, { handshakeTimeout: 20_000 })
      const { peer } = await raw.upgrade()
      await new Promise((resolve) => client.on('open', resolve))
      expect(client._socket.timeout).toBe(0)
      client.send('still here')
      expect((await peer.readFrame()).payload.toString()).toBe('still here')
      expect(log).toEqual(['0 upgrade 101', '1 open 0'])
    })
  })
})
