'use strict'

// docs/conformance.md says which test holds which rule. A test that is renamed or gone, and a row
// with neither a test nor a reason, fail here.

const { isTest, textOf } = require('../support/named-tests')

const PAGE = 'docs/conformance.md'

/** What a row without a test begins its last column with. */
const REASONS = ['Not ours:', 'Otherwise:']

/** The head of every table of rules. */
const HEAD = '| § | the rule | who | held by | note |'

/**
 * A rule of the page.
 *
 * @typedef {object} Row
 * @property {string} heading The number in the heading above it
 * @property {string} section Where the rule stands in the RFC
 * @property {string} rule What it asks for
 * @property {string} who Whom it concerns
 * @property {string[]} tests What stands under "held by", an entry each
 * @property {string} note The reason, or what is to be said beside the tests
 */

/**
 * Reads the tables of rules.
 *
 * @param {string} markdown The page
 * @returns {Row[]} Its rows
 */
function readRows(markdown) {
  const rows = []
  let heading = ''
  let isTable = false
  for (const line of markdown.split('\n')) {
    heading = /^#+ (\d[\d.]*) /.exec(line)?.[1] ?? heading
    if (!line.startsWith('|')) isTable = false
    if (isTable && !/^\|[-| :]+\|$/.test(line)) {
      const [section, rule, who, held, note = ''] = line.split('|').slice(1, -1).map((cell) => cell.trim())
      rows.push({ heading, section, rule, who, tests: held ? held.split('<br>') : [], note })
    }
    if (line === HEAD) isTable = true
  }
  return rows
}

/**
 * @param {Row} row A rule
 * @returns {string[]} What is wrong with it
 */
function faultsOf({ heading, section, rule, who, tests, note }) {
  const faults = tests.filter((entry) => !isTest(entry)).map((entry) => `there is no test ${entry}`)
  if (!section.startsWith(heading)) faults.push(`it stands under ${heading}`)
  if (!rule) faults.push('it says no rule')
  if (!['server', 'client', 'both'].includes(who)) faults.push(`it concerns "${who}"`)
  const hasReason = REASONS.some((word) => note.startsWith(`${word} `) && note.length > word.length + 5)
  if (tests.length === 0 && !hasReason) faults.push('it has neither a test nor a reason')
  return faults.map((fault) => `${section} ${rule}: ${fault}`)
}

const rows = readRows(textOf(PAGE))

test('every row has a test that there is, or a reason', () => {
  expect(rows.flatMap(faultsOf)).toEqual([])
})

test('every test that is named elsewhere on the page is there', () => {
  const spans = textOf(PAGE).match(/`[^`]+`/g)
  const names = spans.filter((span) => /^`(\w+::|Autobahn |\w+\/[\w/-]+: )/.test(span) && !span.includes('…'))
  expect(names.length).toBeGreaterThan(rows.length)
  expect(names.filter((span) => !isTest(span))).toEqual([])
})

test('no rule stands there twice', () => {
  const rules = rows.map(({ heading, section, rule }) => `${heading} ${section} ${rule}`)
  expect(rules.filter((rule, place) => rules.indexOf(rule) !== place)).toEqual([])
})

test('all tables of the page are read, and of both RFCs', () => {
  const tables = textOf(PAGE).match(/^\| § .*$/gm)
  expect(new Set(tables)).toEqual(new Set([HEAD]))
  expect(rows.length).toBeGreaterThan(100)
  for (const section of ['4.1', '4.2.2', '5.2', '6.1', '7.1.7', '8.1', '7.1.2.2', '7.2.2']) {
    expect(rows.filter((row) => row.heading === section)).not.toEqual([])
  }
})

describe('the check itself', () => {
  const row = (held, note = '') => readRows(`### 5.1 x\n${HEAD}\n|-|-|-|-|-|\n| 5.1 | a rule | both | ${held} | ${note} |`)[0]

  test.each([
    ['a Rust test of the suite', '`frame_rules::rejects_unmasked_frame_from_client`'],
    ['a Rust test beside its code', '`src/shard/masking_keys.rs::keys_differ_between_calls_and_between_supplies`'],
    ['a property test', '`round_trip::what_is_sent_is_received_however_it_is_cut`'],
    ['a Jest test', '`unit/conformance-doc: every row has a test that there is, or a reason`'],
    ['the title of a test.each', '`parity/refused-handshakes: refuses %s`'],
    ['a title filled in', '`parity/refused-handshakes: refuses a key of 15 bytes`'],
    ['a title filled in from a template', '`parity/protocol-errors: the close code 1005`'],
    ['a title filled in with a number', '`unit/validation: 1015 may not`'],
    ['a case of Autobahn, and a group', '`Autobahn 5.3`<br>`Autobahn 6.*`']
  ])('knows %s', (title, held) => {
    expect(faultsOf(row(held))).toEqual([])
  })

  test.each([
    ['a Rust test that is gone', '`frame_rules::rejects_everything`'],
    ['a function that is no test', '`frame_rules::server_refuses`'],
    ['a Rust file that is gone', '`no_such_file::rejects_unmasked_frame_from_client`'],
    ['a Jest test that is gone', '`parity/refused-handshakes: refuses`'],
    ['a title filled in with what the file does not say', '`parity/refused-handshakes: refuses a key of 14 bytes`'],
    ['a Jest file that is gone', '`parity/no-such-file: refuses %s`'],
    ['a case that Autobahn does not have', '`Autobahn 5.99`'],
    ['a name without its file', '`rejects_unmasked_frame_from_client`'],
    ['plain words', 'somewhere in the suite']
  ])('finds %s', (title, held) => {
    expect(faultsOf(row(held))).toEqual([expect.stringContaining(`there is no test ${held}`)])
  })

  test('finds a row with neither a test nor a reason', () => {
    expect(faultsOf(row('', ''))).toEqual([expect.stringContaining('neither')])
    expect(faultsOf(row('', 'Not ours:'))).toEqual([expect.stringContaining('neither')])
    expect(faultsOf(row('', 'nobody knows why, but so it is'))).toEqual([expect.stringContaining('neither')])
    expect(faultsOf(row('', 'Not ours: Node parses the request'))).toEqual([])
    expect(faultsOf(row('', 'Otherwise: ws does so too'))).toEqual([])
  })
})
