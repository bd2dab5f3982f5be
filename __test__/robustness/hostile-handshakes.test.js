'use strict'

// Handshakes that are slow, many, malformed on purpose, or followed by what does not belong there.

const { runProgram } = require('../support/child')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { RawClient, SWITCHING, upgradeRequest } = require('../support/raw-client')
const { connect, echo, serve } = require('../support/servers')
const { closeOf, messagesOf, until } = require('../support/waiting')

const { text } = OPCODE

/** Values of Sec-WebSocket-Protocol and Sec-WebSocket-Extensions that have brought others down. */
const HOSTILE = [
  ['a quadratic list of sub-protocols', 'Sec-WebSocket-Protocol', `b${' '.repeat(15000)}x`],
  ['sub-protocols named like properties', 'Sec-WebSocket-Protocol', 'constructor, __proto__, hasOwnProperty, toString'],
  ['3,000 sub-protocols', 'Sec-WebSocket-Protocol', Array.from({ length: 3000 }, (_, i) => `p${i}`).join(',')],
  ['extensions named like properties', 'Sec-WebSocket-Extensions', 'constructor, __proto__; toString=1, hasOwnProperty; valueOf'],
  ['parameters named like properties', 'Sec-WebSocket-Extensions', 'permessage-deflate; constructor; __proto__=1'],
  ['an exponential quoted value', 'Sec-WebSocket-Extensions', `a; b="${'\\c'.repeat(7000)}`],
  ['a name smuggled in a quoted value', 'Sec-WebSocket-Extensions', 'a; b="c, permessage-deflate; d"'],
  ['300 offers', 'Sec-WebSocket-Extensions', Array(300).fill('permessage-deflate; server_max_window_bits=8').join(',')],
  ['a parameter 400 times', 'Sec-WebSocket-Extensions', `permessage-deflate${'; client_max_window_bits'.repeat(400)}`],
  ['commas and spaces', 'Sec-WebSocket-Extensions', ', '.repeat(7000)],
  ['tabs and semicolons', 'Sec-WebSocket-Extensions', `permessage-deflate${'\t;\t'.repeat(4000)}`]
]

/**
 * Starts a server in a process of its own that takes compression and sub-protocols.
 *
 * @returns {Promise<number>} its port
 */
function startServer() {
  return runProgram(async (kit) => {
    const { port } = await kit.serve((webSocket) => {
      webSocket.on('error', () => {})
      webSocket.on('message', (data) => webSocket.send(data))
    }, { perMessageDeflate: true })
    kit.report(port)
  }).report()
}

/**
 * @param {number} port of an echo server
 * @returns {Promise<void>} settles when a new client has been served
 */
async function expectService(port) {
  const client = await connect(`ws://127.0.0.1:${port}`)
  const answers = messagesOf(client)
  client.send('x')
  expect((await answers.next()).data.toString()).toBe('x')
  client.terminate()
}

describe('a request with', () => {
  test.each(HOSTILE)('%s is refused, or answered without it', async (title, name, value) => {
    const port = await startServer()
    await expectService(port)
    const client = await RawClient.connect({ port })
    client.socket.write(upgradeRequest({ headers: { [name]: value } }))
    const head = await client.readHead()
    if (head.startsWith('HTTP/1.1 101')) {
      expect(head).not.toMatch(/constructor;|__proto__|toString|hasOwnProperty|valueOf/)
      const [, extensions = ''] = /Sec-WebSocket-Extensions: (.*)\r\n/.exec(head) ?? []
      expect(extensions.length).toBeLessThan(200)
    } else {
      expect(head).toMatch(/^HTTP\/1\.1 (400|431) /)
    }
    client.socket.destroy()
    await expectService(port)
  })
})

test('150 handshakes that come byte by byte keep nobody waiting, and each is answered in the end', async () => {
  const { port } = await serve(echo)
  const request = upgradeRequest()
  const slow = await Promise.all(Array.from({ length: 150 }, () => RawClient.connect({ port })))
  for (let at = 0; at < request.length - 1; at += 20) {
    await Promise.all(slow.map((client) => client.write(request.slice(at, Math.min(at + 20, request.length - 1)))))
    await expectService(port)
  }
  await Promise.all(slow.map((client) => client.write(request.at(-1))))
  for (const client of slow) expect(await client.readHead()).toBe(SWITCHING)
})

test('800 handshakes at once all succeed', async () => {
  const port = await startServer()
  const clients = await Promise.all(Array.from({ length: 800 }, () => RawClient.upgrade({ port })))
  await Promise.all(clients.map((client, i) => client.write(frame(text, `${i}`))))
  for (const [i, client] of clients.entries()) expect((await client.readFrame()).payload.toString()).toBe(`${i}`)
})

describe('a second request', () => {
  test('behind a good handshake is a protocol error, and no HTTP', async () => {
    const { port, wss } = await serve((webSocket) => webSocket.on('error', () => {}))
    const client = await RawClient.connect({ port })
    client.socket.write(`${upgradeRequest()}${upgradeRequest()}`)
    expect(await client.readHead()).toBe(SWITCHING)
    const { opcode, payload } = await client.readFrame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([OPCODE.close, 1002])
    client.socket.end()
    expect((await client.readRest()).toString()).not.toContain('HTTP')
    await until(() => wss.clients.size === 0)
  })

  test('behind a refused one is not answered, and the connection is closed', async () => {
    const { port } = await serve(echo)
    const client = await RawClient.connect({ port })
    client.socket.write(`${upgradeRequest({ headers: { 'Sec-WebSocket-Key': 'short' } })}GET / HTTP/1.1\r\nHost: x\r\n\r\n`)
    const answer = (await client.readRest()).toString()
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  })
})

test('a FIN right behind the request releases everything', async () => {
  const { port, wss } = await serve(echo)
  const closes = []
  wss.on('connection', (webSocket) => closes.push(closeOf(webSocket)))
  for (let i = 0; i < 50; i++) {
    const client = await RawClient.connect({ port })
    client.socket.end(upgradeRequest())
    await client.readRest()
    client.socket.destroy()
  }
  // With `allowHalfOpen` off, as in an http.Server, Node may have destroyed the socket before.
  const codes = (await Promise.all(closes)).map(({ code }) => code)
  expect(codes.every((code) => code === 1006)).toBe(true)
  await until(() => wss.clients.size === 0)
  await expectService(port)
})

test('the port goes on answering HTTP while upgrades fail and succeed on it', async () => {
  const { port, server } = await serve(echo)
  server.on('request', (req, res) => res.end('page'))
  for (let i = 0; i < 30; i++) {
    const [good, bad] = await Promise.all([RawClient.connect({ port }), RawClient.connect({ port })])
    good.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), closeFrame(1000)]))
    bad.socket.write(upgradeRequest({ method: 'POST' }))
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('page')
    expect(await good.readHead()).toBe(SWITCHING)
    expect(await bad.readHead()).toMatch(/^HTTP\/1\.1 (405|400) /)
  }
})
