'use strict'

// permessage-deflate (RFC 7692): what is agreed on, what is compressed, and what cannot be inflated.

const { once } = require('events')
const zlib = require('zlib')

const { connectBrowser } = require('../support/browser-client')
const { runProgram } = require('../support/child')
const { frame, OPCODE } = require('../support/frames')
const { testBeyondWs } = require('../support/implementation')
const { Random } = require('../support/random')
const { RawClient, SWITCHING } = require('../support/raw-client')
const { connect, connectPair, echo, serve, serveByHandleUpgrade } = require('../support/servers')
const { closeOf, messagesOf, until } = require('../support/waiting')

const MEBIBYTE = 1024 * 1024
const RSV1 = 4
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff])
const { binary, continuation, text } = OPCODE

/** Either side may keep what it has compressed, to refer to it later; and neither. */
const KEEP = { serverNoContextTakeover: false, clientNoContextTakeover: false }
const FORGET = { serverNoContextTakeover: true, clientNoContextTakeover: true }
const FORGETTING = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'

/** What does not become shorter, unless it is known already. */
const noise = new Random(7692).bytes(2000)

/**
 * Compresses a message, or a fragment of one, as a peer would.
 *
 * @param {string|Buffer} data
 * @param {object} [how]
 * @param {Buffer} [how.after] what the context holds
 * @param {boolean} [how.fin] whether the message ends here, and with it the tail goes [true]
 * @returns {Buffer}
 */
function deflate(data, { after, fin = true } = {}) {
  const bytes = zlib.deflateRawSync(data, { dictionary: after, finishFlush: zlib.constants.Z_SYNC_FLUSH })
  return fin ? bytes.subarray(0, -TAIL.length) : bytes
}

/**
 * Undoes it.
 *
 * @param {Buffer} payload of one message
 * @param {Buffer} [after] what the context holds
 * @returns {Buffer}
 */
function inflate(payload, after) {
  return zlib.inflateRawSync(Buffer.concat([payload, TAIL]), { dictionary: after, finishFlush: zlib.constants.Z_SYNC_FLUSH })
}

/**
 * Connects a raw client that offers the extension.
 *
 * @param {number} port
 * @param {string|null} [offer] null = no such header
 * @returns {Promise<RawClient>}
 */
function offering(port, offer = 'permessage-deflate') {
  return RawClient.upgrade({ port }, { headers: { 'Sec-WebSocket-Extensions': offer ?? undefined } })
}

/**
 * @param {string|null} agreed the value of the response's header, null = no such header
 * @returns {string} the whole response
 */
function switching(agreed) {
  return agreed ? SWITCHING.replace(/\r\n$/, `Sec-WebSocket-Extensions: ${agreed}\r\n\r\n`) : SWITCHING
}

/**
 * Starts an echo server that speaks the extension.
 *
 * @param {object|boolean} [perMessageDeflate] [neither side keeps its context]
 * @param {object} [options] more of them
 * @returns {Promise<object>} as `serve` returns it
 */
function serveEcho(perMessageDeflate = FORGET, options = {}) {
  return serve((webSocket) => {
    webSocket.on('error', () => {})
    echo(webSocket)
  }, { options: { perMessageDeflate, ...options } })
}

