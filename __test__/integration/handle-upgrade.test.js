'use strict'

const { once } = require('events')
const http = require('http')

const { handleUpgrade, WebSocketServer } = require('../support/implementation')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { RawClient, SWITCHING, upgradeRequest } = require('../support/raw-client')
const { connect, echo, listen, serveByHandleUpgrade } = require('../support/servers')
const { messagesOf, recordEvents, until } = require('../support/waiting')

/**
 * Starts an `http.Server` with an upgrade listener of the test's own.
 *
 * @param {Function} onUpgrade
 * @param {Function} [onRequest]
 * @returns {Promise<{server: object, port: number, url: string}>}
 */
async function serveUpgrades(onUpgrade, onRequest) {
  const server = http.createServer(onRequest)
  server.on('upgrade', onUpgrade)
  await listen(server)
  const { port } = server.address()
  return { server, port, url: `ws://127.0.0.1:${port}` }
}

describe('handleUpgrade()', () => {
  test('calls back before it returns, with the WebSocket it returns and the request', async () => {
    const calls = []
    const { server, url } = await serveUpgrades((req, socket, head) => {
      const returned = handleUpgrade(req, socket, head, (...args) => calls.push(args))
      server.emit('upgraded', returned, req, calls.length)
    })
    const upgraded = once(server, 'upgraded')
    await connect(url)
    const [returned, req, callsThen] = await upgraded
    expect(callsThen).toBe(1)
    expect(calls).toHaveLength(1)
    expect(calls[0][0]).toBe(returned)
    expect(calls[0][1]).toBe(req)
    expect(returned.readyState).toBe(1)
  })

  test('needs neither options nor callback', async () => {
    const { url } = await serveUpgrades((req, socket, head) => echo(handleUpgrade(req, socket, head)))
    const client = await connect(url)
    const inbox = messagesOf(client)
    client.send('x')
    expect((await inbox.next()).data.toString()).toBe('x')
  })

  test('takes the options of a server', async () => {
    const handleProtocols = () => 'second'
    const errors = []
    const { url } = await serveByHandleUpgrade((webSocket) => {
      webSocket.on('error', ({ code }) => errors.push(code))
    }, { options: { handleProtocols, maxPayload: 10 } })
    const client = await connect(url, ['first', 'second'])
    expect(client.protocol).toBe('second')
    expect(errors).toEqual([])
    client.send('x'.repeat(11))
    const [code] = await once(client, 'close')
    expect(code).toBe(1009)
    expect(errors).toEqual(['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'])
  })

  test('may be called in a later turn than the upgrade event', async () => {
    const { url } = await serveUpgrades((req, socket, head) => {
      setImmediate(() => echo(handleUpgrade(req, socket, head)))
    })
    const client = await connect(url)
    const inbox = messagesOf(client)
    client.send('x')
    expect((await inbox.next()).data.toString()).toBe('x')
  })

  test('takes what Node had buffered after the head, in order, when it is called later', async () => {
    const { server, port } = await serveUpgrades(async (req, socket, head) => {
      await until(() => socket.readableLength > 0)
      server.emit('upgraded', messagesOf(handleUpgrade(req, socket, head)))
    })
    const upgraded = once(server, 'upgraded')
    const client = await RawClient.connect({ port })
    const second = frame(OPCODE.text, 'second')
    // The head ends in the middle of the second frame.
    const start = [Buffer.from(upgradeRequest()), frame(OPCODE.text, 'first'), second.subarray(0, 4)]
    const upgrading = once(server, 'upgrade')
    client.socket.write(Buffer.concat(start))
    await upgrading
    client.socket.write(second.subarray(4))
    client.socket.write(frame(OPCODE.text, 'third'))
    const [inbox] = await upgraded
    const messages = await inbox.take(3)
    expect(messages.map(({ data }) => data.toString())).toEqual(['first', 'second', 'third'])
  })
})

