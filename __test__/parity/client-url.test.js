'use strict'

// Which addresses a client takes, and what it makes of them.

const http = require('http')
const https = require('https')

const { startClient, thrownBy } = require('../support/client-log')
const { implementations } = require('../support/implementation')

/**
 * An agent that connects to nothing and keeps what it is asked for.
 *
 * @param {Function} Agent
 * @returns {object} with `requests`
 */
function recordingAgent(Agent) {
  const agent = new Agent()
  agent.requests = []
  agent.addRequest = (req, options) => agent.requests.push({ req, options })
  return agent
}

describe.each(implementations)('%s', (name, of) => {
  /**
   * @param {string|URL} address
   * @param {Function} [Agent]
   * @returns {object} the request that it makes, and the client
   */
  function asked(address, Agent = http.Agent) {
    const agent = recordingAgent(Agent)
    const { client } = startClient(of, address, { agent })
    client.on('error', () => {})
    expect(agent.requests).toHaveLength(1)
    return { client, ...agent.requests[0] }
  }

  test.each([
    ['foo', 'SyntaxError: Invalid URL: foo'],
    ['', 'SyntaxError: Invalid URL: '],
    [undefined, 'SyntaxError: Invalid URL: undefined'],
    [{}, 'SyntaxError: Invalid URL: [object Object]'],
    ['ws://', 'SyntaxError: Invalid URL: ws://'],
    ['ftp://host', 'SyntaxError: The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"'],
    [new URL('file:///x'), 'SyntaxError: The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"'],
    ['ws+unix:', "SyntaxError: The URL's pathname is empty"],
    ['ws://host/#x', 'SyntaxError: The URL contains a fragment identifier'],
    ['https://host#x', 'SyntaxError: The URL contains a fragment identifier'],
    ['ws+unix:/s#x', 'SyntaxError: The URL contains a fragment identifier']
  ])('refuses %p', (address, expected) => {
    expect(thrownBy(() => new of.WebSocket(address))).toBe(expected)
  })

  test('needs new', () => {
    expect(thrownBy(() => of.WebSocket('ws://host'))).toContain('TypeError')
  })

  test.each([
    ['the version first', ['foo', [''], { protocolVersion: 12 }], 'RangeError: Unsupported protocol version: 12 (supported versions: 8, 13)'],
    ['then the URL', ['foo', ['']], 'SyntaxError: Invalid URL: foo'],
    ['then its parts', ['ws://host#x', ['']], 'SyntaxError: The URL contains a fragment identifier'],
    ['then the sub-protocols', ['ws://host', [''], { headers: { 'bad header': 1 } }], 'SyntaxError: An invalid or duplicated subprotocol was specified'],
    ['and what Node checks at last', ['ws://host', [], { headers: { 'bad header': 1 } }], 'TypeError: Header name must be a valid HTTP token ["bad header"] (ERR_INVALID_HTTP_TOKEN)']
  ])('checks %s', (title, args, expected) => {
    expect(thrownBy(() => new of.WebSocket(...args))).toBe(expected)
  })

  test.each([['13'], [0], [null], [undefined]])('refuses the version %p', (protocolVersion) => {
    expect(thrownBy(() => new of.WebSocket('ws://host', { protocolVersion })))
      .toBe(`RangeError: Unsupported protocol version: ${protocolVersion} (supported versions: 8, 13)`)
  })

  test.each([
    [null], [''], ['a,b'], ['a b'], ['é'], ['a\n'], [42], [() => {}], [['a', 'a']], [['a', 1]], [[null]]
  ])('refuses the sub-protocol %p', (protocols) => {
    expect(thrownBy(() => new of.WebSocket('ws://host', protocols)))
      .toBe('SyntaxError: An invalid or duplicated subprotocol was specified')
  })

  test.each([
    ['ws://Host', 'ws://host/', { host: 'host', port: 80, path: '/', defaultPort: 80 }],
    ['ws://host:80/a/b?c=d&e', 'ws://host/a/b?c=d&e', { host: 'host', port: 80, path: '/a/b?c=d&e', defaultPort: 80 }],
    ['ws://host:8080', 'ws://host:8080/', { host: 'host', port: '8080', path: '/', defaultPort: 80 }],
    ['http://host:443/x', 'ws://host:443/x', { host: 'host', port: '443', path: '/x', defaultPort: 80 }],
    ['ws://[::1]:81/', 'ws://[::1]:81/', { host: '::1', port: '81', path: '/', defaultPort: 80 }],
    ['ws://host/ü ?ü', 'ws://host/%C3%BC%20?%C3%BC', { host: 'host', port: 80, path: '/%C3%BC%20?%C3%BC', defaultPort: 80 }],
    ['ws://host/#', 'ws://host/#', { host: 'host', port: 80, path: '/', defaultPort: 80 }],
    ['ws+unix:/tmp/s', 'ws+unix:/tmp/s', { socketPath: '/tmp/s', path: '' }],
    ['ws+unix:/tmp/s:/a?b', 'ws+unix:/tmp/s:/a?b', { socketPath: '/tmp/s', path: '/a?b' }]
  ])('%s', (address, url, expected) => {
    const { client, options } = asked(address)
    expect(client.url).toBe(url)
    expect(options).toMatchObject({ method: 'GET', protocol: undefined, ...expected })
    expect(client.readyState).toBe(0)
  })

  test.each([
    ['wss://host', 'wss://host/', 443],
    ['https://host:80/x', 'wss://host:80/x', '80']
  ])('%s', (address, url, port) => {
    const { client, options } = asked(address, https.Agent)
    expect(client.url).toBe(url)
    expect(options).toMatchObject({ host: 'host', port, defaultPort: 443 })
  })

  test('takes a URL object and leaves it as it is', () => {
    const address = new URL('http://user:pass@host/path')
    const { client } = asked(address)
    expect(client.url).toBe('ws://user:pass@host/path')
    expect(address.href).toBe('http://user:pass@host/path')
  })

  test('the URL decides, whatever the options say', () => {
    const agent = recordingAgent(http.Agent)
    const given = {
      agent, host: 'other', hostname: 'other', port: 1, path: '/other', method: 'POST', protocol: 'https:',
      socketPath: '/other', timeout: 1, defaultPort: 99, protocols: 'chat', custom: 'kept'
    }
    const before = { ...given }
    const { client } = startClient(of, 'ws://host/path', given)
    client.on('error', () => {})
    const [{ req, options }] = agent.requests
    expect(options).toMatchObject({ host: 'host', port: 80, path: '/path', method: 'GET', defaultPort: 99, custom: 'kept' })
    expect([options.hostname, options.protocol, options.socketPath, options.timeout]).toEqual([undefined, undefined, undefined, undefined])
    expect(req.getHeader('sec-websocket-protocol')).toBe('chat')
    expect(given).toEqual(before)
  })

  test('what it asked is at hand while it asks', () => {
    const { client, req } = asked('ws://host')
    expect(client._req).toBe(req)
    expect(client._redirects).toBe(0)
    expect(client._isServer).toBe(false)
  })
})
