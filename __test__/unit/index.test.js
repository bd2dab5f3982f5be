'use strict'

const { execFileSync } = require('node:child_process')
const path = require('node:path')

const { loadFace } = require('./fake-layers')

const ROOT = path.join(__dirname, '../..')

describe('require()', () => {
  let offloop

  beforeAll(() => {
    loadFace()
    offloop = require('../..')
  })

  test('gives the class WebSocket, with everything else on it, as ws does', () => {
    expect(offloop).toBe(require('../../lib/websocket'))
    expect(offloop.WebSocket).toBe(offloop)
    expect(offloop.WebSocketServer).toBe(require('../../lib/websocket-server'))
    expect(offloop.Server).toBe(offloop.WebSocketServer)
    expect(offloop.handleUpgrade).toBe(require('../../lib/upgrade').handleUpgrade)
    expect([...offloop.subprotocol.parse('a, b')]).toEqual(['a', 'b'])
    expect([offloop.CONNECTING, offloop.OPEN, offloop.CLOSING, offloop.CLOSED]).toEqual([0, 1, 2, 3])
  })

  test('gives what ws does, and handleUpgrade', () => {
    expect(Object.keys(offloop).sort()).toEqual([...Object.keys(require('ws')), 'handleUpgrade', 'setTotalBackpressure'].sort())
  })
})

test('import gives the same under the same names', () => {
  // Jest's own module system cannot import without a flag, so that Node does it.
  const script = `
    import WebSocket, * as names from ${JSON.stringify(path.join(ROOT, 'index.mjs'))}
    const { default: same, ...others } = names
    const equal = same === WebSocket && Object.keys(others).every((name) => others[name] === WebSocket[name])
    console.log(JSON.stringify([equal, Object.keys(others).sort()]))`
  const stubs = path.join(__dirname, 'stub-layers.js')
  const output = execFileSync(process.execPath, ['--require', stubs, '--input-type=module', '--eval', script], { encoding: 'utf8' })
  const names = [
    'PerMessageDeflate', 'Receiver', 'Sender', 'Server', 'WebSocket', 'WebSocketServer',
    'createWebSocketStream', 'extension', 'handleUpgrade', 'setTotalBackpressure', 'subprotocol'
  ]
  expect(JSON.parse(output)).toEqual([true, names])
})
