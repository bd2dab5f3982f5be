'use strict'

// Others are served while somebody does his worst.

const { frame, OPCODE, parseFrame } = require('../support/frames')
const { testBeyondWs } = require('../support/implementation')
const { Random } = require('../support/random')
const { RawClient } = require('../support/raw-client')
const { connect, echo, serve } = require('../support/servers')
const { messagesOf, until } = require('../support/waiting')

const { binary, text } = OPCODE
const FLOOD = 1_000_000

test('while a million messages of one client come, those of another are echoed in between', async () => {
  let flooded = 0
  let isFlooding = () => {}
  const { port, url } = await serve((webSocket) => webSocket.on('message', (data) => {
    if (data.length > 1) webSocket.send(data)
    else if (++flooded === 1) isFlooding()
  }))
  const canary = await connect(url)
  const answers = messagesOf(canary)
  const begun = new Promise((resolve) => { isFlooding = resolve })
  const flooder = await RawClient.upgrade({ port })
  const small = frame(binary, 'x')
  flooder.socket.write(Buffer.alloc(FLOOD * small.length, small))
  await begun
  canary.send('canary')
  expect((await answers.next()).data.toString()).toBe('canary')
  expect(flooded).toBeLessThan(FLOOD)
  await until(() => flooded === FLOOD)
})

// `ws` delivers whatever a read has brought.
testBeyondWs('however much comes, a turn of the event loop delivers two slices of it at most', async () => {
  let [count, turn, most, inOrder] = [0, 0, 0, true]
  const { port } = await serve((webSocket) => webSocket.on('message', (data) => {
    inOrder &&= data[0] === count % 251
    if (turn === 0) setImmediate(() => { turn = 0 })
    count++
    most = Math.max(most, ++turn)
  }))
  const flooder = await RawClient.upgrade({ port })
  const flood = Buffer.concat(Array.from({ length: 251 * 1000 }, (_, i) => frame(binary, Buffer.from([i % 251]))))
  flooder.socket.write(flood)
  await until(() => count === 251 * 1000)
  expect(inOrder).toBe(true)
  // A slice is 2,048 events, and what a call of the addon brings beyond.
  expect(most).toBeLessThanOrEqual(2 * (2048 + 256))
})

test('60 clients that dribble bytes, one that sends 32 MiB, and one that has little to say are all served', async () => {
  const { port, url } = await serve(echo)
  const random = new Random(60)
  const dribblers = await Promise.all(Array.from({ length: 60 }, () => RawClient.upgrade({ port })))
  const words = dribblers.map((_, i) => frame(text, `dribbler ${i} `.repeat(3)))
  const bulk = await RawClient.upgrade({ port })
  let echoed = 0
  let next = []
  bulk.socket.removeAllListeners('data')
  bulk.socket.on('data', (chunk) => {
    next.push(chunk)
    const bytes = Buffer.concat(next)
    const found = bytes.length >= 1024 * 1024 + 10 ? parseFrame(bytes) : null
    next = found ? [bytes.subarray(found.size)] : [bytes]
    if (found) echoed += found.payload.length
  })
  const sending = bulk.write(Buffer.concat(Array.from({ length: 32 }, () => frame(binary, random.bytes(1024 * 1024)))))
  const quiet = await connect(url)
  const answers = messagesOf(quiet)
  for (let at = 0; at < words[59].length; at++) {
    await Promise.all(dribblers.map((client, i) => client.write(words[i].subarray(at, at + 1))))
    quiet.send(`${at}`)
    expect((await answers.next()).data.toString()).toBe(`${at}`)
  }
  for (const [i, client] of dribblers.entries()) {
    expect((await client.readFrame()).payload.toString()).toBe(`dribbler ${i} `.repeat(3))
  }
  await sending
  await until(() => echoed === 32 * 1024 * 1024)
})

test('a client whose receive window is closed does not hold up the others, and gets everything later', async () => {
  const { port, url } = await serve(echo)
  const deaf = await RawClient.upgrade({ port })
  deaf.socket.pause()
  const payload = Buffer.alloc(256 * 1024, 'd')
  deaf.socket.write(Buffer.concat(Array.from({ length: 32 }, () => frame(binary, payload))))
  const other = await connect(url)
  const answers = messagesOf(other)
  for (let i = 0; i < 200; i++) {
    other.send(`${i}`)
    expect((await answers.next()).data.toString()).toBe(`${i}`)
  }
  deaf.socket.resume()
  for (let i = 0; i < 32; i++) expect((await deaf.readFrame()).payload.equals(payload)).toBe(true)
})
