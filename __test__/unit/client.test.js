'use strict'

const { clientOptions, deflateOfferOptions, driverConfig } = require('../../lib/options')
const { loadFace, openWebSocket, recordEvents } = require('./fake-layers')

describe('clientOptions', () => {
  test('has the defaults of ws 8.23', () => {
    expect(clientOptions()).toMatchObject({
      allowSynchronousEvents: true,
      autoPong: true,
      closeTimeout: 30000,
      followRedirects: false,
      maxBufferedChunks: 262144,
      maxFragments: 16384,
      maxPayload: 104857600,
      maxPendingAutoPongs: 60,
      maxRedirects: 10,
      method: 'GET',
      perMessageDeflate: {},
      protocolVersion: 13,
      skipUTF8Validation: false
    })
  })

  test('keeps what it does not know, and drops what the URL decides', () => {
    const options = clientOptions({ mine: 1, path: '/x', port: 1, socketPath: '/s', perMessageDeflate: false })
    expect(options).toMatchObject({ mine: 1, perMessageDeflate: false, path: undefined, port: undefined, socketPath: undefined })
    expect(clientOptions(null)).toEqual(clientOptions())
  })

  test('refuses a driver that does not exist', () => {
    expect(() => clientOptions({ driver: 'x' })).toThrow("The driver must be 'shard' or 'stream', not x")
  })
})

test('a client offers to give up a context only where it is asked to', () => {
  expect(deflateOfferOptions({})).toMatchObject({ serverNoContextTakeover: undefined, clientNoContextTakeover: undefined })
  expect(deflateOfferOptions({ serverNoContextTakeover: true, clientNoContextTakeover: null }))
    .toMatchObject({ serverNoContextTakeover: true, clientNoContextTakeover: undefined })
})

test('with keys of the user’s the core answers no pings', () => {
  const generateMask = () => {}
  const ws = { _isServer: false, _autoPong: true, _extensions: {} }
  expect(driverConfig(ws, { generateMask })).toMatchObject({ role: 'client', autoPong: false, generateMask })
  expect(driverConfig(ws, {})).toMatchObject({ role: 'client', autoPong: true })
})

describe('a ping, where the core does not answer it', () => {
  let face
  let ws
  let events
  beforeEach(() => {
    face = loadFace()
    ws = openWebSocket(face)
    ws._maxPendingAutoPongs = 2
    events = recordEvents(ws)
    face.opened[0].driver.generateMask = () => {}
  })

  /** @returns {string[]} the payloads of the pongs that were sent */
  const pongs = () => face.queue.filter(({ kind }) => kind === 'pong').map(({ args }) => args[0].toString())

  test('is answered before it is told, and as often as the limit allows', () => {
    const { ping } = face.listeners
    for (const text of ['a', 'b']) ping(ws, Buffer.from(text))
    face.queue[0].callback()
    ping(ws, Buffer.from('c'))
    expect(pongs()).toEqual(['a', 'b', 'c'])
    ping(ws, Buffer.from('d'))
    expect(pongs()).toEqual(['a', 'b', 'c'])
    expect([events.length, ws.readyState]).toEqual([4, 2])
    expect(face.opened[0].driver.destroy).toHaveBeenCalledTimes(1)
  })

  test('is not answered behind close(), nor without autoPong', () => {
    ws._autoPong = false
    face.listeners.ping(ws, Buffer.from('a'))
    ws._autoPong = true
    ws.close()
    face.listeners.ping(ws, Buffer.from('b'))
    expect(pongs()).toEqual([])
    expect(events).toHaveLength(2)
  })
})