describe.each([['WebSocketServer', serve], ['handleUpgrade', serveByHandleUpgrade]])('with %s', (title, start) => {
  testBeyondWs('perMessageDeflate: true means that neither side keeps its context', async () => {
    const { port } = await start(null, { options: { perMessageDeflate: true } })
    expect((await offering(port)).head).toBe(switching(FORGETTING))
  })

  test.each([
    ['permessage-deflate', KEEP, 'permessage-deflate'],
    ['permessage-deflate; client_max_window_bits', FORGET, FORGETTING],
    ['permessage-deflate; client_no_context_takeover', KEEP, 'permessage-deflate; client_no_context_takeover'],
    ['permessage-deflate', { ...KEEP, serverMaxWindowBits: 10 }, 'permessage-deflate; server_max_window_bits=10'],
    ['permessage-deflate; client_max_window_bits', { ...KEEP, clientMaxWindowBits: 11 }, 'permessage-deflate; client_max_window_bits=11'],
    ['permessage-deflate; client_max_window_bits=12; server_max_window_bits=9', KEEP, 'permessage-deflate; client_max_window_bits=12; server_max_window_bits=9'],
    ['x-other; a=1, permessage-deflate; server_no_context_takeover, permessage-deflate', KEEP, 'permessage-deflate'],
    ['x-other', KEEP, null],
    [null, KEEP, null]
  ])('the offer %s to a server of %j is answered with %s', async (offer, perMessageDeflate, agreed) => {
    const opened = []
    const { port } = await start((webSocket) => opened.push(webSocket.extensions), { options: { perMessageDeflate } })
    expect((await offering(port, offer)).head).toBe(switching(agreed))
    await until(() => opened.length === 1)
    expect(opened).toEqual([agreed ? 'permessage-deflate' : ''])
  })

  test.each([
    ['permessage-deflate; unknown'],
    ['permessage-deflate; server_no_context_takeover=1'],
    ['permessage-deflate; server_max_window_bits'],
    ['permessage-deflate; server_max_window_bits=7'],
    ['permessage-deflate; client_max_window_bits=16'],
    ['permessage-deflate; client_max_window_bits; client_max_window_bits'],
    ['permessage-deflate; server_no_context_takeover'],
    ['permessage-deflate,'],
    [',']
  ])('the offer %s is refused', async (offer) => {
    const { port } = await start(null, { options: { perMessageDeflate: KEEP } })
    const client = await offering(port, offer)
    const body = 'Invalid or unacceptable Sec-WebSocket-Extensions header'
    expect(client.head).toBe(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n`)
    expect((await client.readRest()).toString()).toBe(body)
  })

  test.each([[undefined], [false]])('perMessageDeflate %s: offers are ignored, and compressed messages are a mistake', async (perMessageDeflate) => {
    const { port } = await start((webSocket) => webSocket.on('error', () => {}), { options: { perMessageDeflate } })
    expect((await offering(port, 'permessage-deflate; unknown')).head).toBe(SWITCHING)
    const client = await offering(port)
    expect(client.head).toBe(SWITCHING)
    client.socket.write(frame(text, deflate('x'), { rsv: RSV1 }))
    const { opcode, payload } = await client.readFrame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([OPCODE.close, 1002])
  })
})

describe.each([['kept', KEEP], ['forgotten', FORGET]])('with the context %s', (title, takeover) => {
  const sizes = [['small', 20], ['1 KiB', 1024], ['100 kB', 100000], ['3 MB', 3000000]]
  const textOf = (size) => 'Grüße aus dem Test! '.repeat(Math.ceil(size / 20)).slice(0, size)
  const binaryOf = (size) => Buffer.concat([noise.subarray(0, size), Buffer.alloc(Math.max(0, size - noise.length), 'wellen')])

  test.each(sizes)('the ws client gets its %s messages back', async (name, size) => {
    const { client } = await connectPair(await serveEcho(takeover), [], { perMessageDeflate: { threshold: 0 } })
    expect(client.extensions).toBe('permessage-deflate')
    const answers = messagesOf(client)
    const sent = [textOf(size), binaryOf(size), textOf(size)]
    for (const data of sent) client.send(data)
    for (const data of sent) {
      const answer = await answers.next()
      expect(answer.isBinary).toBe(typeof data !== 'string')
      expect(answer.data.equals(Buffer.from(data))).toBe(true)
    }
    if (size >= 100000) expect(client._socket.bytesRead).toBeLessThan(size / 4)
  })

  test.each(sizes)('undici gets its %s messages back', async (name, size) => {
    const { url } = await serveEcho(takeover)
    const client = await connectBrowser(url)
    expect(client.webSocket.extensions).toMatch(/^permessage-deflate/)
    for (let i = 0; i < 2; i++) {
      client.webSocket.send(textOf(size))
      expect(await client.next() === textOf(size)).toBe(true)
      client.webSocket.send(binaryOf(size))
      expect(Buffer.from(await client.next()).equals(binaryOf(size))).toBe(true)
    }
  })

  test('the fragments of the ws client make one message', async () => {
    const { client, webSocket } = await connectPair(await serveEcho(takeover), [], { perMessageDeflate: { threshold: 0 } })
    const inbox = messagesOf(webSocket)
    for (let round = 0; round < 3; round++) {
      for (const fin of [false, false, true]) client.send(textOf(3000), { fin })
      expect(await inbox.next()).toEqual({ data: Buffer.from(textOf(3000).repeat(3)), isBinary: false })
    }
  })

  test('a compressed message may be cut into frames anywhere, with pings between', async () => {
    const { port } = await serveEcho(takeover)
    const client = await offering(port)
    const bytes = deflate(textOf(5000))
    for (let at = 0; at < bytes.length; at++) {
      const fin = at === bytes.length - 1
      client.socket.write(frame(at ? continuation : text, bytes.subarray(at, at + 1), { fin, rsv: at ? 0 : RSV1 }))
      if (at % 50 === 25) client.socket.write(frame(OPCODE.ping, `${at}`))
    }
    let answer = await client.readFrame()
    for (; answer.opcode === OPCODE.pong; answer = await client.readFrame());
    expect(answer).toMatchObject({ opcode: text, rsv: RSV1, fin: true })
    expect(inflate(answer.payload).toString()).toBe(textOf(5000))
  })

  test('what is sent in fragments is compressed as one message', async () => {
    const { port, wss } = await serve(null, { options: { perMessageDeflate: takeover } })
    const connection = once(wss, 'connection')
    const client = await offering(port)
    const [webSocket] = await connection
    for (const fin of [false, false, true]) webSocket.send(textOf(3000), { fin })
    const frames = [await client.readFrame(), await client.readFrame(), await client.readFrame()]
    expect(frames.map(({ opcode, rsv, fin }) => [opcode, rsv, fin])).toEqual([[text, RSV1, false], [continuation, 0, false], [continuation, 0, true]])
    expect(inflate(Buffer.concat(frames.map(({ payload }) => payload))).toString()).toBe(textOf(3000).repeat(3))
  })

  test('send() calls back, in order, and then nothing is buffered', async () => {
    const { client, webSocket } = await connectPair(await serve(null, { options: { perMessageDeflate: takeover } }), [], { perMessageDeflate: true })
    const inbox = messagesOf(client)
    const calls = []
    await new Promise((resolve) => {
      const sent = [textOf(5000), 'short', binaryOf(100000), '', textOf(1024)]
      sent.forEach((data, i) => webSocket.send(data, { compress: i !== 4 }, (error) => {
        calls.push([i, error ?? null])
        if (i === sent.length - 1) resolve()
      }))
      expect(webSocket.bufferedAmount).toBeGreaterThan(0)
    })
    expect(calls).toEqual([0, 1, 2, 3, 4].map((i) => [i, null]))
    expect(webSocket.bufferedAmount).toBe(0)
    await inbox.take(5)
    expect(calls).toHaveLength(5)
  })
})

describe('the context', () => {
  test('kept by both: a message that came before costs next to nothing', async () => {
    const { port } = await serveEcho(KEEP)
    const client = await offering(port)
    client.socket.write(frame(binary, deflate(noise), { rsv: RSV1 }))
    const first = await client.readFrame()
    expect(inflate(first.payload).equals(noise)).toBe(true)
    const again = deflate(noise, { after: noise })
    expect(again.length).toBeLessThan(100)
    client.socket.write(frame(binary, again, { rsv: RSV1 }))
    const second = await client.readFrame()
    expect(second.payload.length).toBeLessThan(100)
    expect(inflate(second.payload, noise).equals(noise)).toBe(true)
  })

  test('forgotten by both: every message can be inflated by itself', async () => {
    const { port } = await serveEcho(FORGET)
    const client = await offering(port)
    for (let i = 0; i < 3; i++) {
      client.socket.write(frame(binary, deflate(noise), { rsv: RSV1 }))
      expect(inflate((await client.readFrame()).payload).equals(noise)).toBe(true)
    }
  })

  testBeyondWs('that the client said to forget is gone: a message that refers to it is 1007', async () => {
    const { port } = await serveEcho(FORGET)
    const client = await offering(port)
    client.socket.write(frame(binary, deflate(noise), { rsv: RSV1 }))
    await client.readFrame()
    client.socket.write(frame(binary, deflate(noise, { after: noise }), { rsv: RSV1 }))
    const { opcode, payload } = await client.readFrame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([OPCODE.close, 1007])
  })
})

describe('what is compressed', () => {
  test.each([
    ['the threshold is 1,024 bytes', {}, 1023, 1024],
    ['threshold: 10', { threshold: 10 }, 9, 10],
    ['threshold: 0', { threshold: 0 }, null, 1]
  ])('%s', async (title, options, below, from) => {
    const { port } = await serveEcho({ ...FORGET, ...options })
    const client = await offering(port)
    for (const [length, rsv] of [[below, 0], [from, RSV1]]) {
      if (length === null) continue
      client.socket.write(frame(text, 'a'.repeat(length)))
      const answer = await client.readFrame()
      expect(answer.rsv).toBe(rsv)
      expect((rsv ? inflate(answer.payload) : answer.payload).toString()).toBe('a'.repeat(length))
    }
  })

  test('compress: false leaves one message as it is, and no other', async () => {
    const { port, wss } = await serve(null, { options: { perMessageDeflate: FORGET } })
    const connection = once(wss, 'connection')
    const client = await offering(port)
    const [webSocket] = await connection
    const data = 'a'.repeat(3000)
    for (const options of [{ compress: true }, { compress: false }, {}]) webSocket.send(data, options)
    webSocket.ping('p')
    const seen = []
    for (let i = 0; i < 4; i++) seen.push(await client.readFrame())
    expect(seen.map(({ opcode, rsv }) => [opcode, rsv])).toEqual([[text, RSV1], [text, 0], [text, RSV1], [OPCODE.ping, 0]])
    expect(seen[1].payload.toString()).toBe(data)
  })
})

describe('what cannot be inflated', () => {
  test.each([
    ['a block of the reserved type', Buffer.from([0x07, 0xff])],
    ['a stored block whose lengths differ', Buffer.from([0x00, 0x05, 0x00, 0x00, 0x00, 0x61])],
    ['a distance into nothing', deflate(noise, { after: noise })]
  ])('%s is 1007', async (title, bytes) => {
    const { port, wss } = await serve(null, { options: { perMessageDeflate: FORGET } })
    const connection = once(wss, 'connection')
    const client = await offering(port)
    const [webSocket] = await connection
    const error = once(webSocket, 'error')
    const closed = closeOf(webSocket)
    client.socket.write(frame(binary, bytes, { rsv: RSV1 }))
    const { opcode, payload } = await client.readFrame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([OPCODE.close, 1007])
    expect((await error)[0].code).toBe('Z_DATA_ERROR')
    client.socket.end()
    expect(await closed).toEqual({ code: 1006, reason: '' })
  })

  test('text that is not UTF-8 once inflated is 1007', async () => {
    const { port } = await serveEcho()
    const client = await offering(port)
    client.socket.write(frame(text, deflate(Buffer.from([0x61, 0xff])), { rsv: RSV1 }))
    expect((await client.readFrame()).payload.readUInt16BE(0)).toBe(1007)
  })

  test('1 GiB in one, with a maxPayload of 1 MiB, is 1009 and costs less than 8 MiB; others are served', async () => {
    const child = runProgram(async (kit, options) => {
      const { server, port } = await kit.serve((webSocket) => {
        webSocket.on('error', () => {})
        webSocket.on('message', (data) => webSocket.send(data))
      }, options)
      server.on('request', (req, res) => {
        // From here on the most is counted anew. Not maxRSS of process.resourceUsage(): a child inherits that of the
        // process that started it.
        if (req.url === '/anew') kit.fs.writeFileSync('/proc/self/clear_refs', '5')
        const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(kit.fs.readFileSync('/proc/self/status', 'utf8'))
        res.end(JSON.stringify({ rss: process.memoryUsage.rss(), most: Number(kibibytes) * 1024 }))
      })
      kit.report(port)
    }, { args: [{ perMessageDeflate: true, maxPayload: MEBIBYTE }] })
    const port = await child.report()
    const memory = async (path = '') => (await fetch(`http://127.0.0.1:${port}/${path}`, { headers: { Connection: 'close' } })).json()
    const other = await connect(`ws://127.0.0.1:${port}`, [], { perMessageDeflate: true })
    const answers = messagesOf(other)
    const bomber = await offering(port)
    const piece = deflate(Buffer.alloc(64 * MEBIBYTE), { fin: false })
    const bomb = Buffer.concat([...Array(15).fill(piece), piece.subarray(0, -TAIL.length)])
    expect(bomb.length).toBeLessThanOrEqual(MEBIBYTE)
    const before = (await memory('anew')).rss
    let [served, over] = [0, false]
    bomber.socket.write(frame(binary, bomb, { rsv: RSV1 }))
    const verdict = bomber.readFrame().finally(() => { over = true })
    do {
      other.send('and me?'.repeat(200))
      expect((await answers.next()).data.toString()).toBe('and me?'.repeat(200))
      served++
    } while (!over || served < 10)
    const { opcode, payload } = await verdict
    expect([opcode, payload.readUInt16BE(0)]).toEqual([OPCODE.close, 1009])
    expect((await memory()).most - before).toBeLessThan(8 * MEBIBYTE)
  })
})
