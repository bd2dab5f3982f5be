'use strict'

// What is sent are the bytes at the time of the call, and nothing that was never written.

const { once } = require('events')

const { testBeyondWs } = require('../support/implementation')
const { OPCODE } = require('../support/frames')
const { RawClient } = require('../support/raw-client')
const { serve } = require('../support/servers')

const LENGTHS = [10, 200, 20000, 200000]

/**
 * @returns {Promise<{client: RawClient, webSocket: object}>} both ends of a connection
 */
async function pair() {
  const { port, wss } = await serve()
  const connection = once(wss, 'connection')
  const client = await RawClient.upgrade({ port })
  const [webSocket] = await connection
  return { client, webSocket }
}

describe.each(LENGTHS)('%d bytes that are sent', (length) => {
  const expected = Buffer.alloc(length, 'a')

  // `ws` hands a Buffer to the socket without a copy; what the kernel has not taken may change.
  testBeyondWs('are those at the time of the call, though the Buffer is written to in the same tick', async () => {
    const { client, webSocket } = await pair()
    const data = Buffer.alloc(length, 'a')
    for (let i = 0; i < 5; i++) {
      webSocket.send(data)
      data.fill('b')
      data.fill('a')
    }
    webSocket.send(data)
    data.fill('b')
    for (let i = 0; i < 6; i++) expect((await client.readFrame()).payload.equals(expected)).toBe(true)
  })

  test('may be those of an ArrayBuffer that is given away afterwards', async () => {
    const { client, webSocket } = await pair()
    const data = new Uint8Array(length).fill(97).buffer
    webSocket.send(data)
    structuredClone(data, { transfer: [data] })
    expect(data.byteLength).toBe(0)
    expect((await client.readFrame()).payload.length).toBe(length)
  })

  test('may be those of a SharedArrayBuffer, or of a view on a part of it', async () => {
    const { client, webSocket } = await pair()
    const shared = new SharedArrayBuffer(length + 10)
    new Uint8Array(shared).fill(97)
    webSocket.send(new Uint8Array(shared, 5, length))
    webSocket.send(shared)
    expect((await client.readFrame()).payload.equals(expected)).toBe(true)
    expect((await client.readFrame()).payload.equals(Buffer.alloc(length + 10, 'a'))).toBe(true)
  })
})

test.each([
  ['an ArrayBuffer that was given away before', (webSocket) => {
    const data = new Uint8Array(1000)
    structuredClone(data.buffer, { transfer: [data.buffer] })
    webSocket.send(data)
  }],
  ['a close reason whose elements are not bytes', (webSocket) => webSocket.close(4000, new Uint16Array([0x6161, 0x6262]))]
])('%s is a TypeError, and the connection goes on', async (title, call) => {
  const { client, webSocket } = await pair()
  // Node's own TypeError is not Jest's.
  expect(() => call(webSocket)).toThrow(expect.objectContaining({ name: 'TypeError' }))
  webSocket.send('behind')
  expect((await client.readFrame()).payload.toString()).toBe('behind')
})

test('a close reason that is a part of a larger ArrayBuffer is sent as that part', async () => {
  const { client, webSocket } = await pair()
  webSocket.close(4000, new Uint8Array(new Uint8Array([0x61, 0x62, 0x63, 0x64]).buffer, 1, 2))
  const { opcode, payload } = await client.readFrame()
  expect([opcode, payload.toString('hex')]).toEqual([OPCODE.close, '0fa06263'])
})

test('ping(number) sends its digits, not as many bytes of memory', async () => {
  const { client, webSocket } = await pair()
  webSocket.ping(100)
  expect((await client.readFrame()).payload.toString()).toBe('100')
})
