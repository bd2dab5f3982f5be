/**
 * Reads what Autobahn found, and judges it: by the suite's own verdict, and against the committed
 * results, so that a case that becomes worse is seen even where the suite would still accept it.
 */

import { readFileSync, writeFileSync } from 'node:fs'

/** Verdicts that are not failures: the suite calls the last two "conforming, but ...". */
const ACCEPTED = new Set(['OK', 'NON-STRICT', 'INFORMATIONAL'])

/**
 * @typedef {object} CaseResult
 * @property {string} behavior the suite's verdict on the messages
 * @property {string} behaviorClose the suite's verdict on the closing handshake
 * @property {number|null} remoteCloseCode the close code that the server sent, if any
 */

/**
 * The results of each agent from the suite's index.json, without what differs between runs.
 *
 * @param {string} file path of index.json
 * @returns {Record<string, Record<string, CaseResult>>} agent -> case -> result
 */
export function readResults(file) {
  const agents = JSON.parse(readFileSync(file, 'utf8'))
  const strip = ({ behavior, behaviorClose, remoteCloseCode }) => ({
    behavior,
    behaviorClose,
    remoteCloseCode
  })
  return Object.fromEntries(
    Object.entries(agents).map(([agent, cases]) => [
      agent,
      Object.fromEntries(Object.entries(cases).map(([id, found]) => [id, strip(found)]))
    ])
  )
}

/**
 * Whether a case is asked for by patterns such as `6.*` or `1.1.1`.
 *
 * @param {string} id a case, `6.1.1`
 * @param {string[]} patterns what to run
 * @returns {boolean} true when one pattern covers the case
 */
export function isSelected(id, patterns) {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern
  )
}

/**
 * Why a result is a failure.
 *
 * @param {CaseResult|undefined} found what the run gave, undefined when the case did not run
 * @param {CaseResult|undefined} expected the committed result, undefined when there is none
 * @returns {string|undefined} the reason, or undefined when the case passed
 */
function reasonToFail(found, expected) {
  if (!found) return 'did not run'
  for (const verdict of [found.behavior, found.behaviorClose]) {
    if (!ACCEPTED.has(verdict)) return describe(found)
  }
  if (!expected) return `${describe(found)} is not in the expected results (--update adds it)`
  if (describe(found) !== describe(expected)) {
    return `${describe(found)}, expected ${describe(expected)}`
  }
  return undefined
}

/**
 * One line of text for a result.
 *
 * @param {CaseResult} result a found or expected result
 * @returns {string} both verdicts and the close code
 */
function describe({ behavior, behaviorClose, remoteCloseCode }) {
  return `${behavior} / close ${behaviorClose} / code ${remoteCloseCode ?? 'none'}`
}

/**
 * Judges one agent's results.
 *
 * @param {Record<string, CaseResult>} found the run's results
 * @param {Record<string, CaseResult>} expected the results to compare with, for the same patterns
 * @returns {{ counts: Record<string, number>, failures: { id: string, reason: string }[] }}
 *   how many cases had each verdict, and those that failed
 */
export function judge(found, expected) {
  const counts = { OK: 0, 'NON-STRICT': 0, INFORMATIONAL: 0 }
  const failures = []
  for (const id of sortedIds({ ...expected, ...found })) {
    const reason = reasonToFail(found[id], expected[id])
    if (reason) failures.push({ id, reason })
    else counts[found[id].behavior] += 1
  }
  return { counts, failures }
}

/**
 * The ids of cases in the suite's own order: 2.9 before 2.10.
 *
 * @param {Record<string, CaseResult>} cases any results
 * @returns {string[]} sorted ids
 */
function sortedIds(cases) {
  return Object.keys(cases).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/**
 * The committed results of the selected cases.
 *
 * @param {string} file path of expected-results.json
 * @param {string[]} patterns what is run
 * @returns {Record<string, CaseResult>} expected results, empty when the file is not there yet
 */
export function readExpected(file, patterns) {
  const { cases } = readExpectedFile(file)
  return Object.fromEntries(Object.entries(cases).filter(([id]) => isSelected(id, patterns)))
}

/**
 * The whole file of committed results.
 *
 * @param {string} file path of expected-results.json
 * @returns {{ suite: string, cases: Record<string, CaseResult> }} its content
 */
function readExpectedFile(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return { suite: '', cases: {} }
  }
}

/**
 * Writes the selected cases anew and leaves the others as they are.
 *
 * @param {string} file path of expected-results.json
 * @param {string} suite name and version of the suite
 * @param {Record<string, CaseResult>} found the results to expect from now on
 * @param {string[]} patterns what was run
 */
export function writeExpected(file, suite, found, patterns) {
  const kept = Object.entries(readExpectedFile(file).cases).filter(
    ([id]) => !isSelected(id, patterns)
  )
  const merged = { ...Object.fromEntries(kept), ...found }
  const lines = sortedIds(merged).map(
    (id) => `    ${JSON.stringify(id)}: ${JSON.stringify(merged[id])}`
  )
  writeFileSync(
    file,
    `{\n  "suite": ${JSON.stringify(suite)},\n  "cases": {\n${lines.join(',\n')}\n  }\n}\n`
  )
}
