'use strict'

// close() and terminate() before the opening handshake has ended, and what may be called until then.

const { startClient, thrownBy } = require('../support/client-log')
const { implementations } = require('../support/implementation')
const { serveRaw } = require('../support/raw-server')

const EARLY = '2 error Error: WebSocket was closed before the connection was established'

describe.each(implementations)('%s', (name, of) => {
  describe.each(['close', 'terminate'])('%s()', (method) => {
    test('in the tick of the constructor', async () => {
      const raw = await serveRaw()
      const { client, log, closed } = startClient(of, raw.url)
      client[method]()
      expect([client.readyState, log]).toEqual([2, []])
      await closed
      expect(log).toEqual([EARLY, '3 close 1006'])
      expect(client._socket).toBe(null)
    })

    test('when the request is out', async () => {
      const raw = await serveRaw()
      const { client, log, closed } = startClient(of, raw.url)
      const { peer } = await raw.request()
      client[method](1000, 'ignored')
      client[method]()
      client.close()
      client.terminate()
      expect(log).toEqual([])
      await closed
      expect(await peer.readRest()).toHaveLength(0)
      expect(log).toEqual([EARLY, '3 close 1006'])
    })

    test('in an upgrade listener', async () => {
      const raw = await serveRaw()
      const { client, log, closed } = startClient(of, raw.url)
      client.on('upgrade', () => client[method]())
      const { peer } = await raw.upgrade()
      await closed
      expect(await peer.readRest()).toHaveLength(0)
      expect(log).toEqual(['0 upgrade 101', EARLY, '3 close 1006'])
    })

    test('in an unexpected-response listener', async () => {
      const raw = await serveRaw()
      const { client, log, closed } = startClient(of, raw.url)
      client.on('unexpected-response', () => client[method]())
      const { peer } = await raw.answer('HTTP/1.1 500 x\r\nContent-Length: 5\r\n\r\n')
      await closed
      expect(await peer.readRest()).toHaveLength(0)
      expect(log).toEqual([EARLY, '3 close 1006'])
    })

    test('in finishRequest, which knows the WebSocket', async () => {
      const raw = await serveRaw()
      const { log, closed } = startClient(of, raw.url, { finishRequest: (req, webSocket) => webSocket[method]() })
      await closed
      expect(log).toEqual([EARLY, '3 close 1006'])
    })

    test('in an error or a close listener does nothing', async () => {
      const raw = await serveRaw()
      const { client, log, closed } = startClient(of, raw.url)
      client.on('error', () => client[method]())
      client.on('close', () => client[method]())
      client.close()
      await closed
      await new Promise((resolve) => setImmediate(resolve))
      expect(log).toEqual([EARLY, '3 close 1006'])
    })

    test('in an open listener, which is not too early', async () => {
      const raw = await serveRaw()
      const { client, log, closed } = startClient(of, raw.url, { closeTimeout: 50 })
      client.on('open', () => client[method](4001))
      const { peer } = await raw.upgrade()
      const sent = await peer.readRest()
      peer.socket.end()
      await closed
      expect(sent).toHaveLength(method === 'close' ? 8 : 0)
      expect(log).toEqual(['0 upgrade 101', '1 open 0', '3 close 1006'])
    })
  })

  test('the browser\'s face is told, too', async () => {
    const raw = await serveRaw()
    const client = new of.WebSocket(raw.url)
    const errors = []
    client.onerror = (event) => errors.push([event.type, event.message, event.error instanceof Error])
    const closed = new Promise((resolve) => { client.onclose = resolve })
    client.close()
    const { code, reason, wasClean } = await closed
    expect(errors).toEqual([['error', 'WebSocket was closed before the connection was established', true]])
    expect({ code, reason, wasClean }).toEqual({ code: 1006, reason: '', wasClean: false })
  })

  test('what must wait for open throws, and the rest does nothing', async () => {
    const raw = await serveRaw()
    const { client, log, closed } = startClient(of, raw.url)
    for (const method of ['send', 'ping', 'pong']) {
      expect(thrownBy(() => client[method]('x'))).toBe('Error: WebSocket is not open: readyState 0 (CONNECTING)')
      expect(thrownBy(() => client[method]('x', () => {}))).toBe('Error: WebSocket is not open: readyState 0 (CONNECTING)')
    }
    client.pause()
    expect(client.isPaused).toBe(false)
    client.resume()
    expect([client.bufferedAmount, client.protocol, client.extensions, client.readyState]).toEqual([0, '', '', 0])
    client.close()
    const late = new Promise((resolve) => client.send('abc', resolve))
    expect(client.bufferedAmount).toBe(3)
    expect((await late).message).toBe('WebSocket is not open: readyState 2 (CLOSING)')
    await closed
    expect(log).toEqual([EARLY, '3 close 1006'])
  })
})
