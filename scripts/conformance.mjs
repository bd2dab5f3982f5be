/**
 * `npm run conformance`: Autobahn's fuzzingclient against an echo server, once on each driver.
 *
 *   --cases 1.*,2.*     which cases to run (default: 1 to 7 and 10)
 *   --server shard      shard, stream or ws (for comparison); may be given several times
 *                       (default: shard and stream)
 *   --update            accept the results as the expected ones, if the suite calls none a failure
 *
 * The suite's own pages are in __test__/conformance/reports/ afterwards.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { Autobahn } from '../__test__/conformance/autobahn.mjs'
import {
  judge,
  readExpected,
  readResults,
  writeExpected
} from '../__test__/conformance/results.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDER = join(ROOT, '__test__', 'conformance')
const EXPECTED = join(FOLDER, 'expected-results.json')
const DEFAULT_CASES = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*'

/** What can be tested: the implementation that the echo server loads, and offloop's driver. */
const SERVERS = {
  shard: { implementation: 'offloop', driver: 'shard' },
  stream: { implementation: 'offloop', driver: 'stream' },
  ws: { implementation: 'ws' }
}

/**
 * Runs the echo server while `use` runs.
 *
 * @param {{ implementation: string, driver?: string }} server which one
 * @param {(url: string) => Promise<void>} use is given the server's address
 */
async function withEchoServer({ implementation, driver }, use) {
  const env = driver ? { ...process.env, OFFLOOP_DRIVER: driver } : process.env
  const child = spawn(process.execPath, [join(FOLDER, 'echo-server.js'), implementation], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env
  })
  const ended = once(child, 'exit')
  try {
    const line = once(createInterface({ input: child.stdout }), 'line')
    const [greeting] = await Promise.race([line, ended.then(([status]) => endedByItself(status))])
    await use(`ws://127.0.0.1:${JSON.parse(greeting).port}`)
    // The suite goes on after a crash, every further case being a refused connection.
    if (child.exitCode !== null || child.signalCode !== null) {
      endedByItself(child.signalCode ?? child.exitCode)
    }
  } finally {
    child.stdin.end()
    await ended
  }
}

/**
 * Reports a server that is gone before it was told to.
 *
 * @param {string|number|null} how a signal's name or an exit status
 * @returns {never}
 */
function endedByItself(how) {
  throw new Error(`the echo server ended by itself (${how}): see reports/*/wstest.log`)
}

/**
 * Runs the suite against one server.
 *
 * @param {Autobahn} suite the installed suite
 * @param {string} name a key of SERVERS
 * @param {string[]} cases patterns of cases
 * @returns {Promise<Record<string, object>>} the results by case
 */
async function fuzz(suite, name, cases) {
  const outdir = join(FOLDER, 'reports', name)
  console.log(`${name}: running ${cases.join(' ')}`)
  await withEchoServer(SERVERS[name], (url) => suite.fuzz({ agent: name, url, cases, outdir }))
  return readResults(join(outdir, 'index.json'))[name] ?? {}
}

/**
 * Prints the table and what failed.
 *
 * @param {Map<string, ReturnType<typeof judge>>} verdicts by server
 * @returns {number} how many cases failed
 */
function report(verdicts) {
  let passed = 0
  let failed = 0
  const rows = {}
  for (const [name, { counts, failures }] of verdicts) {
    rows[name] = { ...counts, failed: failures.length }
    passed += Object.values(counts).reduce((sum, count) => sum + count, 0)
    failed += failures.length
  }
  if (passed + failed === 0) throw new Error('no case was selected')
  console.table(rows)
  for (const [name, { failures }] of verdicts) {
    for (const { id, reason } of failures) console.log(`FAILED ${name} ${id}: ${reason}`)
  }
  console.log(`${passed} passed, ${failed} failed`)
  return failed
}

/**
 * Reads the command line.
 *
 * @returns {{ cases: string[], servers: string[], update: boolean }} what to do
 */
function readArguments() {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: DEFAULT_CASES },
      server: { type: 'string', multiple: true, default: ['shard', 'stream'] },
      update: { type: 'boolean', default: false }
    }
  })
  const unknown = values.server.find((name) => !Object.hasOwn(SERVERS, name))
  if (unknown) throw new Error(`unknown server "${unknown}": shard, stream or ws`)
  return { cases: values.cases.split(','), servers: values.server, update: values.update }
}

/**
 * Runs everything.
 *
 * @returns {Promise<number>} how many cases failed
 */
async function main() {
  const { cases, servers, update } = readArguments()
  const suite = Autobahn.install(join(ROOT, 'target'))
  const found = new Map()
  for (const name of servers) found.set(name, await fuzz(suite, name, cases))
  const committed = readExpected(EXPECTED, cases)
  // Another implementation is only held to the suite's own verdict. With --update so is offloop,
  // and its first driver sets what the other must equal.
  const first = found.get(servers.find((name) => name !== 'ws'))
  const expected = (name) => (name === 'ws' ? found.get('ws') : update ? first : committed)
  const verdicts = new Map(
    [...found].map(([name, results]) => [name, judge(results, expected(name))])
  )
  const failed = report(verdicts)
  if (update && first && failed === 0) writeExpected(EXPECTED, Autobahn.suite(), first, cases)
  return failed
}

main().then(
  (failed) => {
    process.exitCode = failed === 0 ? 0 : 1
  },
  (error) => {
    console.error(`conformance: ${error.message}`)
    process.exitCode = 1
  }
)
