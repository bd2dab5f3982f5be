'use strict'

const { deflateOptions, driverConfig, nativeConfig, serverOptions, threadCount, upgradeOptions } = require('../../lib/options')

class WebSocket {}

describe('serverOptions', () => {
  test('has the defaults of ws 8.23', () => {
    expect(serverOptions(undefined, WebSocket)).toMatchObject({
      allowSynchronousEvents: true,
      autoPong: true,
      backlog: null,
      clientTracking: true,
      closeTimeout: 30000,
      handleProtocols: null,
      host: null,
      maxBufferedChunks: 262144,
      maxFragments: 16384,
      maxPayload: 104857600,
      maxPendingAutoPongs: 60,
      noServer: false,
      path: null,
      perMessageDeflate: false,
      port: null,
      server: null,
      skipUTF8Validation: false,
      verifyClient: null,
      WebSocket
    })
  })

  test('keeps what it does not know, and changes nothing of the user', () => {
    const given = Object.freeze({ noServer: true, mine: 1, perMessageDeflate: true })
    const options = serverOptions(given, WebSocket)
    expect(options.mine).toBe(1)
    expect(options.perMessageDeflate).toEqual({})
    expect(Object.isFrozen(options)).toBe(false)
  })

  test('a class of the user goes before ours', () => {
    class Mine extends WebSocket {}
    expect(serverOptions({ WebSocket: Mine }, WebSocket).WebSocket).toBe(Mine)
  })
})

test('upgradeOptions has no option of a listening server', () => {
  const options = upgradeOptions({ maxPayload: 5 }, WebSocket)
  expect(options).toMatchObject({ maxPayload: 5, maxFragments: 16384, path: null, WebSocket })
  expect(options).not.toHaveProperty('port')
})

describe('driverConfig', () => {
  beforeAll(() => { delete process.env.OFFLOOP_DRIVER })

  const instance = { _isServer: true, _autoPong: true, _maxPendingAutoPongs: 60, _closeTimeout: 30000, _extensions: {} }

  test('says what a driver needs, every property present', () => {
    const options = { maxPayload: 10, maxFragments: 20, skipUTF8Validation: true, driver: 'stream' }
    expect(driverConfig(instance, options)).toEqual({
      role: 'server',
      maxPayload: 10,
      maxFragments: 20,
      skipUTF8Validation: true,
      autoPong: true,
      maxPendingAutoPongs: 60,
      closeTimeout: 30000,
      deflate: undefined,
      driver: 'stream',
      backpressure: null
    })
    expect(driverConfig({ ...instance, _isServer: false }, options).role).toBe('client')
  })

  test.each([
    [undefined, 0], [null, 0], [0, 0], [-5, 0], [NaN, 0], [Infinity, 0], ['x', 0], ['12', 12], [1.9, 1], [2 ** 40, 2 ** 40]
  ])('the limit %p is %d', (value, limit) => {
    expect(driverConfig(instance, { maxPayload: value }).maxPayload).toBe(limit)
  })

  test('limits of counts fit into 32 bits', () => {
    const config = driverConfig({ ...instance, _maxPendingAutoPongs: 2 ** 40 }, { maxFragments: 2 ** 33 })
    expect([config.maxFragments, config.maxPendingAutoPongs]).toEqual([2 ** 32 - 1, 2 ** 32 - 1])
  })

  test.each([[undefined, 1], [0, 1], [-1, 1], [2 ** 31, 1], [NaN, 1], [1500.7, 1500]])(
    'a duration of %p is %d ms, as with setTimeout()',
    (value, ms) => {
      expect(driverConfig({ ...instance, _closeTimeout: value }, {}).closeTimeout).toBe(ms)
    }
  )
})

describe('the environment', () => {
  const instance = { _isServer: true, _autoPong: true, _maxPendingAutoPongs: 60, _closeTimeout: 30000, _extensions: {} }
  const before = { ...process.env }
  afterEach(() => { process.env = { ...before } })

  test.each([['stream', 'stream'], ['shard', 'shard'], ['', undefined]])('OFFLOOP_DRIVER=%s forces a driver', (value, driver) => {
    process.env.OFFLOOP_DRIVER = value
    expect(driverConfig(instance, {}).driver).toBe(driver)
  })

  test('an option goes before OFFLOOP_DRIVER', () => {
    process.env.OFFLOOP_DRIVER = 'shard'
    expect(driverConfig(instance, { driver: 'stream' }).driver).toBe('stream')
  })

  test('there are two drivers, and no other', () => {
    expect(() => driverConfig(instance, { driver: 'inline' })).toThrow(TypeError)
  })

  test.each([['1', 1], ['64', 64]])('OFFLOOP_THREADS=%s is %d threads', (value, count) => {
    process.env.OFFLOOP_THREADS = value
    expect(threadCount()).toBe(count)
  })

  test.each(['0', '65', '1.5', 'two'])('OFFLOOP_THREADS=%s is refused', (value) => {
    process.env.OFFLOOP_THREADS = value
    expect(() => threadCount()).toThrow(RangeError)
  })

  test('without OFFLOOP_THREADS the cores decide', () => {
    delete process.env.OFFLOOP_THREADS
    expect(threadCount()).toBeGreaterThanOrEqual(1)
    expect(threadCount()).toBeLessThanOrEqual(8)
  })
})

test('nativeConfig puts role, flags and limits in the order of the addon', () => {
  const config = { role: 'server', maxPayload: 1, maxFragments: 2, maxPendingAutoPongs: 3 }
  expect(nativeConfig({ ...config, skipUTF8Validation: false, autoPong: true })).toEqual([false, 2, 1, 2, 3, 0])
  expect(nativeConfig({ ...config, role: 'client', skipUTF8Validation: true, autoPong: false })).toEqual([true, 1, 1, 2, 3, 0])
})

test('nativeConfig adds what was negotiated of permessage-deflate', () => {
  const config = { role: 'server', maxPayload: 1, maxFragments: 2, maxPendingAutoPongs: 3, skipUTF8Validation: false, autoPong: false }
  expect(nativeConfig({ ...config, deflate: { flags: 0x83f1c, threshold: 9 } })).toEqual([false, 0x83f1c, 1, 2, 3, 9])
})

describe('deflateOptions', () => {
  test('by default no context is kept, and the threshold is that of ws', () => {
    expect(deflateOptions({})).toEqual({ serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 1024 })
  })

  test('reads the options of ws', () => {
    const options = {
      serverNoContextTakeover: false,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: false,
      threshold: 0,
      zlibDeflateOptions: { level: 3, memLevel: 7, windowBits: 13 }
    }
    expect(deflateOptions(options)).toEqual({
      serverNoContextTakeover: false,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 0,
      threshold: 0,
      level: 3,
      memLevel: 7,
      windowBits: 13
    })
  })
})
