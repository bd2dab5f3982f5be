'use strict'

// NestJS, with its WsAdapter and with one that knows offloop.

const { connectBrowser } = require('../support/browser-client')
const { connect, receive } = require('./support/clients')
const { startServer } = require('./support/server')

const MODES = [
  ['WsAdapter and offloop in the place of ws', { replaceWs: true }],
  ['an adapter of one method', { settings: { own: true } }]
]

describe.each(MODES)('a gateway of NestJS with %s', (_, options) => {
  let server

  beforeEach(async () => { server = await startServer('nestjs', options) })

  /**
   * Asks the gateway.
   *
   * @param {object} client
   * @param {string} event
   * @param {*} data
   */
  function emit(client, event, data) {
    client.send(JSON.stringify({ event, data }))
  }

  test('answers messages, with one answer or many', async () => {
    const client = await connect(`${server.ws}/socket?name=Ada`)
    await server.expectConnection()
    emit(client, 'echo', { text: 'Grüße' })
    expect(JSON.parse(await receive(client))).toEqual({ event: 'echoed', data: { data: { text: 'Grüße' }, to: 'Ada' } })
    emit(client, 'count', 5)
    for (const data of [0, 1, 2, 3, 4]) expect(JSON.parse(await receive(client))).toEqual({ event: 'counted', data })
    client.send(Buffer.from(JSON.stringify({ event: 'echo', data: 'bytes' })))
    expect(JSON.parse(await receive(client)).data.data).toBe('bytes')
    client.close()
    expect(await server.report()).toEqual({ disconnected: 'Ada' })
  })

  test('goes on after a message that it does not understand, and after one that it refuses', async () => {
    const client = await connect(`${server.ws}/socket`)
    client.send('not JSON')
    emit(client, 'nobody listens')
    emit(client, 'refuse')
    emit(client, 'echo', 1)
    const answers = [JSON.parse(await receive(client)), JSON.parse(await receive(client))]
    expect(answers).toEqual([
      { event: 'exception', data: expect.objectContaining({ message: 'not you', status: 'error' }) },
      { event: 'echoed', data: { data: 1, to: null } }
    ])
  })

  test('answers in order, large ones too', async () => {
    const client = await connect(`${server.ws}/socket`)
    const large = 'x'.repeat(1024 * 1024)
    for (let n = 0; n < 200; n += 1) emit(client, 'echo', n === 100 ? large : n)
    for (let n = 0; n < 200; n += 1) {
      expect(JSON.parse(await receive(client)).data.data === (n === 100 ? large : n)).toBe(true)
    }
  })

  test('has its clients, among them a browser', async () => {
    const client = await connect(`${server.ws}/socket`)
    const browser = await connectBrowser(`${server.ws}/socket`)
    browser.webSocket.send(JSON.stringify({ event: 'tell all', data: 'rain' }))
    expect(JSON.parse(await browser.next())).toEqual({ event: 'news', data: 'rain' })
    expect(JSON.parse(await receive(client))).toEqual({ event: 'news', data: 'rain' })
  })

  test('is closed with its application, and the process ends', async () => {
    const client = await connect(`${server.ws}/socket`)
    await server.close()
    expect((await client.closed).code).toBe(1006)
  })
})

test('WsAdapter drops an upgrade for a path without a gateway', async () => {
  const server = await startServer('nestjs', { replaceWs: true })
  await expect(connect(`${server.ws}/elsewhere`)).rejects.toThrow('socket hang up')
})
