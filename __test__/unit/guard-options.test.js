'use strict'

const { backpressureLimit } = require('../../lib/guard-options')

describe('maxBackpressure', () => {
  test.each([[undefined], [0], [{ bytes: 0 }], [{ bytes: 0, policy: 'dropOldest' }]])('%j is no limit', (maxBackpressure) => {
    expect(backpressureLimit({ maxBackpressure })).toBe(null)
  })

  test.each([[1], [{ bytes: 1 }]])('%j is one', (maxBackpressure) => {
    expect(backpressureLimit({ maxBackpressure })).toEqual({ bytes: 1, policy: 'close', code: 1013 })
  })

  test.each([[{ bytes: -1 }], [{ bytes: NaN }], [{}], [{ bytes: 1, code: 999 }], [{ bytes: 0, code: 999 }]])('%j throws', (maxBackpressure) => {
    expect(() => backpressureLimit({ maxBackpressure })).toThrow(RangeError)
  })
})
