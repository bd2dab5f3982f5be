'use strict'

// Peers that do not read: what may wait for them, and what is done past that.

const { once } = require('events')

const { defer } = require('../support/cleanup')
const { OPCODE, closeFrame, frame } = require('../support/frames')
const { implementation, testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { connectPair, echo, serve } = require('../support/servers')
const { closeOf, messagesOf } = require('../support/waiting')

const MEBIBYTE = 1024 * 1024
const PIECE = 64 * 1024

/**
 * Connects a raw client that reads nothing until its socket is resumed.
 *
 * @param {object} [options] options of the server
 * @param {object} [server] as `serve` returns it
 * @returns {Promise<{peer: RawClient, webSocket: object, tally: object}>} `tally` counts what is dropped
 */
async function openDeaf(options, server) {
  const { port, wss } = server ?? await serve(undefined, { options })
  const connection = once(wss, 'connection')
  const peer = await RawClient.upgrade({ port })
  peer.socket.pause()
  const [webSocket] = await connection
  const tally = { dropped: 0 }
  webSocket.on('dropped', (count) => { tally.dropped += count })
  return { peer, webSocket, tally }
}

/** @param {number} number begins the message */
function numbered(number) {
  const message = Buffer.alloc(PIECE)
  message.writeUInt32BE(number)
  return message
}

/**
 * Sends numbered messages, and lets the kernel take what it takes in between.
 *
 * @param {object} webSocket
 * @param {Function} until ends it
 * @returns {Promise<number>} how many
 */
async function sendUntil(webSocket, until) {
  let sent = 0
  while (!until(sent)) {
    webSocket.send(numbered(sent++))
    await new Promise(setImmediate)
  }
  return sent
}

/**
 * Reads to the answer to a last message, which is text.
 *
 * @param {RawClient} peer
 * @returns {Promise<number[]>} the numbers of the messages before it
 */
async function readNumbers(peer) {
  const numbers = []
  for (;;) {
    const { opcode, payload } = await peer.readFrame()
    if (opcode === OPCODE.text) return numbers
    expect(payload.length).toBe(PIECE)
    numbers.push(payload.readUInt32BE(0))
  }
}

describe('maxBackpressure', () => {
  testBeyondWs('closes with 1013 past the limit, and drops what has not been begun', async () => {
    const { peer, webSocket } = await openDeaf({ maxBackpressure: MEBIBYTE })
    const closed = closeOf(webSocket)
    let failed
    let sent = 0
    while (webSocket.readyState === 1) {
      webSocket.send(numbered(sent++), (error) => { failed ??= error })
      await new Promise(setImmediate)
    }
    expect(webSocket.closeCause).toEqual({ type: 'pressure', detail: 'maxBackpressure' })
    peer.socket.resume()
    let received = 0
    let frame
    while ((frame = await peer.readFrame()).opcode !== OPCODE.close) received++
    expect(frame.payload.readUInt16BE(0)).toBe(1013)
    expect(received).toBeLessThan(sent)
    expect(failed.code).toBe('OFFLOOP_ERR_BACKPRESSURE')
    peer.socket.end(closeFrame(1013))
    await closed
  })

  testBeyondWs('with the policy dropNewest refuses messages and tells how many', async () => {
    const { peer, webSocket, tally } = await openDeaf({ maxBackpressure: { bytes: MEBIBYTE, policy: 'dropNewest' } })
    const sent = await sendUntil(webSocket, () => tally.dropped >= 3)
    const refused = new Promise((resolve) => webSocket.send(numbered(sent), resolve))
    expect((await refused).code).toBe('OFFLOOP_ERR_BACKPRESSURE')
    const drained = once(webSocket, 'drain')
    peer.socket.resume()
    await drained
    webSocket.send('last')
    const numbers = await readNumbers(peer)
    expect(numbers).toEqual(numbers.slice().sort((one, other) => one - other))
    expect(numbers.length).toBe(sent + 1 - tally.dropped)
  })

  testBeyondWs('with the policy dropOldest keeps the newest in order', async () => {
    const { peer, webSocket, tally } = await openDeaf({ maxBackpressure: { bytes: MEBIBYTE, policy: 'dropOldest' } })
    const sent = await sendUntil(webSocket, () => tally.dropped >= 30)
    expect(webSocket.bufferedAmount).toBeLessThanOrEqual(MEBIBYTE)
    webSocket.send('last')
    peer.socket.resume()
    const numbers = await readNumbers(peer)
    expect(numbers.at(-1)).toBe(sent - 1)
    expect(numbers).toEqual(numbers.slice().sort((one, other) => one - other))
    expect(numbers.length).toBe(sent - tally.dropped)
  })

  testBeyondWs('holds frames that are made already with the others', async () => {
    const { peer, webSocket, tally } = await openDeaf({ maxBackpressure: { bytes: MEBIBYTE, policy: 'dropOldest' } })
    let sent = 0
    while (tally.dropped < 3) {
      const options = { fin: true, mask: false, opcode: OPCODE.binary, readOnly: false, rsv1: false }
      webSocket.send(numbered(sent++))
      webSocket._sender.sendFrame(implementation.Sender.frame(numbered(sent++), options))
      await new Promise(setImmediate)
    }
    webSocket.send('last')
    peer.socket.resume()
    const numbers = await readNumbers(peer)
    expect(numbers).toEqual(numbers.slice().sort((one, other) => one - other))
    expect(numbers.length).toBe(sent - tally.dropped)
  })

  testBeyondWs('counts a held frame that is made already as what it is on the wire', async () => {
    const { webSocket } = await openDeaf({ maxBackpressure: { bytes: MEBIBYTE, policy: 'dropOldest' } })
    webSocket.send(numbered(0)) // fills the driver: from here on the tick's messages are held
    const before = webSocket.bufferedAmount
    webSocket._sender.sendFrame([frame(OPCODE.binary, Buffer.alloc(10), { mask: null })])
    expect(webSocket.bufferedAmount - before).toBe(2 + 10)
  })

  testBeyondWs('with the policy dropOldest close() lets out what is held', async () => {
    const { peer, webSocket, tally } = await openDeaf({ maxBackpressure: { bytes: MEBIBYTE, policy: 'dropOldest' } })
    await sendUntil(webSocket, () => tally.dropped >= 3)
    webSocket.send('last')
    webSocket.close(1000)
    peer.socket.resume()
    await readNumbers(peer)
    expect((await peer.readFrame()).opcode).toBe(OPCODE.close)
    const closed = closeOf(webSocket)
    peer.socket.end(closeFrame(1000))
    expect((await closed).code).toBe(1000)
  })

  testBeyondWs.each([
    [{ maxBackpressure: { bytes: 1, policy: 'hope' } }, "maxBackpressure.policy must be 'close', 'dropNewest' or 'dropOldest', not hope"],
    [{ maxBackpressure: { bytes: -1 } }, 'maxBackpressure.bytes must be a number from 0 on, not -1'],
    [{ maxBackpressure: { bytes: 1, code: 1005 } }, 'maxBackpressure.code must be a close code, not 1005']
  ])('refuses %j', (options, message) => {
    expect(() => new implementation.WebSocketServer({ noServer: true, ...options })).toThrow(message)
  })
})

testBeyondWs('a ping overtakes messages that wait', async () => {
  const { peer, webSocket } = await openDeaf({ maxBackpressure: 1024 * MEBIBYTE })
  const count = 48
  for (let sent = 0; sent < count; sent++) webSocket.send(Buffer.alloc(MEBIBYTE))
  await new Promise(setImmediate)
  webSocket.ping('now')
  peer.socket.resume()
  const opcodes = []
  while (opcodes.length <= count) opcodes.push((await peer.readFrame()).opcode)
  expect(opcodes.indexOf(OPCODE.ping)).toBeGreaterThanOrEqual(0)
  expect(opcodes.indexOf(OPCODE.ping)).toBeLessThan(count / 2)
})

describe('sendAsync() and ready()', () => {
  testBeyondWs('resolve when there is room', async () => {
    const { client, webSocket } = await connectPair(await serve())
    const inbox = messagesOf(client)
    for (let sent = 0; sent < 100; sent++) {
      await webSocket.sendAsync(numbered(sent))
      expect(webSocket.bufferedAmount).toBeLessThan(2 * PIECE)
    }
    await webSocket.ready()
    const numbers = (await inbox.take(100)).map(({ data }) => data.readUInt32BE(0))
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, number) => number))
  })

  testBeyondWs('wait for a peer that does not read, and reject when the connection ends', async () => {
    const { webSocket } = await openDeaf()
    webSocket.send(Buffer.alloc(32 * MEBIBYTE))
    const waiting = webSocket.sendAsync('more')
    webSocket.terminate()
    await expect(waiting).rejects.toThrow('not open')
    await expect(webSocket.ready()).rejects.toThrow('not open')
  })
})

testBeyondWs('setTotalBackpressure() closes those with the most, and nobody else', async () => {
  defer(() => implementation.setTotalBackpressure(0))
  const server = await serve(echo)
  const large = await openDeaf(undefined, server)
  const small = await openDeaf(undefined, server)
  const { client } = await connectPair(server)
  implementation.setTotalBackpressure(24 * MEBIBYTE)
  small.webSocket.send(Buffer.alloc(8 * MEBIBYTE))
  while (large.webSocket.readyState === 1) {
    large.webSocket.send(Buffer.alloc(MEBIBYTE))
    await new Promise(setImmediate)
  }
  expect(large.webSocket.closeCause).toEqual({ type: 'pressure', detail: 'totalBackpressure' })
  expect(small.webSocket.readyState).toBe(1)
  client.send('still here')
  expect((await messagesOf(client).next()).data.toString()).toBe('still here')
})
