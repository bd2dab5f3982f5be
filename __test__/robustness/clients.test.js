'use strict'

// Clients and the worst of servers; and processes that have nothing but clients.

const { once } = require('events')

const { runProgram } = require('../support/child')
const { openClient, startClient } = require('../support/client-log')
const { OPCODE, closeFrame, frame } = require('../support/frames')
const { implementation } = require('../support/implementation')
const { Random } = require('../support/random')
const { serveRaw } = require('../support/raw-server')
const { echo, serve } = require('../support/servers')
const { until } = require('../support/waiting')

describe('a process exits by itself with code 0', () => {
  test.each([
    ['close()', 'client.close(1000)'],
    ['terminate()', 'client.terminate()'],
    ['destroy() of the socket', 'client._socket.destroy()'],
    ['the server', 'client.send("close")'],
    ['a reset', 'client.send("reset")']
  ])('whose only client is ended by %s', async (title, end) => {
    const { url } = await serve((webSocket) => webSocket.on('message', (data) => {
      if (data.toString() === 'close') webSocket.close(1000)
      else if (data.toString() === 'reset') webSocket.terminate()
      else webSocket.send(data)
    }))
    const child = runProgram(async (kit, address, code) => {
      const client = new kit.implementation.WebSocket(address)
      await kit.once(client, 'open')
      client.send('x')
      await kit.once(client, 'message')
      new Function('client', code)(client)
    }, { args: [url, end] })
    await child.expectExit({ code: 0, signal: null })
  })

  test.each([['terminate'], ['close']])('that has given up on a silent server by %s()', async (method) => {
    const raw = await serveRaw()
    const child = runProgram((kit, address, name) => {
      const client = new kit.implementation.WebSocket(address)
      client.on('error', (error) => kit.report(error.message))
      process.on('SIGUSR2', () => client[name]())
      kit.report('connecting')
    }, { args: [raw.url, method] })
    await child.report()
    await raw.request()
    child.process.kill('SIGUSR2')
    expect(await child.report()).toBe('WebSocket was closed before the connection was established')
    await child.expectExit({ code: 0, signal: null })
  })

  test('whose 1000 clients have closed, with as many descriptors as before', async () => {
    const { url, wss } = await serve(echo)
    const child = runProgram(async (kit, address) => {
      const open = async () => {
        const client = new kit.implementation.WebSocket(address)
        await kit.once(client, 'open')
        return client
      }
      const first = await open()
      const before = kit.countDescriptors()
      const clients = await Promise.all(Array.from({ length: 1000 }, open))
      const answers = clients.map((client) => kit.once(client, 'message'))
      clients.forEach((client, i) => client.send(`${i}`))
      const texts = (await Promise.all(answers)).map(([data]) => Number(data))
      const ends = clients.map((client) => kit.once(client, 'close'))
      clients.forEach((client) => client.close())
      await Promise.all(ends)
      await kit.until(() => kit.countDescriptors() === before)
      kit.report(texts.every((text, i) => text === i))
      first.close()
    }, { args: [url] })
    expect(await child.report()).toBe(true)
    await child.expectExit({ code: 0, signal: null })
    await until(() => wss.clients.size === 0)
  })
})

test('a process stays alive while a client is open', async () => {
  const { url, wss } = await serve()
  const child = runProgram(async (kit, address) => {
    const client = new kit.implementation.WebSocket(address)
    client.on('message', (data) => kit.report(data.toString()))
    client.on('close', (code) => kit.report(code))
  }, { args: [url] })
  const [webSocket] = await once(wss, 'connection')
  await new Promise((resolve) => setImmediate(resolve))
  webSocket.send('still there')
  expect(await child.report()).toBe('still there')
  webSocket.close(4000)
  expect(await child.report()).toBe(4000)
  await child.expectExit({ code: 0, signal: null })
})

