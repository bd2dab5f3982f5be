'use strict'

// Redirects: where they lead, how far, and which secrets go along.

const fs = require('fs')
const http = require('http')
const https = require('https')
const net = require('net')
const os = require('os')
const path = require('path')
const tlsSockets = require('tls')

const { cert, key } = require('../support/certificate')
const { defer } = require('../support/cleanup')
const { startClient } = require('../support/client-log')
const { implementations } = require('../support/implementation')
const { listen } = require('../support/servers')
const { switching } = require('../support/raw-server')

const BASIC = `Basic ${Buffer.from('foo:bar').toString('base64')}`
const SECRETS = { authorization: 'Basic mine', cookie: 'c=1', host: 'mine', 'x-kept': 'kept' }

/**
 * @param {string} location
 * @param {number} [status]
 * @returns {string} a redirect
 */
function redirect(location, status = 302) {
  return `HTTP/1.1 ${status} Found\r\nLocation: ${location}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
}

describe.each(implementations)('%s', (name, of) => {
  /**
   * Starts a server that answers each upgrade request as it is told.
   *
   * @param {Function} answer given the request, returns a response, or nothing for an upgrade
   * @param {object} [settings]
   * @param {boolean} [settings.tls]
   * @param {string} [settings.path] a Unix socket instead of a port
   * @returns {Promise<object>} with `url` and the headers of each of its `requests`
   */
  async function serve(answer, { tls = false, path: socketPath } = {}) {
    const server = tls ? https.createServer({ cert, key }) : http.createServer()
    const requests = []
    server.on('upgrade', (req, socket) => {
      requests.push(req.headers)
      socket.on('error', () => {})
      const response = answer(req)
      if (response === undefined) socket.write(switching(req.headers['sec-websocket-key']))
      else socket.end(response)
    })
    await listen(server, socketPath)
    const { port } = server.address()
    return { requests, port, host: `127.0.0.1:${port}`, url: `${tls ? 'wss' : 'ws'}://127.0.0.1:${port}` }
  }

  /**
   * Starts a client that follows redirects, and waits until it is open or closed.
   *
   * @param {string} url
   * @param {object} [options]
   * @returns {Promise<{client: object, log: string[]}>}
   */
  async function follow(url, options) {
    const { client, log } = startClient(of, url, { followRedirects: true, rejectUnauthorized: false, ...options })
    await new Promise((resolve) => client.on('open', resolve).on('close', resolve))
    return { client, log }
  }

  /** @returns {string} the path of a Unix socket that does not exist yet */
  function socketPath() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'offloop-'))
    defer(() => fs.rmSync(folder, { recursive: true }))
    return path.join(folder, 's')
  }

  test('are not followed unless asked for', async () => {
    const server = await serve(() => redirect('/there'))
    const { log, closed } = startClient(of, server.url)
    await closed
    expect(log).toEqual(['2 error Error: Unexpected server response: 302', '3 close 1006'])
  })

  test.each([300, 301, 302, 303, 307, 308, 399])('%d with a Location is one', async (status) => {
    const server = await serve((req) => (req.url === '/' ? redirect('/there', status) : undefined))
    const { client, log } = await follow(server.url)
    expect(log).toEqual(['0 upgrade 101', '1 open 0'])
    expect([client.url, client._redirects]).toEqual([`${server.url}/there`, 1])
  })

  test.each([
    ['a status below them', (req) => redirect(`${req.url}x`, 201), 201],
    ['a status above them', (req) => redirect(`${req.url}x`, 400), 400],
    ['no Location', () => 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', 302],
    ['an empty Location', () => redirect(''), 302]
  ])('%s is none', async (title, answer, status) => {
    const { log } = await follow((await serve(answer)).url)
    expect(log).toEqual([`2 error Error: Unexpected server response: ${status}`, '3 close 1006'])
  })

  test.each([
    ['a path', () => '/there'],
    ['a relative path', () => 'there'],
    ['a URL', (host) => `ws://${host}/there`],
    ['a URL of http', (host) => `http://${host}/there`],
    ['a URL without its scheme', (host) => `//${host}/there`]
  ])('to %s', async (title, location) => {
    const server = await serve((req) => (req.url === '/here' ? redirect(location(server.host)) : undefined))
    const { client } = await follow(`${server.url}/here`)
    expect(client.url).toBe(`${server.url}/there`)
  })

  test.each([
    ['ws://', 'SyntaxError: Invalid URL: ws://'],
    ['ftp://host/', 'SyntaxError: The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"'],
    ['/#x', 'SyntaxError: The URL contains a fragment identifier']
  ])('to %s is an error', async (location, message) => {
    const server = await serve(() => redirect(location))
    const { log } = await follow(server.url)
    expect(log).toEqual([`2 error ${message}`, '3 close 1006'])
  })

  test.each([[undefined, 11], [2, 3], [0, 1]])('maxRedirects %p lets %d requests out', async (maxRedirects, count) => {
    const server = await serve(() => redirect('/'))
    const options = maxRedirects === undefined ? {} : { maxRedirects }
    const { client, log } = await follow(server.url, options)
    expect(log).toEqual(['2 error Error: Maximum redirects exceeded', '3 close 1006'])
    expect(server.requests).toHaveLength(count)
    expect(client._redirects).toBe(count)
  })

  test('each request has a key of its own, and the sub-protocols of the first', async () => {
    const server = await serve((req) => (req.url === '/3' ? undefined : redirect(`/${Number(req.url.slice(1)) + 1}`)))
    const { closed, log } = startClient(of, server.url, ['a', 'b'], { followRedirects: true })
    await closed
    expect(server.requests.map((headers) => headers['sec-websocket-protocol'])).toEqual(['a,b', 'a,b', 'a,b', 'a,b'])
    expect(new Set(server.requests.map((headers) => headers['sec-websocket-key'])).size).toBe(4)
    expect(log.slice(-2)).toEqual(['2 error Error: Server sent no subprotocol', '3 close 1006'])
  })

  test('the options of the user stay as they are', async () => {
    const server = await serve((req) => (req.url === '/' ? redirect('/there') : undefined))
    const headers = { 'X-One': '1' }
    const options = { followRedirects: true, headers, auth: 'foo:bar' }
    await follow(server.url, options)
    expect([options.headers === headers, headers]).toEqual([true, { 'X-One': '1' }])
    expect(server.requests[1]).toMatchObject({ authorization: BASIC, 'x-one': '1' })
  })

  describe('secrets', () => {
    /**
     * Follows one redirect and returns the secrets of the second request.
     *
     * @param {object} options of the client
     * @param {object} settings
     * @param {boolean} [settings.listens] whether there is a 'redirect' listener
     * @param {object} [settings.from] of the first server
     * @param {object} [settings.to] of the second; none means the first once more
     * @param {string} [settings.userinfo] in the first URL
     * @returns {Promise<object>} the second request's headers and the client
     */
    async function second(options, { listens = false, from = {}, to, userinfo = '' } = {}) {
      const target = to && await serve(() => undefined, to)
      const url = (server, settings) => (settings.path ? `ws+unix:${settings.path}:/there` : `${server.url}/there`)
      const first = await serve((req) => (req.url === '/' ? redirect(to || from.path ? url(target, to || from) : '/there') : undefined), from)
      const address = from.path ? `ws+unix:${from.path}:/` : first.url.replace('//', `//${userinfo}`)
      const { client } = startClient(of, address, { followRedirects: true, rejectUnauthorized: false, ...options })
      const redirects = []
      if (listens) client.on('redirect', (...args) => redirects.push([args[0], args[1] === client._req, client.readyState, typeof args[1].setHeader]))
      await new Promise((resolve, reject) => client.on('open', resolve).on('error', reject))
      const { authorization, cookie, host, 'x-kept': kept } = to ? target.requests[0] : first.requests[1]
      return { authorization, cookie, host: host === 'mine' ? host : 'theirs', kept, redirects, client }
    }

    const ALL = { authorization: 'Basic mine', cookie: 'c=1', host: 'mine', kept: 'kept' }
    const NONE = { authorization: undefined, cookie: undefined, host: 'theirs', kept: 'kept' }

    test.each([
      ['to the same host', {}, ALL],
      ['to another port', { to: {} }, NONE],
      ['to another host, with a listener', { to: {}, listens: true }, ALL],
      ['from TLS to none', { from: { tls: true }, to: {} }, NONE],
      ['from TLS to none, with a listener', { from: { tls: true }, to: {}, listens: true }, ALL],
      ['from no TLS to TLS on another port', { to: { tls: true } }, NONE]
    ])('%s', async (title, settings, expected) => {
      const { redirects, client, ...seen } = await second({ headers: SECRETS }, settings)
      expect(seen).toEqual(expected)
      expect(redirects).toEqual(settings.listens ? [[client.url, true, 0, 'function']] : [])
    })

    test.each([
      ['from a Unix socket to itself', (one) => ({ from: { path: one } }), ALL],
      ['from a Unix socket to a port', (one) => ({ from: { path: one }, to: {} }), NONE],
      ['from a Unix socket to another', (one, two) => ({ from: { path: one }, to: { path: two } }), NONE],
      ['from a port to a Unix socket', (one, two) => ({ to: { path: two } }), NONE]
    ])('%s', async (title, settings, expected) => {
      const { redirects, client, ...seen } = await second({ headers: SECRETS }, settings(socketPath(), socketPath()))
      expect({ redirects, ...seen }).toEqual({ redirects: [], ...expected })
      expect(typeof client._originalIpc).toBe('boolean')
    })

    test('from TLS to none on the same host', async () => {
      const target = await serve(() => undefined)
      const first = await serve(() => redirect('ws://localhost/there'), { tls: true })
      // Without ports in the URLs the hosts are equal.
      const createConnection = ({ port }) => (port === 443
        ? tlsSockets.connect({ port: first.port, rejectUnauthorized: false })
        : net.connect(target.port))
      const options = { followRedirects: true, createConnection, headers: SECRETS }
      const { client } = startClient(of, 'wss://localhost/', options)
      await new Promise((resolve, reject) => client.on('open', resolve).on('error', reject))
      const { authorization, cookie, host } = target.requests[0]
      expect({ authorization, cookie, host }).toEqual({ authorization: undefined, cookie: undefined, host: 'mine' })
    })

    test.each([
      ['the option auth, to the same host', { auth: 'foo:bar' }, {}, BASIC],
      ['the option auth, to another host', { auth: 'foo:bar' }, { to: {} }, undefined],
      ['the option auth, to another host with a listener', { auth: 'foo:bar' }, { to: {}, listens: true }, BASIC],
      ['auth in the URL, to the same host', {}, { userinfo: 'foo:bar@' }, BASIC],
      ['auth in the URL, to another host', {}, { userinfo: 'foo:bar@', to: {} }, undefined],
      ['both, where the URL wins', { auth: 'other:other' }, { userinfo: 'foo:bar@' }, BASIC],
      ['an Authorization header in odd case', { headers: { AuthoriZation: 'Basic odd' }, auth: 'foo:bar' }, {}, 'Basic odd']
    ])('%s', async (title, options, settings, expected) => {
      expect((await second(options, settings)).authorization).toBe(expected)
    })
  })

  test('a listener can change the request, and is told of each', async () => {
    const server = await serve((req) => (req.url === '/2' ? undefined : redirect(`/${Number(req.url.slice(1)) + 1}`)))
    const { client } = startClient(of, server.url, { followRedirects: true })
    const urls = []
    client.on('redirect', (url, req) => {
      urls.push(url)
      req.setHeader('X-Hop', urls.length)
    })
    await new Promise((resolve) => client.on('open', resolve))
    expect(urls).toEqual([`${server.url}/1`, `${server.url}/2`])
    expect(server.requests.map((headers) => headers['x-hop'])).toEqual([undefined, '1', '2'])
  })

  test.each([
    ['close()', (client) => client.close(), 'WebSocket was closed before the connection was established'],
    ['terminate()', (client) => client.terminate(), 'WebSocket was closed before the connection was established'],
    ['destroy(error) of the request', (client, req) => req.destroy(new Error('oops')), 'oops']
  ])('%s in a redirect listener ends it', async (title, end, message) => {
    const server = await serve((req) => (req.url === '/' ? redirect('/there') : undefined))
    const { client, log, closed } = startClient(of, server.url, { followRedirects: true })
    client.on('redirect', (url, req) => end(client, req))
    await closed
    expect(log).toEqual([`2 error Error: ${message}`, '3 close 1006'])
  })
})
