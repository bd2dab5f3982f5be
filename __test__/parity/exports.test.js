'use strict'

// What `require()`, `import` and bundlers for browsers get.

const { execFileSync } = require('node:child_process')
const EventEmitter = require('node:events')
const path = require('node:path')
const { Writable } = require('node:stream')
const { pathToFileURL } = require('node:url')

const { implementationName } = require('../support/implementation')

const ROOT = path.join(__dirname, '..', '..')
const WS_ROOT = path.dirname(require.resolve('ws/package.json'))

const NAMES = [
  'PerMessageDeflate', 'Receiver', 'Sender', 'WebSocket', 'WebSocketServer', 'createWebSocketStream', 'extension',
  'subprotocol'
]

const packages = [['ws', WS_ROOT, 'wrapper.mjs'], ['offloop', ROOT, 'index.mjs']]
  .slice(0, implementationName === 'ws' ? 1 : 2)

describe.each(packages)('%s', (name, folder, module) => {
  const exported = require(folder)

  test('is the class WebSocket, with the rest on it', () => {
    expect(typeof exported).toBe('function')
    expect(exported.name).toBe('WebSocket')
    expect(Object.keys(exported)).toEqual(expect.arrayContaining([...NAMES, 'Server', 'CONNECTING', 'OPEN', 'CLOSING', 'CLOSED']))
    expect(exported.WebSocket).toBe(exported)
    expect(exported.Server).toBe(exported.WebSocketServer)
  })

  test('has classes of these names, made of these', () => {
    for (const className of ['WebSocket', 'WebSocketServer', 'Receiver', 'Sender', 'PerMessageDeflate']) {
      expect(exported[className].name).toBe(className)
      expect(() => exported[className]()).toThrow(`Class constructor ${className} cannot be invoked without 'new'`)
    }
    expect(exported.prototype).toBeInstanceOf(EventEmitter)
    expect(exported.WebSocketServer.prototype).toBeInstanceOf(EventEmitter)
    expect(exported.Receiver.prototype).toBeInstanceOf(Writable)
  })

  test('has the methods that ws has', () => {
    expect(typeof exported.createWebSocketStream).toBe('function')
    expect(exported.createWebSocketStream).toHaveLength(2)
    expect(Object.keys(exported.extension).sort()).toEqual(['format', 'parse'])
    expect(Object.keys(exported.subprotocol)).toEqual(['parse'])
    expect(typeof exported.Sender.frame).toBe('function')
    for (const [className, methods] of Object.entries({
      PerMessageDeflate: ['accept', 'cleanup', 'compress', 'decompress', 'offer'],
      Sender: ['close', 'ping', 'pong', 'send', 'sendFrame'],
      WebSocket: ['addEventListener', 'close', 'emitClose', 'pause', 'ping', 'pong', 'removeEventListener', 'resume', 'send', 'setSocket', 'terminate'],
      WebSocketServer: ['address', 'close', 'completeUpgrade', 'handleUpgrade', 'shouldHandle']
    })) {
      expect(Object.getOwnPropertyNames(exported[className].prototype)).toEqual(expect.arrayContaining(methods))
    }
  })

  test.each([['CONNECTING', 0], ['OPEN', 1], ['CLOSING', 2], ['CLOSED', 3]])('has the constant %s on the class and on instances', (state, value) => {
    for (const owner of [exported, exported.prototype]) {
      expect(Object.getOwnPropertyDescriptor(owner, state)).toEqual({ configurable: false, enumerable: true, value, writable: false })
    }
  })

  test('shows the properties of an instance as enumerable', () => {
    const names = [
      'binaryType', 'bufferedAmount', 'extensions', 'isPaused', 'onclose', 'onerror', 'onmessage', 'onopen', 'protocol',
      'readyState', 'url'
    ]
    for (const property of names) {
      const descriptor = Object.getOwnPropertyDescriptor(exported.prototype, property)
      expect([property, descriptor.enumerable, typeof descriptor.get]).toEqual([property, true, 'function'])
    }
  })

  test('gives ES modules the same, each by its name', () => {
    const script = `
      import { createRequire } from 'node:module'
      import WebSocket, * as names from ${JSON.stringify(pathToFileURL(path.join(folder, module)))}
      const required = createRequire(import.meta.url)(${JSON.stringify(folder)})
      const different = Object.keys(names).filter((name) => name !== 'default' && names[name] !== required[name])
      console.log(JSON.stringify([names.default === required, WebSocket === required, different, Object.keys(names)]))`
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
    const [isDefault, isSame, different, names] = JSON.parse(output)
    expect([isDefault, isSame, different]).toEqual([true, true, []])
    expect(names).toEqual(expect.arrayContaining([...NAMES, 'default']))
  })

  test('tells bundlers what a browser gets: a function that throws', () => {
    const { browser, exports: conditions } = require(path.join(folder, 'package.json'))
    expect(path.normalize(conditions['.'].browser)).toBe(path.normalize(browser))
    const order = Object.keys(conditions['.'])
    expect(order.indexOf('browser')).toBeLessThan(order.indexOf('import'))
    const inBrowser = require(path.join(folder, browser))
    const text = `${name} does not work in the browser. Browser clients must use the native WebSocket object`
    expect(() => inBrowser('ws://localhost')).toThrow(new Error(text))
    expect(() => Reflect.construct(inBrowser, ['ws://localhost'])).toThrow(new Error(text))
  })

  test('lets package.json be required, and no file of its own', () => {
    const { exports: conditions } = require(path.join(folder, 'package.json'))
    expect(Object.keys(conditions)).toEqual(['.', './package.json'])
  })
})
