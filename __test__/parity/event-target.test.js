'use strict'

// The browser's face of a server's WebSocket.

const { frame } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { connectPair, serve } = require('../support/servers')
const { closeOf, messagesOf } = require('../support/waiting')

describe.each(implementations)('%s', (name, of) => {
  /**
   * @returns {Promise<object>} `{ client, webSocket }`
   */
  async function pair() {
    return connectPair(await serve(null, { of }))
  }

  test('onmessage gets text as a string and binary as a Buffer, beside the event with Buffers for both', async () => {
    const { client, webSocket } = await pair()
    const events = []
    webSocket.onmessage = (event) => events.push(event)
    const inbox = messagesOf(webSocket)
    client.send('grüße')
    client.send(Buffer.from([1, 2]))
    expect(await inbox.take(2)).toEqual([
      { data: Buffer.from('grüße'), isBinary: false },
      { data: Buffer.from([1, 2]), isBinary: true }
    ])
    expect(events.map(({ data }) => data)).toEqual(['grüße', Buffer.from([1, 2])])
    for (const { type, target } of events) expect([type, target === webSocket]).toEqual(['message', true])
  })

  test.each([
    ['ASCII', 'plain'],
    ['nothing', ''],
    ['Latin letters', 'é'.repeat(200)],
    ['Chinese', '漢字'.repeat(3000)],
    ['emoji', '😀👍'.repeat(100)],
    ['a byte order mark', '\ufeffx']
  ])('onmessage gets the very text: %s', async (title, text) => {
    const { client, webSocket } = await pair()
    const received = new Promise((resolve) => { webSocket.onmessage = ({ data }) => resolve(data) })
    client.send(text)
    expect(await received).toBe(text)
  })

  test('binaryType decides what binary messages are, and can change between them', async () => {
    const { client, webSocket } = await pair()
    const inbox = messagesOf(webSocket)
    const bytes = Buffer.from([1, 2, 3])
    webSocket.binaryType = 'arraybuffer'
    client.send(bytes)
    client.send('text')
    const [binary, text] = await inbox.take(2)
    expect(binary).toEqual({ data: Uint8Array.from(bytes).buffer, isBinary: true })
    expect(text).toEqual({ data: Buffer.from('text'), isBinary: false })
    webSocket.binaryType = 'fragments'
    client.send(bytes.subarray(0, 1), { fin: false })
    client.send(bytes.subarray(1))
    const { data } = await inbox.next()
    expect(Array.isArray(data)).toBe(true)
    expect(Buffer.concat(data)).toEqual(bytes)
    webSocket.binaryType = 'nodebuffer'
    client.send(bytes)
    expect(await inbox.next()).toEqual({ data: bytes, isBinary: true })
  })

  test('binaryType blob gives Blobs', async () => {
    const { client, webSocket } = await pair()
    const inbox = messagesOf(webSocket)
    webSocket.binaryType = 'blob'
    client.send(Buffer.from('blob'))
    const { data, isBinary } = await inbox.next()
    expect(isBinary).toBe(true)
    expect(await data.text()).toBe('blob')
  })

  test('an unknown binaryType is not taken', async () => {
    const { webSocket } = await pair()
    webSocket.binaryType = 'text'
    expect(webSocket.binaryType).toBe('nodebuffer')
  })

  test.each([
    ['the client', ({ client }) => client.close(4000, 'bÿe'), { code: 4000, reason: 'bÿe', wasClean: true }],
    ['the server', ({ webSocket }) => webSocket.close(4000, 'bÿe'), { code: 4000, reason: 'bÿe', wasClean: true }],
    ['terminate()', ({ webSocket }) => webSocket.terminate(), { code: 1006, reason: '', wasClean: false }]
  ])('onclose gets code, reason as a string and wasClean: %s', async (title, end, expected) => {
    const both = await pair()
    const closed = new Promise((resolve) => { both.webSocket.onclose = resolve })
    end(both)
    const { code, reason, wasClean, target, type } = await closed
    expect({ code, reason, wasClean }).toEqual(expected)
    expect([type, target === both.webSocket]).toEqual(['close', true])
  })

  test('onerror gets the error and its message', async () => {
    const { client, webSocket } = await pair()
    const failed = new Promise((resolve) => { webSocket.onerror = resolve })
    client._socket.write(frame(3))
    const { error, message, type } = await failed
    expect(error.code).toBe('WS_ERR_INVALID_OPCODE')
    expect([type, message]).toEqual(['error', error.message])
  })

  test('an on… attribute can be read, replaced, and taken away', async () => {
    const { client, webSocket } = await pair()
    const calls = []
    const first = () => calls.push('first')
    const second = () => calls.push('second')
    for (const attribute of ['onopen', 'onmessage', 'onclose', 'onerror']) {
      expect(webSocket[attribute]).toBeNull()
      webSocket[attribute] = first
      expect(webSocket[attribute]).toBe(first)
      webSocket[attribute] = second
      expect(webSocket[attribute]).toBe(second)
    }
    const inbox = messagesOf(webSocket)
    client.send('1')
    await inbox.next()
    webSocket.onmessage = 'no function'
    expect(webSocket.onmessage).toBeNull()
    client.send('2')
    await inbox.next()
    expect(calls).toEqual(['second'])
  })

  test('addEventListener takes functions and objects, each once, in order, and removeEventListener takes them off', async () => {
    const { client, webSocket } = await pair()
    const calls = []
    const handler = { handleEvent({ data }) { calls.push(['object', data, this === handler]) } }
    const listener = function ({ data }) { calls.push(['function', data, this === webSocket]) }
    webSocket.addEventListener('message', listener)
    webSocket.addEventListener('message', listener)
    webSocket.addEventListener('message', handler)
    webSocket.addEventListener('message', ({ data }) => calls.push(['once', data]), { once: true })
    webSocket.addEventListener('ping', () => calls.push('never'))
    const inbox = messagesOf(webSocket)
    client.ping()
    client.send('1')
    client.send('2')
    await inbox.take(2)
    webSocket.removeEventListener('message', listener)
    client.send('3')
    await inbox.next()
    expect(calls).toEqual([
      ['function', '1', true], ['object', '1', true], ['once', '1'],
      ['function', '2', true], ['object', '2', true],
      ['object', '3', true]
    ])
  })

  test('a listener that was added as an event\'s listener is an ordinary one for an emitter too', async () => {
    const { client, webSocket } = await pair()
    webSocket.addEventListener('message', () => {})
    expect(webSocket.listenerCount('message')).toBe(1)
    webSocket.removeAllListeners('message')
    expect(webSocket.listenerCount('message')).toBe(0)
    const closed = closeOf(webSocket)
    client.close()
    await closed
  })
})
