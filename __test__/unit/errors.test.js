'use strict'

const { closedEarlyError, notOpenError, protocolError, refusedError } = require('../../lib/errors')

const ROW = { name: 'WS_ERR_INVALID_OPCODE', closeCode: 1002, class: 'RangeError', message: 'Invalid WebSocket frame: invalid opcode %d' }

test('a row of the error table becomes an error of its class, with the number in its text', () => {
  const error = protocolError(ROW, 3)
  expect(error).toBeInstanceOf(RangeError)
  expect(error.message).toBe('Invalid WebSocket frame: invalid opcode 3')
  expect(error.code).toBe('WS_ERR_INVALID_OPCODE')
})

test('a row of class Error becomes a plain Error', () => {
  const error = protocolError({ ...ROW, class: 'Error', message: 'no number' })
  expect(error).not.toBeInstanceOf(RangeError)
  expect(error.message).toBe('no number')
})

test('a number may come as a bigint', () => {
  expect(protocolError(ROW, 12n).message).toMatch(/ 12$/)
})

test('closeCode is there but not listed', () => {
  const error = protocolError(ROW, 3)
  expect(error.closeCode).toBe(1002)
  expect(Object.keys(error)).toEqual(['code'])
})

test('the other errors say what ws says', () => {
  expect(notOpenError(2).message).toBe('WebSocket is not open: readyState 2 (CLOSING)')
  expect(closedEarlyError().message).toBe('WebSocket was closed before the connection was established')
})

test('a refusal tells its status', () => {
  const error = refusedError(405, 'Invalid HTTP method')
  expect(error.statusCode).toBe(405)
  expect(error.message).toBe('The opening handshake was refused: 405 Invalid HTTP method')
})
