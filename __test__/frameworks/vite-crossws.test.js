'use strict'

// Vite and crossws, side by side with offloop on one server. Both bring a `ws` of their own, which
// cannot be replaced; crossws takes another server, Vite does not.

const { once } = require('events')

const { WebSocket } = require('ws')

const { describeInChromium } = require('../integration/browser/chromium')
const { connectBrowser } = require('../support/browser-client')
const { defer } = require('../support/cleanup')
const { connect, receive } = require('./support/clients')
const { echo, isMarked, mark } = require('./support/page')
const { Project } = require('./support/project')
const { startServer } = require('./support/server')

const PAGE = '<!doctype html><meta charset="utf-8"><body><script type="module" src="/main.js"></script></body>'
const ACCEPT = `
import.meta.hot.accept('./text.js', (changed) => { document.body.textContent = changed.text })
`

let project
let server

beforeEach(async () => {
  project = new Project(PAGE, ACCEPT)
  server = await startServer('vite-crossws', { settings: { folder: project.folder } })
})

/**
 * Connects as Vite's client does.
 *
 * @returns {Promise<WebSocket>}
 */
async function connectToVite() {
  const source = await (await fetch(`${server.http}/@vite/client`)).text()
  const [, token] = /const wsToken = "([^"]+)"/.exec(source)
  return connect(`${server.ws}/?token=${token}`, ['vite-hmr'], { origin: server.http })
}

test('each server answers on its path', async () => {
  const [vite, onOffloop, onItsOwn, alone] = await Promise.all([
    connectToVite(),
    connect(`${server.ws}/crossws?name=a`),
    connect(`${server.ws}/crossws-alone?name=b`),
    connect(`${server.ws}/offloop`)
  ])
  await server.expectConnection()
  await server.expectConnection()
  expect(JSON.parse(await receive(vite))).toEqual({ type: 'connected' })
  expect(JSON.parse(await receive(onOffloop))).toEqual({ name: 'a', address: '127.0.0.1', compressed: '' })
  expect(JSON.parse(await receive(onItsOwn))).toEqual({ name: 'b', address: '127.0.0.1', compressed: '' })
  for (const client of [onOffloop, onItsOwn, alone]) {
    client.send('Grüße')
    expect((await receive(client)).toString()).toBe('Grüße')
  }
  // Vite tells of the modules that somebody has loaded.
  for (const name of ['main.js', 'text.js']) expect((await fetch(`${server.http}/${name}`)).status).toBe(200)
  project.say('second')
  expect(JSON.parse(await receive(vite))).toMatchObject({ type: 'update', updates: [{ acceptedPath: '/text.js' }] })
  server.child.process.kill('SIGTERM')
  for (const client of [onOffloop, onItsOwn, alone]) expect((await client.closed).code).toBe(1001)
})

describe('crossws on offloop', () => {
  test('messages of both kinds, and the end with its code', async () => {
    const client = await connectBrowser(`${server.ws}/crossws`)
    await server.expectConnection()
    await client.next()
    client.webSocket.send('Grüße')
    expect(await client.next()).toBe('Grüße')
    client.webSocket.send(new Uint8Array([0, 128, 255]))
    expect(new Uint8Array(await client.next())).toEqual(new Uint8Array([0, 128, 255]))
    client.webSocket.send('bye')
    expect(await client.closed).toMatchObject({ code: 3001, reason: 'enough', wasClean: true })
    // A browser answers with the code alone.
    expect(await server.report()).toEqual({ code: 3001, reason: '' })
  })

  test('what is published reaches those who subscribe', async () => {
    const clients = await Promise.all([1, 2, 3].map(() => connect(`${server.ws}/crossws`)))
    for (const client of clients) await receive(client)
    clients[0].send('publish rain')
    expect(await receive(clients[1])).toBe('rain')
    expect(await receive(clients[2])).toBe('rain')
  })

  test('its upgrade hook can refuse, and can add headers', async () => {
    await expect(connect(`${server.ws}/crossws?token=wrong`)).rejects.toThrow('Unexpected server response: 401')
    const client = new WebSocket(`${server.ws}/crossws`)
    defer(() => client.terminate())
    const [response] = await once(client, 'upgrade')
    expect(response.headers['x-name']).toBe('crossws')
  })

  test('its upgrade hook can turn on compression, for one connection', async () => {
    const options = { perMessageDeflate: true }
    const compressed = await connect(`${server.ws}/crossws?compress`, [], options)
    const plain = await connect(`${server.ws}/crossws`, [], options)
    expect([compressed.extensions, plain.extensions]).toEqual(['permessage-deflate', ''])
    const text = 'crossws '.repeat(300_000)
    for (const client of [compressed, plain]) {
      await receive(client)
      client.send(text)
      expect((await receive(client)).toString() === text).toBe(true)
    }
  })
})

describeInChromium('Vite beside offloop, with Chromium', (openPage) => {
  test('updates its page in place', async () => {
    const page = await openPage(server.http)
    await page.getByText('first').waitFor()
    await page.evaluate(mark)
    project.say('second')
    await page.getByText('second').waitFor()
    expect(await page.evaluate(isMarked)).toBe(true)
    expect(await page.evaluate(echo, { url: `${server.ws}/offloop`, text: 'Grüße' })).toBe('Grüße')
    await server.expectConnection()
  })
})
