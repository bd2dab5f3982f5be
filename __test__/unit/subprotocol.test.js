'use strict'

const ws = require('ws')

const { parse } = require('../../lib/subprotocol')

/**
 * @param {Function} read
 * @param {string} header
 * @returns {Array | string} the names, or what was thrown
 */
function outcome (read, header) {
  try {
    return [...read(header)]
  } catch (error) {
    return `${error.name}: ${error.message}`
  }
}

test.each([
  ['a', ['a']],
  ['a,b', ['a', 'b']],
  ['a , b\t,\tc', ['a', 'b', 'c']],
  ["!#$%&'*+-.^_`|~", ["!#$%&'*+-.^_`|~"]],
  ['constructor, __proto__', ['constructor', '__proto__']]
])('reads %p', (header, names) => {
  expect([...parse(header)]).toEqual(names)
})

test.each([
  ['', 'Unexpected end of input'],
  ['a,', 'Unexpected end of input'],
  ['a ', 'Unexpected end of input'],
  [' a', 'Unexpected character at index 0'],
  ['a,,b', 'Unexpected character at index 2'],
  ['a b', 'Unexpected character at index 2'],
  ['a;b', 'Unexpected character at index 1'],
  ['é', 'Unexpected character at index 0'],
  ['a,b,a', 'The "a" subprotocol is duplicated']
])('refuses %p', (header, message) => {
  expect(() => parse(header)).toThrow(new SyntaxError(message))
})

test('agrees with ws on every text of up to five characters', () => {
  const alphabet = ['a', 'b', ' ', '\t', ',', '@']
  let texts = ['']
  for (let length = 0; length < 5; length++) {
    texts = [...texts, ...texts.filter((text) => text.length === length).flatMap((text) => alphabet.map((char) => text + char))]
  }
  expect(texts).toHaveLength(9331)
  const differing = texts.filter((text) => `${outcome(parse, text)}` !== `${outcome(ws.subprotocol.parse, text)}`)
  expect(differing).toEqual([])
})

test('takes a time proportional to the length', () => {
  const hostile = `b${' '.repeat(1_000_000)}x`
  const start = process.hrtime.bigint()
  expect(() => parse(hostile)).toThrow(SyntaxError)
  expect(Number(process.hrtime.bigint() - start) / 1e6).toBeLessThan(1000)
})
