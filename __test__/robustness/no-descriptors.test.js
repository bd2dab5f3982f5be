'use strict'

// A process that has no descriptor left: nobody loses what he has, and all is well again when there
// are some.

const { runProgram } = require('../support/child')
const { frame, OPCODE } = require('../support/frames')
const { RawClient, upgradeRequest } = require('../support/raw-client')
const { implementationName } = require('../support/implementation')

const LIMIT = 100
const isShard = process.env.OFFLOOP_DRIVER !== 'stream' && implementationName === 'offloop'

/**
 * Starts an echo server whose process may have few descriptors. Over HTTP it is told how many to
 * leave free, besides that of the HTTP connection; it answers how many connections are on a shard.
 *
 * @returns {object} the child; reports its port
 */
function startPoor() {
  return runProgram(async (kit) => {
    const open = new Set()
    const { server, port } = await kit.serve((webSocket) => {
      open.add(webSocket)
      webSocket.on('close', () => open.delete(webSocket))
      webSocket.on('message', (data) => webSocket.send(data))
    })
    const hoard = []
    const leave = (free) => {
      // What closes, closes at once: these are files.
      while (hoard.length > 0) kit.fs.closeSync(hoard.pop())
      try {
        for (;;) hoard.push(kit.fs.openSync(process.execPath))
      } catch (error) {
        if (error.code !== 'EMFILE') throw error
      }
      for (let i = 0; i < free; i++) kit.fs.closeSync(hoard.pop())
    }
    server.on('request', (req, res) => {
      leave(Number(req.url.slice(1)))
      const onShard = [...open].filter((webSocket) => webSocket._driver?.name === 'shard').length
      res.writeHead(200, { Connection: 'close', 'Content-Length': 1 })
      res.end(`${onShard}`)
    })
    kit.report(port)
  }, { descriptors: LIMIT, env: { OFFLOOP_THREADS: '4' } })
}

/**
 * Tells the server how many descriptors to leave free.
 *
 * @param {number} port
 * @param {number} free
 * @returns {Promise<number>} how many connections were on a shard
 */
async function leaveFree(port, free) {
  for (;;) {
    const client = await RawClient.connect({ port })
    await client.write(`GET /${free} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    const answer = (await client.readRest()).toString()
    client.socket.destroy()
    // It may have none for this connection, until it has noticed that another is gone.
    if (answer !== '') return Number(answer.trimEnd().split('\r\n').at(-1))
  }
}

/**
 * @param {RawClient} client an upgraded one
 * @param {string} text
 * @returns {Promise<void>} settles when the text has come back
 */
async function expectEcho(client, text) {
  await client.write(frame(OPCODE.text, text))
  expect((await client.readFrame()).payload.toString()).toBe(text)
}

// A connection takes one descriptor, its take-over a second, and each thread a few.
test.each([1, 2, 3, 4, 5, 6, 8, 10, 12, 14])('the first connection of a process that has %d left works, and so does the next', async (free) => {
  const child = startPoor()
  const port = await child.report()
  await leaveFree(port, free)
  const first = await RawClient.upgrade({ port })
  await expectEcho(first, 'first')
  first.socket.destroy()
  await leaveFree(port, 50)
  const clients = []
  for (let i = 0; i < 8; i++) {
    clients.push(await RawClient.upgrade({ port }))
    await expectEcho(clients[i], `${i}`)
  }
  if (isShard) expect(await leaveFree(port, 1)).toBe(8)
  for (const client of clients) await expectEcho(client, 'again')
})

test('connections of a process that has no descriptor left go on; new ones come in when others leave', async () => {
  const child = startPoor()
  const port = await child.report()
  const old = await RawClient.upgrade({ port })
  await leaveFree(port, 20)
  const clients = [old]
  for (;;) {
    const client = await RawClient.connect({ port })
    client.socket.write(upgradeRequest())
    if (!(await client.readHead().catch(() => null))) break
    clients.push(client)
  }
  expect(clients.length).toBeGreaterThan(10)
  for (const client of clients) await expectEcho(client, 'full')
  for (const client of clients.splice(5)) client.socket.destroy()
  for (let more = 0; more < 5;) {
    const client = await RawClient.connect({ port })
    client.socket.write(upgradeRequest())
    // Until the server has noticed, it has no descriptor for us.
    if (!(await client.readHead().catch(() => null))) continue
    await expectEcho(client, 'welcome')
    more++
  }
  for (const client of clients) await expectEcho(client, 'still here')
})

test('what Node had read is not lost when a take-over fails', async () => {
  const child = runProgram(async (kit) => {
    const { handleUpgrade } = kit.implementation
    const server = kit.http.createServer()
    server.on('upgrade', async (req, socket, head) => {
      kit.report('upgrade')
      // A frame comes while the application makes up its mind.
      await kit.until(() => socket.readableLength > 0)
      const hoard = []
      try {
        for (;;) hoard.push(kit.fs.openSync(process.execPath))
      } catch (error) {
        if (error.code !== 'EMFILE') throw error
      }
      handleUpgrade(req, socket, head, (webSocket) => {
        webSocket.on('message', (data) => webSocket.send(data))
      })
      for (const descriptor of hoard) kit.fs.closeSync(descriptor)
    })
    server.listen(0, '127.0.0.1')
    await kit.once(server, 'listening')
    kit.report(server.address().port)
  }, { descriptors: LIMIT })
  const client = await RawClient.connect({ port: await child.report() })
  await client.write(Buffer.concat([Buffer.from(upgradeRequest()), frame(OPCODE.text, 'head')]))
  expect(await child.report()).toBe('upgrade')
  await client.write(frame(OPCODE.text, 'buffered'))
  await client.readHead()
  expect((await client.readFrame()).payload.toString()).toBe('head')
  expect((await client.readFrame()).payload.toString()).toBe('buffered')
})
