'use strict'

// Basic authentication (RFC 7617) by a client.

const http = require('http')

const { startClient } = require('../support/client-log')
const { implementations } = require('../support/implementation')
const { serveRaw } = require('../support/raw-server')

/**
 * @param {string} credentials
 * @returns {string}
 */
function basic(credentials) {
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

describe.each(implementations)('%s', (name, of) => {
  test.each([
    ['none', '', {}, undefined],
    ['in the URL', 'user:pass@', {}, basic('user:pass')],
    ['a user alone', 'user@', {}, basic('user:')],
    ['a password alone', ':pass@', {}, basic(':pass')],
    ['encoded in the URL', 'us%3Aer:p%40ss%2F%20%C3%BC@', {}, basic('us:er:p@ss/ ü')],
    ['badly encoded in the URL', '%zz:100%@', {}, basic('%zz:100%')],
    ['with a plus, which is one', 'a+b:c+d@', {}, basic('a+b:c+d')],
    ['in an option', '', { auth: 'user:pass' }, basic('user:pass')],
    ['in an option, without a password', '', { auth: 'user' }, basic('user')],
    ['in both, where the URL wins', 'a:b@', { auth: 'c:d' }, basic('a:b')],
    ['in a header', '', { headers: { Authorization: 'Bearer x' } }, 'Bearer x'],
    ['in a header, which wins', 'a:b@', { auth: 'c:d', headers: { authorization: 'Bearer x' } }, 'Bearer x']
  ])('%s', async (title, userinfo, options, expected) => {
    const raw = await serveRaw()
    const { client } = startClient(of, raw.url.replace('//', `//${userinfo}`), options)
    client.on('error', () => {})
    const { request } = await raw.request()
    expect(request.headers.authorization).toBe(expected)
  })

  test('the header stands where Node puts it', async () => {
    const raw = await serveRaw()
    const { client } = startClient(of, raw.url, { auth: 'a:b', perMessageDeflate: false })
    client.on('error', () => {})
    const { request } = await raw.request()
    expect(request.lines.map((line) => line.split(':')[0])).toEqual([
      'Sec-WebSocket-Version', 'Sec-WebSocket-Key', 'Connection', 'Upgrade', 'Host', 'Authorization'
    ])
  })

  test('an agent is given the credentials too', () => {
    const agent = new http.Agent()
    const seen = []
    agent.addRequest = (req, options) => seen.push(options.auth)
    startClient(of, 'ws://user:p%3Ass@host', { agent }).client.on('error', () => {})
    expect(seen).toEqual(['user:p:ss'])
  })
})
