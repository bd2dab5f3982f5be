'use strict'

// docs/reliability.md says which test shows what an attack or a fault comes to. A test that is renamed
// or gone, and a row with neither a test nor a reason, fail here.

const { isTest, textOf } = require('../support/named-tests')

const PAGE = 'docs/reliability.md'

/** The head of every table of attacks. */
const HEAD = '| attack or fault | what offloop does | held by |'

/** What a row without a test says in its last column. */
const REASON = /^Not ours: .{5,}/

/**
 * A row of the page.
 *
 * @typedef {object} Row
 * @property {string} attack What somebody does
 * @property {string} outcome What comes of it
 * @property {string[]} tests What stands under "held by", an entry each
 */

/**
 * Reads the tables of attacks.
 *
 * @param {string} markdown The page
 * @returns {Row[]} Its rows
 */
function readRows(markdown) {
  const rows = []
  let isTable = false
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) isTable = false
    if (isTable && !/^\|[-| :]+\|$/.test(line)) {
      const [attack, outcome, held] = line.split('|').slice(1, -1).map((cell) => cell.trim())
      rows.push({ attack, outcome, tests: held ? held.split('<br>') : [] })
    }
    if (line === HEAD) isTable = true
  }
  return rows
}

/**
 * @param {Row} row A row
 * @returns {string[]} What is wrong with it
 */
function faultsOf({ attack, outcome, tests }) {
  const faults = tests.filter((entry) => !isTest(entry) && !REASON.test(entry)).map((entry) => `there is no test ${entry}`)
  if (!attack || !outcome) faults.push('it says too little')
  if (tests.length === 0) faults.push('it has neither a test nor a reason')
  return faults.map((fault) => `${attack}: ${fault}`)
}

const rows = readRows(textOf(PAGE))

test('every row has a test that there is, or a reason', () => {
  expect(rows.flatMap(faultsOf)).toEqual([])
})

test('all tables of attacks are read', () => {
  const heads = textOf(PAGE).split('\n').filter((line) => line.startsWith('| attack or'))
  expect(new Set(heads)).toEqual(new Set([HEAD]))
  expect(rows.length).toBeGreaterThan(60)
})

test('no row stands there twice', () => {
  const attacks = rows.map(({ attack }) => attack)
  expect(attacks.filter((attack, place) => attacks.indexOf(attack) !== place)).toEqual([])
})

test('the check finds a test that is gone, and a row that names none', () => {
  const row = (held) => readRows(`${HEAD}\n|-|-|-|\n| a flood | it is survived | ${held} |`)[0]
  expect(faultsOf(row('`robustness/floods: no such test`'))).toEqual([expect.stringContaining('there is no test')])
  expect(faultsOf(row(''))).toEqual([expect.stringContaining('neither')])
  expect(faultsOf(row('Not ours: Node parses the request'))).toEqual([])
})
