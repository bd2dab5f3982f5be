'use strict'

// Documents name tests, and these say whether the tests are there.

const fs = require('node:fs')
const path = require('node:path')

const { Linter } = require('eslint')

const ROOT = path.join(__dirname, '../..')

/**
 * Reads a file of the project once.
 */
const textOf = memoize((file) => {
  const full = path.join(ROOT, file)
  return fs.existsSync(full) ? fs.readFileSync(full, 'utf8') : ''
})

/**
 * Lists the tests of a Rust file.
 */
const rustTestsOf = memoize((file) => {
  const tests = textOf(file).matchAll(/#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn (\w+)\(/g)
  return [...tests].map(([, name]) => name)
})

/**
 * Parses a Jest file, and lists the titles of its tests and all its texts and numbers. A template is
 * an array of the texts around its `${...}`.
 */
const jestTestsOf = memoize((file) => {
  const found = { titles: [], values: [] }
  const create = () => ({
    CallExpression({ callee, arguments: [title] }) {
      const isEach = callee.type === 'CallExpression' && callee.callee.property?.name === 'each'
      const name = isEach ? callee.callee.object : callee
      if (name.type === 'Identifier' && /^(test|linux)/.test(name.name)) found.titles.push(partsOf(title))
    },
    Literal: (node) => found.values.push(partsOf(node)),
    TemplateLiteral: (node) => found.values.push(partsOf(node))
  })
  const [fault] = new Linter().verify(textOf(file), {
    languageOptions: { sourceType: 'commonjs' },
    plugins: { page: { rules: { collect: { create } } } },
    rules: { 'page/collect': 'error' }
  })
  if (fault?.fatal) throw new Error(`${file}: ${fault.message}`)
  return found
})

/**
 * @param {object} node A literal or a template of the syntax tree
 * @returns {string[]} Its text; of a template, the texts around what is filled in
 */
function partsOf(node) {
  return node.type === 'TemplateLiteral' ? node.quasis.map(({ value }) => value.cooked) : [String(node.value)]
}

/**
 * @param {string[]} parts The texts around what is filled in
 * @param {RegExp} [placeholders] What stands for something to be filled in, inside the texts
 * @returns {RegExp} Matches what it can become, with a group for each thing filled in
 */
function patternOf(parts, placeholders = /(?!)/) {
  const fixed = parts.flatMap((part) => part.split(placeholders))
  return new RegExp(`^${fixed.map((text) => text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')).join('(.*)')}$`, 's')
}

/**
 * @param {string[]} parts As `partsOf` gives them
 * @returns {boolean} Whether it is more than a frame around what is filled in, which fits anything
 */
function isTelling(parts) {
  return parts.length === 1 || parts.join('').length > 3
}

/**
 * Says whether a Jest file has a test of this title. The title of a `test.each` may be named as it
 * stands there, or filled in with texts that stand in the same file.
 *
 * @param {string} file Its path from the root
 * @param {string} wanted The title
 * @returns {boolean} Whether it has
 */
function hasJestTest(file, wanted) {
  const { titles, values } = jestTestsOf(file)
  return titles.some((title) => {
    if (title.join('${}') === wanted) return true
    const filled = patternOf(title, /%[sdifjop#]|\$\w+/).exec(wanted)
    return filled?.slice(1).every((text) => values.some((value) => isTelling(value) && patternOf(value).test(text)))
  })
}

/**
 * Says whether the expected results have such cases of Autobahn, and none of them failed.
 *
 * @param {string} wanted A case, or all that begin so: `5.*`
 * @returns {boolean} Whether they have
 */
function hasAutobahnCases(wanted) {
  const { cases } = JSON.parse(textOf('__test__/conformance/expected-results.json'))
  const isWanted = (id) => (wanted.endsWith('*') ? id.startsWith(wanted.slice(0, -1)) : id === wanted)
  const verdicts = Object.keys(cases).filter(isWanted).flatMap((id) => [cases[id].behavior, cases[id].behaviorClose])
  return verdicts.length > 0 && verdicts.every((verdict) => ['OK', 'NON-STRICT', 'INFORMATIONAL'].includes(verdict))
}

/**
 * Says whether what stands under "held by" is a test that there is.
 *
 * @param {string} entry One entry
 * @returns {boolean} Whether it is
 */
function isTest(entry) {
  const [, name] = /^`([^`]+)`$/.exec(entry) ?? []
  if (name === undefined) return false
  const [, cases] = /^Autobahn (\S+)$/.exec(name) ?? []
  if (cases) return hasAutobahnCases(cases)
  const [, module, fn] = /^([\w./-]+)::(\w+)$/.exec(name) ?? []
  if (fn) return rustTestsOf(module.endsWith('.rs') ? module : `src/protocol/tests/suite/${module}.rs`).includes(fn)
  const [, file, title] = /^((?:unit|integration|parity|robustness)\/[\w/-]+): (.+)$/.exec(name) ?? []
  return title !== undefined && hasJestTest(`__test__/${file}.test.js`, title)
}

/**
 * Remembers what a function said.
 *
 * @param {Function} read Takes a text
 * @returns {Function} The same, called once for each text
 */
function memoize(read) {
  const known = new Map()
  return (key) => {
    if (!known.has(key)) known.set(key, read(key))
    return known.get(key)
  }
}

module.exports = { isTest, textOf }
