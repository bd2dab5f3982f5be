'use strict'

// offloop beside everything else that lives on an application's port.

const { once } = require('events')
const http = require('http')

const express = require('express')
const Koa = require('koa')
const ws = require('ws')

const { defer } = require('../support/cleanup')
const { handleUpgrade, WebSocketServer } = require('../support/implementation')
const { RawClient, upgradeRequest } = require('../support/raw-client')
const { connect, echo, listen } = require('../support/servers')
const { closeOf } = require('../support/waiting')

/**
 * @param {number} port
 * @param {string} path
 * @returns {Promise<string>} the body of an answer with status 200
 */
async function get(port, path) {
  const request = http.get({ host: '127.0.0.1', port, path, agent: false })
  const [response] = await once(request, 'response')
  expect(response.statusCode).toBe(200)
  let body = ''
  for await (const chunk of response) body += chunk
  return body
}

/**
 * @param {object} client
 * @param {string} text
 * @returns {Promise<string>} what comes back
 */
async function ask(client, text) {
  const answer = once(client, 'message')
  client.send(text)
  return (await answer)[0].toString()
}

const APPLICATIONS = [
  ['Express', () => {
    const app = express()
    app.get('/hello', (req, res) => { res.send(`Express greets ${req.ip}`) })
    return http.createServer(app)
  }],
  ['Koa', () => {
    const app = new Koa()
    app.use((context) => { context.body = `Koa greets ${context.ip}` })
    return http.createServer(app.callback())
  }]
]

describe.each(APPLICATIONS)('%s on the same port', (name, createServer) => {
  test.each([
    ['handleUpgrade', (server) => server.on('upgrade', (req, socket, head) => echo(handleUpgrade(req, socket, head)))],
    ['WebSocketServer', (server) => new WebSocketServer({ server }).on('connection', echo)]
  ])('answers requests while WebSockets of %s are open, opening and closing', async (api, attach) => {
    const server = createServer()
    attach(server)
    await listen(server)
    const { port } = server.address()
    const client = await connect(`ws://127.0.0.1:${port}/chat`)
    expect(await get(port, '/hello')).toMatch(`${name} greets`)
    expect(await ask(client, 'one')).toBe('one')
    const other = await connect(`ws://127.0.0.1:${port}/chat`)
    other.close()
    await closeOf(other)
    expect(await get(port, '/hello')).toMatch(`${name} greets`)
    expect(await ask(client, 'two')).toBe('two')
  })
})

describe('upgrade listeners that share a server', () => {
  /**
   * Starts a server with two upgrade listeners: /ours is offloop's, /theirs is somebody else's.
   *
   * @param {Function} theirs given `(req, socket, head)` of the foreign upgrades
   * @returns {Promise<{port: number, url: string}>}
   */
  async function share(theirs) {
    const server = http.createServer()
    const ours = new WebSocketServer({ noServer: true })
    ours.on('connection', echo)
    server.on('upgrade', (req, socket, head) => {
      if (req.url !== '/ours') return
      ours.handleUpgrade(req, socket, head, (webSocket) => ours.emit('connection', webSocket, req))
    })
    server.on('upgrade', (req, socket, head) => {
      if (req.url === '/theirs') theirs(req, socket, head)
    })
    await listen(server)
    const { port } = server.address()
    return { port, url: `ws://127.0.0.1:${port}` }
  }

  test('each serve their own path, also after connections of the other have closed', async () => {
    const foreign = new ws.WebSocketServer({ noServer: true })
    const { url } = await share((req, socket, head) => {
      foreign.handleUpgrade(req, socket, head, (webSocket) => {
        webSocket.on('message', (data) => webSocket.send(`theirs: ${data}`))
      })
    })
    const theirs = await connect(`${url}/theirs`)
    for (let i = 0; i < 20; i++) {
      const ours = await connect(`${url}/ours`)
      expect(await ask(ours, `${i}`)).toBe(`${i}`)
      expect(await ask(theirs, `${i}`)).toBe(`theirs: ${i}`)
      if (i % 2) ours.terminate()
      else ours.close()
      await closeOf(ours)
    }
  })

  test('a foreign socket gets no listener, no data and no option of ours', async () => {
    const looks = []
    const look = (socket) => looks.push({
      listeners: socket.eventNames().map((event) => [event, socket.listenerCount(event)]),
      flowing: socket.readableFlowing,
      written: socket.bytesWritten,
      timeout: socket.timeout
    })
    const server = http.createServer()
    server.on('upgrade', (req, socket) => look(socket))
    const ours = new WebSocketServer({ noServer: true })
    server.on('upgrade', (req, socket, head) => {
      if (req.url === '/ours') ours.handleUpgrade(req, socket, head, echo)
    })
    server.on('upgrade', (req, socket, head) => {
      look(socket)
      socket.unshift(head)
      socket.on('data', (chunk) => socket.end(`raw: ${chunk}`))
    })
    await listen(server)
    const client = await RawClient.connect({ port: server.address().port })
    await client.write(`${upgradeRequest({ path: '/theirs', headers: { Upgrade: 'my-protocol' } })}bytes of my own`)
    expect((await client.readRest()).toString()).toBe('raw: bytes of my own')
    expect(looks).toHaveLength(2)
    expect(looks[0]).toEqual(looks[1])
  })

  test('a second server on the same http.Server may close and leave the first alone', async () => {
    const server = http.createServer()
    const [first, second] = [new WebSocketServer({ noServer: true }), new WebSocketServer({ noServer: true })]
    server.on('upgrade', (req, socket, head) => {
      const wss = req.url === '/first' ? first : second
      wss.handleUpgrade(req, socket, head, (webSocket) => {
        defer(() => webSocket.terminate())
        echo(webSocket)
      })
    })
    await listen(server)
    const url = `ws://127.0.0.1:${server.address().port}`
    const [one, two] = [await connect(`${url}/first`), await connect(`${url}/second`)]
    const closed = once(second, 'close')
    second.close()
    two.close()
    await closed
    expect(await ask(one, 'still open')).toBe('still open')
    expect(await ask(await connect(`${url}/first`), 'new')).toBe('new')
  })
})
