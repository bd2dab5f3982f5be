'use strict'

jest.mock('../../lib/native', () => ({ tickStreams: jest.fn() }), { virtual: true })

const native = require('../../lib/native')
const { unwatchStream, watchStream } = require('../../lib/profiles')

/** @param {number} ms an idle timeout @returns {Float64Array} as `watchSettings()` returns it */
const watching = (ms) => Float64Array.of(0, 0, ms, 0, 0, 0, 0, 0, 0)

beforeEach(() => jest.useFakeTimers())
afterEach(() => jest.useRealTimers())

test('deadlines are looked at though new streams come faster than that', () => {
  const deliver = jest.fn()
  for (let count = 0; count < 10; count++) {
    watchStream(watching(20), deliver)
    jest.advanceTimersByTime(5)
  }
  expect(native.tickStreams).toHaveBeenCalledTimes(5)
  expect(deliver).toHaveBeenCalledTimes(5)
  expect(jest.getTimerCount()).toBe(1)
  for (let count = 0; count < 10; count++) unwatchStream()
  expect(jest.getTimerCount()).toBe(0)
})
