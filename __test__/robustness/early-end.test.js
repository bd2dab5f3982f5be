'use strict'

// Clients that go away before the handshake is over.

const { once } = require('events')
const http = require('http')

const { handleUpgrade, WebSocketServer } = require('../support/implementation')
const { RawClient, upgradeRequest } = require('../support/raw-client')
const { connect, echo, listen, serve } = require('../support/servers')
const { until } = require('../support/waiting')

/**
 * Starts a server whose upgrades wait until their client's end has been noticed.
 *
 * @param {string} event what notices it: 'end' or 'close'
 * @param {Function} upgrade given `(req, socket, head, accepted)` after that
 * @returns {Promise<{server: object, port: number, outcome: Promise<object>}>}
 */
async function serveLate(event, upgrade) {
  const server = http.createServer()
  const outcome = new Promise((resolve) => {
    server.on('upgrade', async (req, socket, head) => {
      if (req.url === '/well') return echo(handleUpgrade(req, socket, head))
      socket.on('error', () => {})
      await new Promise((gone) => socket.once(event, gone))
      let accepted = 0
      let thrown = null
      try {
        upgrade(req, socket, head, () => { accepted++ })
      } catch (error) {
        thrown = error
      }
      await until(() => socket.destroyed)
      resolve({ accepted, thrown })
    })
  })
  await listen(server)
  return { server, port: server.address().port, outcome }
}

describe.each([
  ['handleUpgrade', (req, socket, head, accepted) => handleUpgrade(req, socket, head, accepted)],
  ['WebSocketServer', (req, socket, head, accepted) => new WebSocketServer({ noServer: true }).handleUpgrade(req, socket, head, accepted)]
])('%s', (name, upgrade) => {
  test.each([
    ['a FIN', 'end', (client) => client.socket.end()],
    ['a reset', 'close', (client) => client.socket.resetAndDestroy()]
  ])('destroys the socket and does not call back when it is called after %s', async (title, event, leave) => {
    const { server, port, outcome } = await serveLate(event, upgrade)
    const client = await RawClient.connect({ port })
    const upgrading = once(server, 'upgrade')
    await client.write(upgradeRequest())
    await upgrading
    leave(client)
    expect(await outcome).toEqual({ accepted: 0, thrown: null })
    const well = await connect(`ws://127.0.0.1:${port}/well`)
    const pong = once(well, 'pong')
    well.ping()
    await pong
  })
})

test('a client that resets right behind its request costs nobody anything', async () => {
  const { port, url, wss } = await serve((webSocket) => {
    echo(webSocket)
    webSocket.send('welcome')
  })
  for (let i = 0; i < 200; i++) {
    const client = await RawClient.connect({ port })
    client.socket.write(upgradeRequest(), () => client.socket.resetAndDestroy())
    await once(client.socket, 'close')
  }
  const well = await connect(url)
  const pong = once(well, 'pong')
  well.ping()
  await pong
  await until(() => wss.clients.size === 1)
})

test.each([
  ['a FIN', 'end', (client) => client.socket.end()],
  ['a reset', 'close', (client) => client.socket.resetAndDestroy()]
])('an asynchronous verifyClient that agrees after %s harms nobody', async (title, event, leave) => {
  const asked = []
  const verifyClient = ({ req }, callback) => asked.push({ socket: req.socket, callback })
  const { port, wss } = await serve(null, { options: { verifyClient } })
  let connections = 0
  wss.on('connection', () => { connections++ })
  const client = await RawClient.connect({ port })
  await client.write(upgradeRequest())
  await until(() => asked.length === 1)
  const [{ socket, callback }] = asked
  const gone = new Promise((resolve) => socket.once(event, resolve))
  leave(client)
  await gone
  callback(true)
  await until(() => socket.destroyed)
  expect(connections).toBe(0)
})
