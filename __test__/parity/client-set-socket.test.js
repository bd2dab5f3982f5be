'use strict'

// A client without a request: somebody else has done the opening handshake and gives the stream to
// setSocket(), as test kits of web frameworks do.

const { once } = require('events')

const { duplexPair } = require('../support/duplex-pair')
const { implementations } = require('../support/implementation')
const { KEY } = require('../support/raw-client')
const { closeOf, messagesOf } = require('../support/waiting')

describe.each(implementations)('%s', (name, of) => {
  /**
   * Connects a WebSocketServer and a client by two streams in memory.
   *
   * @param {object} [settings]
   * @param {string} [settings.first] sent by the server at once, so that it may come with the response
   * @param {Function} [settings.prepare] given the client before it is opened
   * @returns {Promise<{client: object, webSocket: object}>}
   */
  async function inject({ first, prepare } = {}) {
    const [theirs, ours] = duplexPair()
    const client = new of.WebSocket(null, undefined, { isServer: false })
    const wss = new of.WebSocketServer({ noServer: true })
    const req = { method: 'GET', url: '/', headers: { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': 13, 'sec-websocket-key': KEY } }
    const opened = new Promise((resolve) => {
      const onData = (head) => {
        expect(head.toString('latin1', 0, 12)).toBe('HTTP/1.1 101')
        ours.removeListener('data', onData)
        client._isServer = false
        if (prepare) prepare(client)
        client.setSocket(ours, head.subarray(head.indexOf('\r\n\r\n') + 4), { maxPayload: 0 })
        resolve()
      }
      ours.on('data', onData)
    })
    const webSocket = await new Promise((resolve) => wss.handleUpgrade(req, theirs, Buffer.alloc(0), resolve))
    if (first) webSocket.send(first)
    await opened
    return { client, webSocket }
  }

  test('opens at once, and messages go both ways, masked one way', async () => {
    const seen = []
    let inbox
    const { client, webSocket } = await inject({
      first: 'first',
      prepare(fresh) {
        inbox = messagesOf(fresh)
        fresh.on('open', () => seen.push('open', fresh.readyState, fresh.url))
        seen.push(fresh.readyState)
      }
    })
    expect(seen).toEqual([0, 'open', 1, undefined])
    expect((await inbox.next()).data.toString()).toBe('first')
    const serverInbox = messagesOf(webSocket)
    client.send(Buffer.alloc(200_000, 1))
    client.send('second')
    expect((await serverInbox.next()).data).toHaveLength(200_000)
    expect((await serverInbox.next()).data.toString()).toBe('second')
  })

  test('it closes as any other', async () => {
    const { client, webSocket } = await inject()
    const ends = [closeOf(client), closeOf(webSocket)]
    client.close(4000, 'done')
    expect((await ends[1])).toEqual({ code: 4000, reason: 'done' })
    expect([1006, 4000]).toContain((await ends[0]).code)
  })

  test('terminate() ends both', async () => {
    const { client, webSocket } = await inject()
    const ends = [closeOf(client), closeOf(webSocket)]
    client.terminate()
    expect([(await ends[0]).code, (await ends[1]).code]).toEqual([1006, 1006])
  })

  test('without the option autoPong it does not answer pings', async () => {
    const { client, webSocket } = await inject()
    const pinged = once(client, 'ping')
    const pong = jest.fn()
    webSocket.on('pong', pong)
    webSocket.ping('p')
    expect((await pinged)[0].toString()).toBe('p')
    const inbox = messagesOf(webSocket)
    client.send('after')
    await inbox.next()
    expect(pong).not.toHaveBeenCalled()
  })
})
