'use strict'

// y-websocket: documents that its clients share over its server.

const undici = require('undici')
const ws = require('ws')
const { WebsocketProvider } = require('y-websocket')
const Y = require('yjs')

const { defer } = require('../support/cleanup')
const { WebSocket, implementationName } = require('../support/implementation')
const { startServer } = require('./support/server')

const MODES = [['setupWSConnection() on a WebSocketServer', { settings: { own: true } }]]
// Not for `ws` 8: imported by the program, which was written for version 6, it has no WebSocket.Server.
if (implementationName === 'offloop') MODES.push(['its own program, with offloop in the place of ws', { replaceWs: true }])

/**
 * Waits until something about an emitter of Yjs holds.
 *
 * @param {object} emitter
 * @param {string} event that may make it hold
 * @param {Function} condition
 * @returns {Promise<void>}
 */
function holds(emitter, event, condition) {
  return new Promise((resolve) => {
    const check = () => {
      if (!condition()) return
      emitter.off(event, check)
      resolve()
    }
    emitter.on(event, check)
    check()
  })
}

/**
 * Opens a shared document.
 *
 * @param {object} server
 * @param {string} name
 * @param {Function} WebSocketPolyfill
 * @returns {Promise<{doc: object, provider: object, text: object}>} once it has what the server has
 */
async function share(server, name, WebSocketPolyfill = ws.WebSocket) {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(server.ws, name, doc, { WebSocketPolyfill, disableBc: true })
  defer(() => {
    provider.destroy()
    doc.destroy()
  })
  await holds(provider, 'sync', () => provider.synced)
  return { doc, provider, text: doc.getText('text') }
}

describe.each(MODES)('y-websocket: %s', (_, options) => {
  test('what one client writes the others have, also those that come later', async () => {
    const server = await startServer('y-websocket', options)
    const ada = await share(server, 'notes')
    await server.expectConnection()
    const eve = await share(server, 'notes', undici.WebSocket)
    const other = await share(server, 'elsewhere')
    ada.text.insert(0, 'Grüße')
    await holds(eve.doc, 'update', () => eve.text.toString() === 'Grüße')
    eve.text.insert(5, ', Ada')
    await holds(ada.doc, 'update', () => ada.text.toString() === 'Grüße, Ada')
    const late = await share(server, 'notes', WebSocket)
    expect(late.text.toString()).toBe('Grüße, Ada')
    expect(other.text.toString()).toBe('')
  })

  test('edits at the same time converge, large ones too', async () => {
    const server = await startServer('y-websocket', options)
    const clients = await Promise.all([share(server, 'a'), share(server, 'a'), share(server, 'a')])
    const maps = clients.map(({ doc }) => doc.getMap('map'))
    for (let n = 0; n < 100; n += 1) maps.forEach((map, who) => map.set(`${who}-${n}`, n))
    maps[0].set('large', new Uint8Array(1024 * 1024).fill(7))
    await Promise.all(clients.map(({ doc }, who) => holds(doc, 'update', () => maps[who].size === 301)))
    for (const map of maps) expect(Buffer.from(map.get('large')).equals(Buffer.alloc(1024 * 1024, 7))).toBe(true)
  })

  test('each knows who is there', async () => {
    const server = await startServer('y-websocket', options)
    const ada = await share(server, 'who')
    const eve = await share(server, 'who')
    const namesAt = ({ provider }) => [...provider.awareness.getStates().values()].map(({ name }) => name).filter(Boolean).sort()
    ada.provider.awareness.setLocalState({ name: 'Ada' })
    eve.provider.awareness.setLocalState({ name: 'Eve' })
    await holds(ada.provider.awareness, 'change', () => namesAt(ada).length === 2)
    expect(namesAt(ada)).toEqual(['Ada', 'Eve'])
    eve.provider.destroy()
    await holds(ada.provider.awareness, 'change', () => namesAt(ada).length === 1)
    expect(namesAt(ada)).toEqual(['Ada'])
  })
})
