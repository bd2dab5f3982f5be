'use strict'

// An exception in a user's handler ends the process as any other would, or is an uncaughtException.

const { once } = require('events')

const { runProgram } = require('../support/child')
const { frame, OPCODE, closeFrame } = require('../support/frames')
const { implementationName, implementations, testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')

/**
 * Starts a server in a process of its own whose handler for one event throws.
 *
 * @param {string} name the implementation
 * @param {string} place where to throw
 * @returns {Promise<{child: object, client: RawClient}>}
 */
async function throwing(name, place) {
  const child = runProgram(async (kit, where) => {
    const fail = () => { throw new Error(`thrown in ${where}`) }
    const { port } = await kit.serve((webSocket) => {
      if (where === 'connection') fail()
      if (where === 'onmessage') webSocket.onmessage = fail
      if (where === 'a send callback') webSocket.on('message', () => webSocket.send('x', fail))
      if (['message', 'ping', 'pong', 'close', 'error'].includes(where)) webSocket.on(where, fail)
      if (where === 'an async listener') webSocket.on('message', async () => fail())
    })
    kit.report(port)
  }, { args: [place], env: { OFFLOOP_TEST_IMPLEMENTATION: name } })
  const client = await RawClient.upgrade({ port: await child.report() })
  return { child, client }
}

const PLACES = [
  ['message', frame(OPCODE.text, 'x')],
  ['onmessage', frame(OPCODE.text, 'x')],
  ['an async listener', frame(OPCODE.text, 'x')],
  ['a send callback', frame(OPCODE.text, 'x')],
  ['ping', frame(OPCODE.ping)],
  ['pong', frame(OPCODE.pong)],
  ['error', frame(3)],
  ['close', closeFrame(1000)]
]

describe.each(implementations)('%s', (name) => {
  test.each(PLACES)('an exception in %s ends the process with code 1 and shows its stack', async (place, bytes) => {
    const { child, client } = await throwing(name, place)
    client.socket.end(bytes)
    await child.expectExit({ code: 1, signal: null })
    expect(child.stderr).toMatch(new RegExp(`Error: thrown in ${place}\n +at `))
    await client.readRest()
  })

  test('an exception in close, caught as uncaughtException, does not keep the server from closing', async () => {
    const child = runProgram(async (kit) => {
      const caught = []
      process.on('uncaughtException', (error) => caught.push(error.message))
      const { port, server } = await kit.serve((webSocket) => {
        webSocket.on('close', () => {
          server.close(() => kit.report(caught))
          throw new Error('thrown in close')
        })
      })
      kit.report(port)
    }, { env: { OFFLOOP_TEST_IMPLEMENTATION: name } })
    const client = await RawClient.upgrade({ port: await child.report() })
    client.socket.end(closeFrame(1000))
    expect(await child.report()).toEqual(['thrown in close'])
    await child.expectExit({ code: 0, signal: null })
  })

  test('an exception in connection ends the process with code 1', async () => {
    const child = runProgram(async (kit) => {
      const { port } = await kit.serve(() => { throw new Error('thrown in connection') })
      kit.report(port)
    }, { env: { OFFLOOP_TEST_IMPLEMENTATION: name } })
    const client = await RawClient.connect({ port: await child.report() })
    await client.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')
    await child.expectExit({ code: 1, signal: null })
    expect(child.stderr).toContain('Error: thrown in connection')
  })

  test('an error event that nobody listens to ends the process with code 1 and the error\'s code', async () => {
    const { child, client } = await throwing(name, 'nowhere')
    client.socket.end(frame(3))
    await child.expectExit({ code: 1, signal: null })
    expect(child.stderr).toContain('WS_ERR_INVALID_OPCODE')
  })
})

/**
 * Starts an echo server that throws at every tenth message and counts its uncaughtExceptions.
 *
 * @returns {object} the child
 */
function throwingAtEveryTenth() {
  return runProgram(async (kit) => {
    const caught = []
    process.on('uncaughtException', (error) => caught.push(error.message))
    const received = []
    const { port } = await kit.serve((webSocket) => {
      webSocket.on('message', (data) => {
        const text = data.toString()
        received.push(text)
        if (text === 'last') return kit.report({ received, caught })
        webSocket.send(text)
        if (Number(text) % 10 === 0) throw new Error(text)
      })
    })
    kit.report(port)
  }, { env: { OFFLOOP_TEST_IMPLEMENTATION: implementationName } })
}

testBeyondWs('with an uncaughtException listener the rest of the batch is delivered, once and in order', async () => {
  const child = throwingAtEveryTenth()
  const client = await RawClient.upgrade({ port: await child.report() })
  const numbers = Array.from({ length: 100 }, (_, i) => `${i}`)
  await client.write(Buffer.concat(numbers.map((number) => frame(OPCODE.text, number))))
  for (const number of numbers) expect((await client.readFrame()).payload.toString()).toBe(number)
  await client.write(frame(OPCODE.text, 'last'))
  const { received, caught } = await child.report()
  expect(received).toEqual([...numbers, 'last'])
  expect(caught).toEqual(numbers.filter((number) => number % 10 === 0))
})

testBeyondWs('an exception on one connection costs no other connection a message', async () => {
  const child = throwingAtEveryTenth()
  const port = await child.report()
  const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.upgrade({ port })))
  for (const client of clients) client.socket.write(Buffer.concat(Array.from({ length: 50 }, (_, i) => frame(OPCODE.text, `${i}`))))
  for (const client of clients) {
    for (let i = 0; i < 50; i++) expect((await client.readFrame()).payload.toString()).toBe(`${i}`)
  }
  clients[0].socket.end(closeFrame(1000))
  await once(clients[0].socket, 'close')
})