describe('bytes in the segment of the request', () => {
  test.each([
    ['a whole message', [frame(OPCODE.text, 'head')], ['head']],
    ['a hundred messages', Array.from({ length: 100 }, (_, i) => frame(OPCODE.text, `${i}`)), Array.from({ length: 100 }, (_, i) => `${i}`)],
    ['a message of 60,000 bytes', [frame(OPCODE.text, 'x'.repeat(60000))], ['x'.repeat(60000)]]
  ])('are delivered, after the callback has returned: %s', async (title, frames, expected) => {
    let returned = false
    let early = 0
    let inbox
    const { port } = await serveUpgrades((req, socket, head) => {
      expect(head.length).toBeGreaterThan(0)
      handleUpgrade(req, socket, head, (webSocket) => {
        inbox = messagesOf(webSocket)
        webSocket.on('message', () => { if (!returned) early++ })
      })
      returned = true
    })
    const client = await RawClient.connect({ port })
    await client.write(Buffer.concat([Buffer.from(upgradeRequest()), ...frames]))
    expect(await client.readHead()).toBe(SWITCHING)
    expect((await inbox.take(expected.length)).map(({ data }) => data.toString())).toEqual(expected)
    expect(early).toBe(0)
  })

  test('may be the beginning of a frame that goes on later', async () => {
    const { port } = await serveByHandleUpgrade(echo)
    const message = frame(OPCODE.text, 'in two parts')
    const client = await RawClient.connect({ port })
    client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), message.subarray(0, 9)]))
    await client.readHead()
    client.socket.write(message.subarray(9))
    expect((await client.readFrame()).payload.toString()).toBe('in two parts')
  })

  test('may be all of a connection, its close frame included', async () => {
    const { port } = await serveByHandleUpgrade(echo)
    const client = await RawClient.connect({ port })
    client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), frame(OPCODE.text, 'all'), closeFrame(1000, 'bye')]))
    expect(await client.readHead()).toBe(SWITCHING)
    const unmasked = { mask: null }
    const expected = [frame(OPCODE.text, 'all', unmasked), closeFrame(1000, 'bye', unmasked)]
    expect((await client.readRest()).toString('hex')).toBe(Buffer.concat(expected).toString('hex'))
  })

  test('may break the protocol, which is reported after the callback', async () => {
    let log
    const { port } = await serveByHandleUpgrade((webSocket) => { log = recordEvents(webSocket, ['message', 'error', 'close']) })
    const client = await RawClient.connect({ port })
    client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), frame(3)]))
    await client.readHead()
    expect((await client.readFrame()).payload.readUInt16BE(0)).toBe(1002)
    client.socket.end()
    await until(() => log.some(([name]) => name === 'close'))
    expect(log.map(([name, first]) => [name, first.code ?? first])).toEqual([['error', 'WS_ERR_INVALID_OPCODE'], ['close', 1006]])
  })
})

describe('a connection that was used for HTTP before', () => {
  test('is upgraded after an answered request on it', async () => {
    const { port } = await serveUpgrades((req, socket, head) => echo(handleUpgrade(req, socket, head)), (req, res) => res.end('hello'))
    const client = await RawClient.connect({ port })
    client.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(await client.readHead()).toContain('200 OK')
    await client.read((bytes) => (bytes.includes('hello') ? { size: bytes.length } : null))
    client.socket.write(upgradeRequest())
    expect(await client.readHead()).toBe(SWITCHING)
    client.socket.write(frame(OPCODE.text, 'x'))
    expect((await client.readFrame()).payload.toString()).toBe('x')
  })

  test.each([5, 4 * 1024 * 1024])('is upgraded behind a pipelined request, whose answer of %d bytes comes first', async (length) => {
    const { port } = await serveUpgrades(
      (req, socket, head) => echo(handleUpgrade(req, socket, head)),
      (req, res) => res.end(Buffer.alloc(length, 'a'))
    )
    const client = await RawClient.connect({ port })
    client.socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\n\r\n${upgradeRequest()}`)
    const answer = await client.readHead()
    expect(answer).toContain(`Content-Length: ${length}\r\n`)
    const body = await client.read((bytes) => (bytes.length < length ? null : { size: length, value: bytes.subarray(0, length) }))
    expect(body.equals(Buffer.alloc(length, 'a'))).toBe(true)
    expect(await client.readHead()).toBe(SWITCHING)
    client.socket.write(frame(OPCODE.text, 'x'))
    expect((await client.readFrame()).payload.toString()).toBe('x')
  })
})

test('a second handleUpgrade() on the same socket throws, and the first connection lives on', async () => {
  let thrown
  const { url } = await serveUpgrades((req, socket, head) => {
    echo(handleUpgrade(req, socket, head))
    try {
      const other = new WebSocketServer({ noServer: true })
      other.handleUpgrade(req, socket, head, () => {})
    } catch (error) {
      thrown = error
    }
  })
  const client = await connect(url)
  const inbox = messagesOf(client)
  client.send('alive')
  expect((await inbox.next()).data.toString()).toBe('alive')
  expect(thrown.message).toBe('server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration')
})
