'use strict'

// The exported header parsers: `extension` and `subprotocol`.

const { implementations } = require('../support/implementation')
const { Random } = require('../support/random')

/** Headers that are right, and what they mean: `[name, params]` of each offer. */
const GOOD = [
  ['foo', [['foo', {}]]],
  ['foo, \t bar', [['foo', {}], ['bar', {}]]],
  ['foo,foo;a,bar;b', [['foo', {}], ['foo', { a: [true] }], ['bar', { b: [true] }]]],
  ['foo; bar', [['foo', { bar: [true] }]]],
  ['foo;bar=baz;bar;bar=qux', [['foo', { bar: ['baz', true, 'qux'] }]]],
  ['foo;bar="baz" \t , qux', [['foo', { bar: ['baz'] }], ['qux', {}]]],
  ['foo;bar="b\\a\\z"', [['foo', { bar: ['baz'] }]]],
  ['foo;bar="\\b";qux=1', [['foo', { bar: ['b'], qux: ['1'] }]]],
  ['foo;bar="\\b\\a"', [['foo', { bar: ['ba'] }]]],
  ['constructor; __proto__=1; toString', [['constructor', { toString: [true], ['__proto__']: ['1'] }]]],
  ["!#$%&'*+-.^_`|~; a=0", [["!#$%&'*+-.^_`|~", { a: ['0'] }]]],
  ['permessage-deflate; client_max_window_bits, permessage-deflate', [['permessage-deflate', { client_max_window_bits: [true] }], ['permessage-deflate', {}]]]
]

/** Headers that are wrong, and where: an index, or the end. */
const BAD = [
  ['', 'end'], [' foo', 0], [',', 0], ['foo;', 'end'], ['foo,', 'end'], ['foo ', 'end'], ['foo\t', 'end'],
  ['foo bar', 4], ['foo;;', 4], ['foo,,', 4], ['foo; ;', 5], ['foo;=', 4], ['foo;bar =baz', 8],
  ['foo;bar=', 'end'], ['foo;bar= baz', 8], ['foo;bar=;', 8], ['foo;bar=baz qux', 12], ['foo;bar==', 8],
  ['foo;bar="', 'end'], ['foo;bar=""', 9], ['foo;bar="baz', 'end'], ['foo;bar="b z"', 10], ['foo;bar="b,z"', 10],
  ['foo;bar="\\', 'end'], ['foo;bar="\\"', 10], ['foo;bar="baz"qux', 13], ['foo;bar="baz" qux', 14],
  ['foo;bar="baz" ', 'end'], ['foo;bar=b"az"', 9], ['foo;bar=baz ', 'end'], ['foo;bar \t =baz', 10],
  ['f\u00e9', 1], ['foo;b\u{1f600}', 5], ['foo\r\n', 3], ['foo;bar="b\u00e9"', 10], ['"foo"', 0], ['(', 0]
]

describe.each(implementations)('the parsers of %s', (name, { extension, subprotocol }) => {
  test.each(GOOD)('extension reads %j', (header, meaning) => {
    const expected = Object.create(null)
    for (const [key, params] of meaning) {
      const offer = Object.assign(Object.create(null), params)
      if (Object.hasOwn(params, '__proto__')) offer['__proto__'] = params['__proto__']
      expected[key] = [...(expected[key] ?? []), offer]
    }
    const parsed = extension.parse(header)
    expect(parsed).toEqual(expected)
    expect(Object.getPrototypeOf(parsed)).toBe(null)
    for (const offers of Object.values(parsed)) {
      for (const offer of offers) expect(Object.getPrototypeOf(offer)).toBe(null)
    }
  })

  test.each(BAD)('extension refuses %j at %s', (header, where) => {
    const text = where === 'end' ? 'Unexpected end of input' : `Unexpected character at index ${where}`
    expect(() => extension.parse(header)).toThrow(new SyntaxError(text))
    expect(() => extension.parse(header)).toThrow(SyntaxError)
  })

  test('extension refuses what is no string', () => {
    expect(() => extension.parse(undefined)).toThrow(TypeError)
    expect(() => extension.parse(null)).toThrow(TypeError)
  })

  test.each([
    [{ foo: {} }, 'foo'],
    [{ foo: { bar: true, baz: 1 } }, 'foo; bar; baz=1'],
    [{ foo: [{ bar: [true, 'x'] }, {}], qux: {} }, 'foo; bar; bar=x, foo, qux'],
    [{ foo: { bar: false, baz: '' } }, 'foo; bar=false; baz='],
    [{}, '']
  ])('extension writes %j', (extensions, header) => {
    expect(extension.format(extensions)).toBe(header)
  })

  test('what extension writes it reads again', () => {
    const header = 'a; b=1; c, a, d; e="f"'
    expect(extension.parse(extension.format(extension.parse(header)))).toEqual(extension.parse(header))
  })

  test('reading takes no more than one pass', () => {
    const hostile = `foo; b="${'\\c'.repeat(200_000)}${' '.repeat(200_000)}x`
    expect(() => extension.parse(hostile)).toThrow(new SyntaxError('Unexpected character at index 400008'))
    expect(() => subprotocol.parse(`foo${' '.repeat(200_000)}x`)).toThrow(SyntaxError)
  })

  test.each([
    ['foo', ['foo']],
    ['foo,bar', ['foo', 'bar']],
    ['foo \t , \tbar', ['foo', 'bar']]
  ])('subprotocol reads %j', (header, names) => {
    const parsed = subprotocol.parse(header)
    expect(parsed).toBeInstanceOf(Set)
    expect([...parsed]).toEqual(names)
  })

  test.each([
    ['', 'Unexpected end of input'],
    [' foo', 'Unexpected character at index 0'],
    ['foo ', 'Unexpected end of input'],
    ['foo,', 'Unexpected end of input'],
    ['foo,,', 'Unexpected character at index 4'],
    ['foo bar', 'Unexpected character at index 4'],
    ['foo,foo', 'The "foo" subprotocol is duplicated']
  ])('subprotocol refuses %j', (header, text) => {
    expect(() => subprotocol.parse(header)).toThrow(new SyntaxError(text))
  })
})

test('20,000 random headers mean the same to each implementation', () => {
  const random = new Random(4)
  const pieces = ['a', 'b1', ';', ';', ',', '=', '=', '"', '\\', ' ', '\t', '\u00e9', '__proto__', '(']
  const outcome = (parse, header) => {
    try {
      return JSON.stringify(parse(header), (key, value) => (value instanceof Set ? [...value] : value))
    } catch (error) {
      return `${error.name}: ${error.message}`
    }
  }
  for (let round = 0; round < 20_000; round++) {
    const header = Array.from({ length: random.below(12) }, () => random.pick(pieces)).join('')
    for (const parser of ['extension', 'subprotocol']) {
      const outcomes = implementations.map(([, of]) => outcome(of[parser].parse, header))
      expect([header, ...new Set(outcomes)]).toEqual([header, outcomes[0]])
    }
  }
})