test('process.exit() with clients in all states', async () => {
  const { url } = await serve(echo)
  const raw = await serveRaw()
  const child = runProgram(async (kit, address, silent) => {
    const client = new kit.implementation.WebSocket(address)
    await kit.once(client, 'open')
    for (let i = 0; i < 20; i++) new kit.implementation.WebSocket(silent)
    for (let i = 0; i < 20; i++) new kit.implementation.WebSocket(address).on('open', function () { this.send('x') })
    client.send('x')
    client.once('message', () => process.exit(7))
  }, { args: [url, raw.url] })
  await child.expectExit({ code: 7, signal: null })
})

describe('a server', () => {
  test('that sends garbage behind its response', async () => {
    const raw = await serveRaw()
    const random = new Random(77)
    for (let i = 0; i < 150; i++) {
      const { client, log, closed } = startClient(implementation, raw.url, { perMessageDeflate: i % 2 === 0, maxPayload: 1 << 16, closeTimeout: 100 })
      const { peer } = await raw.upgrade(i % 2 === 0 ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {}, random.bytes(random.below(300)))
      peer.socket.end()
      await closed
      expect([client.readyState, log[0], log[1], log.filter((line) => line.includes('close')).length]).toEqual([3, '0 upgrade 101', '1 open 0', 1])
    }
  })

  test('that cuts its garbage in pieces', async () => {
    const raw = await serveRaw()
    const random = new Random(78)
    for (let i = 0; i < 30; i++) {
      const opened = openClient(implementation, raw.url, { closeTimeout: 100 })
      const { peer } = await raw.upgrade()
      const { client } = await opened
      client.on('error', () => {})
      const closed = new Promise((resolve) => client.on('close', resolve))
      for (const piece of random.cut(Buffer.concat([frame(OPCODE.text, 'good', { mask: null }), random.bytes(500)]), 40)) await peer.write(piece)
      peer.socket.end()
      await closed
    }
  })

  test('that resets the connection with its response', async () => {
    const raw = await serveRaw()
    for (let i = 0; i < 100; i++) {
      const { log, closed } = startClient(implementation, raw.url)
      const { peer } = await raw.upgrade()
      peer.socket.resetAndDestroy()
      await closed
      expect(log.at(-1)).toBe('3 close 1006')
    }
  })

  test('that never ends its response\'s head', async () => {
    const raw = await serveRaw()
    const { log, closed } = startClient(implementation, raw.url)
    const { peer } = await raw.answer('HTTP/1.1 101 Switching Protocols\r\n')
    let flooding = true
    const flood = () => { if (flooding) peer.socket.write(`X-More: ${'x'.repeat(1000)}\r\n`, flood) }
    flood()
    await closed
    flooding = false
    expect(log).toEqual([expect.stringContaining('(HPE_HEADER_OVERFLOW)'), '3 close 1006'])
  })

  test('that declares 2^62 bytes and 100 MiB, and sends none of them', async () => {
    const raw = await serveRaw()
    for (const declared of [2n ** 62n, 100n * 1024n * 1024n + 1n]) {
      const { log, closed } = startClient(implementation, raw.url)
      const { peer } = await raw.upgrade({}, frame(OPCODE.binary, '', { mask: null, declared }))
      await peer.readFrame()
      peer.socket.end()
      await closed
      expect(log.at(-2)).toMatch(/WS_ERR_UNSUPPORTED_(MESSAGE|DATA_PAYLOAD)_LENGTH/)
    }
  })

  test('that closes, and sends on', async () => {
    const raw = await serveRaw()
    const { log, closed } = startClient(implementation, raw.url)
    const late = frame(OPCODE.text, 'late', { mask: null })
    const { peer } = await raw.upgrade({}, Buffer.concat([closeFrame(1000, '', { mask: null }), late, late]))
    await peer.write(late)
    expect((await peer.readFrame()).opcode).toBe(OPCODE.close)
    peer.socket.end(late)
    await closed
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '3 close 1000'])
  })
})
