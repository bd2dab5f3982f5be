'use strict'

// What frameworks and their users reach for inside a WebSocket, though no documentation names it.

const { once } = require('node:events')

const { defer } = require('../support/cleanup')
const { frame, OPCODE } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connect, connectPair, serve } = require('../support/servers')
const { closeOf, messagesOf, until } = require('../support/waiting')

const FRAME_OPTIONS = { fin: true, mask: false, opcode: 1, readOnly: false, rsv1: false }

describe.each(implementations)('inside a WebSocket of %s', (name, implementation) => {
  const { Sender, WebSocket } = implementation

  /** A server's WebSocket and its client. */
  async function open(options) {
    return connectPair(await serve(null, { of: implementation, options }))
  }

  /** @returns {Promise<Buffer|Error>} the first message or the error of a WebSocket, whichever comes first */
  function firstOf(webSocket) {
    return new Promise((resolve) => webSocket.once('error', resolve).once('message', resolve))
  }

  describe('_sender', () => {
    test('is not there before the connection is open', () => {
      const webSocket = new WebSocket(null, undefined, {})
      expect([webSocket._sender, webSocket._receiver, webSocket._socket]).toEqual([null, null, null])
    })

    test('is a Sender, the same for life, which takes what others put on it', async () => {
      const { client, webSocket } = await open()
      const sender = webSocket._sender
      expect(sender).toBeInstanceOf(Sender)
      expect(sender._socket).toBe(webSocket._socket)
      expect(sender._bufferedBytes).toBe(0)
      sender.mark = 'mine'
      client.close()
      await closeOf(webSocket)
      expect(webSocket._sender).toBe(sender)
      expect(webSocket._sender.mark).toBe('mine')
    })

    test('sendFrame() sends what Sender.frame() has made, in order with send()', async () => {
      const { client, webSocket } = await open()
      const inbox = messagesOf(client)
      const list = (text) => Sender.frame(Buffer.from(text), FRAME_OPTIONS)
      webSocket.send('1')
      webSocket._sender.sendFrame(list('2'))
      webSocket.send('3')
      webSocket._sender.sendFrame(list('4'))
      webSocket._sender.sendFrame(list(''))
      webSocket._sender.sendFrame([frame(OPCODE.text, '5', { mask: null })])
      webSocket._sender.sendFrame([Buffer.from([0x81, 3]), 'six'])
      webSocket._sender.sendFrame(list('7'.repeat(70_000)))
      webSocket.send('8')
      const texts = (await inbox.take(9)).map(({ data, isBinary }) => [data.toString().slice(0, 3), isBinary])
      expect(texts).toEqual(['1', '2', '3', '4', '', '5', 'six', '777', '8'].map((text) => [text, false]))
    })

    test('sendFrame() takes the frames that ws makes, the same list for many', async () => {
      const server = await serve(null, { of: implementation })
      const pairs = [await connectPair(server), await connectPair(server), await connectPair(server)]
      const inboxes = pairs.map(({ client }) => messagesOf(client))
      const text = Sender.frame(Buffer.from('42["to all"]'), FRAME_OPTIONS)
      const binary = implementations[0][1].Sender.frame(Buffer.alloc(200, 7), { ...FRAME_OPTIONS, opcode: 2 })
      for (const { webSocket } of pairs) {
        webSocket._sender.sendFrame(text)
        webSocket._sender.sendFrame(binary)
      }
      for (const inbox of inboxes) {
        expect((await inbox.next()).data.toString()).toBe('42["to all"]')
        expect(await inbox.next()).toEqual({ data: Buffer.alloc(200, 7), isBinary: true })
      }
    })

    test('sendFrame() calls back when it is written, without an error', async () => {
      const { webSocket } = await open()
      const order = []
      const sent = (text) => new Promise((resolve) => webSocket.send(text, () => { order.push(text); resolve() }))
      const made = new Promise((resolve) => {
        webSocket._sender.sendFrame(Sender.frame(Buffer.from('frame'), FRAME_OPTIONS), (error) => {
          order.push(error ?? 'frame')
          resolve()
        })
      })
      await Promise.all([made, sent('message')])
      expect(order).toEqual(['frame', 'message'])
      expect(webSocket.bufferedAmount).toBe(0)
    })

    test('sendFrame() calls back with an error when the socket is gone', async () => {
      const { webSocket } = await open()
      webSocket.terminate()
      webSocket._socket.destroy()
      const [error] = await new Promise((resolve) => {
        webSocket._sender.sendFrame(Sender.frame(Buffer.from('late'), FRAME_OPTIONS), (...args) => resolve(args))
      })
      expect(error.code).toBe('ERR_STREAM_DESTROYED')
      await closeOf(webSocket)
      await until(() => webSocket._socket.closed)
      const [after] = await new Promise((resolve) => {
        webSocket._sender.sendFrame(Sender.frame(Buffer.from('late'), FRAME_OPTIONS), (...args) => resolve(args))
      })
      expect(after.code ?? after.message).toMatch(/^ERR_STREAM_DESTROYED$|^WebSocket is not open: readyState 3 \(CLOSED\)$/)
    })

    test('sends messages and control frames of its own, in order too', async () => {
      const { client, webSocket } = await open()
      const inbox = messagesOf(client)
      const pinged = once(client, 'ping')
      webSocket.send('1')
      webSocket._sender.send('2', { fin: true, binary: false })
      webSocket._sender.ping(Buffer.from('ping'), false)
      webSocket.send('3')
      expect((await inbox.take(3)).map(({ data }) => data.toString())).toEqual(['1', '2', '3'])
      expect((await pinged)[0].toString()).toBe('ping')
    })

    test('of a client sends masked frames', async () => {
      const { wss, url } = await serve(null, { of: implementation })
      const connection = once(wss, 'connection')
      const client = new WebSocket(url)
      defer(() => client.terminate())
      await once(client, 'open')
      const [webSocket] = await connection
      const inbox = messagesOf(webSocket)
      client.send('1')
      client._sender.sendFrame(Sender.frame(Buffer.from('2'), { ...FRAME_OPTIONS, mask: true }))
      client.send('3')
      expect((await inbox.take(3)).map(({ data }) => data.toString())).toEqual(['1', '2', '3'])
    })
  })

  describe('_receiver', () => {
    test('knows the limit on messages', async () => {
      expect((await open()).webSocket._receiver._maxPayload).toBe(100 * 1024 * 1024)
      expect((await open({ maxPayload: 5000 })).webSocket._receiver._maxPayload).toBe(5000)
      expect((await open({ maxPayload: 0 })).webSocket._receiver._maxPayload).toBe(0)
    })

    test.each([
      ['lowered', {}, 10, true],
      ['raised', { maxPayload: 5 }, 1000, false],
      ['taken away', { maxPayload: 5 }, 0, false]
    ])('changes the limit of one connection: %s', async (title, options, limit, isTooLong) => {
      const server = await serve(null, { of: implementation, options })
      const connection = once(server.wss, 'connection')
      const client = await RawClient.upgrade({ port: server.port })
      const [webSocket] = await connection
      const outcome = firstOf(webSocket)
      webSocket._receiver._maxPayload = limit
      expect(webSocket._receiver._maxPayload).toBe(limit)
      await new Promise(setImmediate)
      await client.write(frame(OPCODE.binary, Buffer.alloc(100)))
      const result = await outcome
      if (isTooLong) {
        expect([result.code, result.message]).toEqual([
          'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'Max payload size exceeded'
        ])
        expect((await client.readFrame()).payload.readUInt16BE()).toBe(1009)
      } else {
        expect(result).toHaveLength(100)
      }
      // Another connection keeps its own.
      const beside = await connectPair(server)
      beside.client.on('error', () => {})
      beside.client.send(Buffer.alloc(100))
      const other = await firstOf(beside.webSocket)
      expect(other instanceof Error).toBe(!isTooLong)
    })

    test('can be listened to, as old versions of createWebSocketStream do', async () => {
      const { webSocket } = await open()
      const receiver = webSocket._receiver
      receiver.removeAllListeners('drain')
      receiver.on('drain', () => {})
      expect(webSocket._receiver).toBe(receiver)
      expect(receiver.listenerCount('drain')).toBe(1)
    })
  })

  test('the fields that say how it is', async () => {
    const { client, webSocket } = await connectPair(
      await serve(null, { of: implementation, options: { handleProtocols: () => 'chat' } }), ['chat']
    )
    const fields = () => Object.fromEntries([
      '_binaryType', '_closeCode', '_closeFrameReceived', '_closeFrameSent', '_errorEmitted', '_extensions',
      '_isServer', '_paused', '_protocol', '_readyState'
    ].map((field) => [field, webSocket[field]]))
    const expected = {
      _binaryType: 'nodebuffer',
      _closeCode: 1006,
      _closeFrameReceived: false,
      _closeFrameSent: false,
      _errorEmitted: false,
      _extensions: {},
      _isServer: true,
      _paused: false,
      _protocol: 'chat',
      _readyState: 1
    }
    expect(fields()).toEqual(expected)
    expect(webSocket._closeMessage).toHaveLength(0)
    webSocket.pause()
    expect(webSocket._paused).toBe(true)
    webSocket.resume()
    const closed = closeOf(webSocket)
    client.close(4000, 'why')
    await closed
    expect(fields()).toEqual({
      ...expected, _closeCode: 4000, _closeFrameReceived: true, _closeFrameSent: true, _readyState: 3
    })
    expect(webSocket._closeMessage.toString()).toBe('why')
  })

  test('_extensions names what was negotiated', async () => {
    const { wss, url } = await serve(null, { of: implementation, options: { perMessageDeflate: true } })
    const connection = once(wss, 'connection')
    await connect(url, [], { perMessageDeflate: true })
    const [webSocket] = await connection
    expect(Object.keys(webSocket._extensions)).toEqual(['permessage-deflate'])
    expect(webSocket.extensions).toBe('permessage-deflate')
  })
})
