'use strict'

const { File } = require('node:buffer')

const { closeReason, controlPayload, isBlob, isValidStatusCode, toBuffer, tokenChars } = require('../../lib/validation')

describe('isValidStatusCode', () => {
  test.each([1000, 1001, 1003, 1007, 1014, 3000, 4999])('%d may be sent', (code) => {
    expect(isValidStatusCode(code)).toBe(true)
  })

  test.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, NaN])('%d may not', (code) => {
    expect(isValidStatusCode(code)).toBe(false)
  })
})

test('tokenChars has the characters of RFC 9110 5.6.2 and no other', () => {
  const chars = tokenChars.flatMap((is, code) => (is === 1 ? [String.fromCharCode(code)] : []))
  expect(chars).toHaveLength(77)
  expect(chars.join('').replace(/[0-9A-Za-z]/g, '')).toBe("!#$%&'*+-.^_`|~")
})

describe('isBlob', () => {
  test('knows a Blob and a File', () => {
    expect(isBlob(new Blob(['x']))).toBe(true)
    expect(isBlob(new File(['x'], 'name'))).toBe(true)
  })

  test.each([[null], [undefined], ['Blob'], [{}], [{ [Symbol.toStringTag]: 'Blob' }]])('%p is none', (value) => {
    expect(isBlob(value)).toBe(false)
  })
})

describe('toBuffer', () => {
  test('does not copy a Buffer, a view or an ArrayBuffer', () => {
    const buffer = Buffer.from('abc')
    const view = new Uint16Array([0x4241, 0x4443]).subarray(1)
    const dataView = new DataView(new ArrayBuffer(4), 1, 2)
    expect(toBuffer(buffer)).toBe(buffer)
    expect(toBuffer(view).toString()).toBe('CD')
    expect(toBuffer(view).buffer).toBe(view.buffer)
    expect([toBuffer(dataView).byteOffset, toBuffer(dataView).length]).toEqual([1, 2])
    expect(toBuffer(dataView.buffer).buffer).toBe(dataView.buffer)
  })

  test('takes what Buffer.from() takes', () => {
    expect(toBuffer([65, 66]).toString()).toBe('AB')
    expect(toBuffer({ valueOf: () => 'text' }).toString()).toBe('text')
    expect(toBuffer(new SharedArrayBuffer(3))).toHaveLength(3)
  })

  test.each([[{}], [true], [5n], [Symbol('x')]])('refuses %p as Node does', (value) => {
    expect(() => toBuffer(value)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }))
  })
})

describe('controlPayload', () => {
  test.each([[undefined], [null], [''], [false]])('%p is an empty payload', (value) => {
    expect(controlPayload(value)).toHaveLength(0)
  })

  test('125 bytes fit', () => {
    expect(controlPayload('a'.repeat(125))).toHaveLength(125)
    expect(controlPayload(Buffer.alloc(125))).toHaveLength(125)
    expect(controlPayload(new Blob(['a'.repeat(125)])).size).toBe(125)
  })

  test.each([['a string', 'é'.repeat(63)], ['bytes', Buffer.alloc(126)], ['a Blob', new Blob(['a'.repeat(126)])]])(
    '126 bytes do not: %s',
    (title, value) => {
      expect(() => controlPayload(value)).toThrow(new RangeError('The data size must not be greater than 125 bytes'))
    }
  )
})

describe('closeReason', () => {
  test('without a code there is no reason', () => {
    expect(closeReason(undefined, 'ignored')).toHaveLength(0)
  })

  test.each([[999], [1005], [1006], ['1000'], [null], [NaN]])('refuses the code %p', (code) => {
    expect(() => closeReason(code)).toThrow(new TypeError('First argument must be a valid error code number'))
  })

  test('a reason may be a string or bytes', () => {
    expect(closeReason(1000, 'bye').toString()).toBe('bye')
    expect(closeReason(1000, new Uint8Array([65])).toString()).toBe('A')
    expect(closeReason(1000, '')).toHaveLength(0)
    expect(closeReason(1000, 'a'.repeat(123))).toHaveLength(123)
  })

  test('124 bytes are too long, however few characters they are', () => {
    const tooLong = new RangeError('The message must not be greater than 123 bytes')
    expect(() => closeReason(1000, 'é'.repeat(62))).toThrow(tooLong)
    expect(() => closeReason(1000, new Uint16Array(100))).toThrow(tooLong)
  })

  test('a typed array with wide elements is refused, so that no memory leaks out', () => {
    expect(() => closeReason(1000, new Uint16Array(3))).toThrow(new TypeError('Second argument must be a string or a Uint8Array'))
  })
})
