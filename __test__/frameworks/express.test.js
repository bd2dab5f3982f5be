'use strict'

// Express: with express-ws in front of offloop, and with a WebSocketServer on its server.

const { connectBrowser } = require('../support/browser-client')
const { connect, receive } = require('./support/clients')
const { startServer } = require('./support/server')

describe('Express with a WebSocketServer on its server', () => {
  test('serves pages and WebSockets on one port', async () => {
    const server = await startServer('express')
    const client = await connect(`${server.ws}/socket`, [], { headers: { 'user-agent': 'test' } })
    await server.expectConnection()
    expect(await receive(client)).toBe('hello test')
    client.send('Grüße')
    expect(await receive(client)).toBe('Grüße')
    client.send(Buffer.from([0, 255]))
    expect(await receive(client)).toEqual(Buffer.from([0, 255]))
    expect(await (await fetch(server.http)).text()).toBe('hello')
    await expect(connect(`${server.ws}/elsewhere`)).rejects.toThrow('Unexpected server response: 400')
    await server.close()
  })
})

describe('express-ws with offloop in the place of its ws', () => {
  let server

  beforeEach(async () => { server = await startServer('express-ws', { replaceWs: true }) })

  test('a route gets the request that the middleware has seen', async () => {
    const client = await connect(`${server.ws}/echo?a=1&b=c`)
    await server.expectConnection()
    expect(JSON.parse(await receive(client))).toEqual({
      passed: 'through the middleware',
      query: { a: '1', b: 'c' },
      address: '127.0.0.1'
    })
    expect(await (await fetch(server.http)).text()).toBe('hello')
    await server.close()
  })

  test('a text arrives as a Buffer, as in ws 8', async () => {
    const client = await connect(`${server.ws}/echo`)
    await server.expectConnection()
    await receive(client)
    client.send('Grüße')
    expect(await server.report()).toEqual({ type: 'Buffer', isBinary: false })
    expect(await receive(client)).toBe('Grüße')
    client.send(Buffer.from([1, 2, 3]))
    expect(await server.report()).toEqual({ type: 'Buffer', isBinary: true })
    expect(await receive(client)).toEqual(Buffer.from([1, 2, 3]))
    client.close(3001, 'enough')
    expect(await server.report()).toEqual({ code: 3001, reason: 'enough' })
  })

  test('what was written for ws 7 echoes a text as bytes, and onmessage still has a string', async () => {
    const client = await connect(`${server.ws}/ws-7`)
    client.send('Grüße')
    expect(await receive(client)).toEqual(Buffer.from('Grüße'))
    expect(await receive(client)).toBe('string: Grüße')
  })

  test('wsOptions go to the server', async () => {
    const client = await connect(`${server.ws}/echo`, [], { perMessageDeflate: true })
    expect(client.extensions).toBe('permessage-deflate')
    await receive(client)
    const text = 'a'.repeat(1024 * 1024)
    client.send(text)
    expect(await receive(client) === text).toBe(true)
    client.send(`${text}a`)
    expect((await client.closed).code).toBe(1009)
    await server.expectConnection()
    expect(await server.report()).toEqual({ type: 'Buffer', isBinary: false })
    expect(await server.report()).toEqual({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' })
  })

  test('a router has routes with parameters, and getWss() knows every client', async () => {
    const clients = await Promise.all(['den', 'den', 'attic'].map((room) => connect(`${server.ws}/rooms/${room}`)))
    for (const client of clients) expect(await receive(client)).toBe('joined')
    const [first, second, third] = clients
    first.send('one')
    expect(await receive(first)).toBe('den: one')
    expect(await receive(second)).toBe('den: one')
    third.send('two')
    expect(await receive(third)).toBe('attic: two')
  })

  test('a browser is served', async () => {
    const client = await connectBrowser(`${server.ws}/rooms/browser`)
    expect(await client.next()).toBe('joined')
    client.webSocket.send('hello')
    expect(await client.next()).toBe('browser: hello')
  })

  test('a path without a route closes the connection', async () => {
    const client = await connect(`${server.ws}/nowhere`)
    expect((await client.closed).code).toBe(1005)
  })

  test('the error of a handler goes to the error handlers', async () => {
    const client = await connect(`${server.ws}/broken`)
    expect(await server.report()).toEqual({ error: 'a handler that throws' })
    expect((await client.closed).code).toBe(1005)
  })
})
