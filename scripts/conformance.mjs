/**
 * `npm run conformance`: Autobahn's fuzzingclient against an echo server, once on each driver.
 *
 *   --cases 1.*,2.*     which cases to run (default: 1 to 7, 9, 10 and a sample of 12 and 13)
 *   --all               every case; about ten minutes a server longer
 *   --server shard      shard, stream, core (the Rust layers without Node) or ws (for comparison);
 *                       may be given several times (default: shard and stream)
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

/** Everything but compression (12 and 13), where a case sends a thousand messages. */
const UNCOMPRESSED_CASES = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*'.split(',')
const ALL_CASES = [...UNCOMPRESSED_CASES, '12.*', '13.*']

/**
 * The kinds of payload (12.1 to 12.5) and the parameters offered (13.1 to 13.7), and of the 18 cases
 * of each those with messages of 16 bytes, of 8 KiB, and of 8 KiB in frames of 256 bytes. Twice the
 * last one too: 128 KiB in frames of 32 KiB.
 */
const COMPRESSED_GROUPS = [1, 2, 3, 4, 5].map((kind) => `12.${kind}`)
COMPRESSED_GROUPS.push(...[1, 2, 3, 4, 5, 6, 7].map((offer) => `13.${offer}`))
const COMPRESSED_SAMPLE = COMPRESSED_GROUPS.flatMap((group) =>
  [1, 6, 11].map((number) => `${group}.${number}`)
)
const DEFAULT_CASES = [...UNCOMPRESSED_CASES, ...COMPRESSED_SAMPLE, '12.1.18', '13.1.18']

const ECHO_SERVER = [process.execPath, join(FOLDER, 'echo-server.js')]

/** What can be tested: the command that starts an echo server, and offloop's driver in it. */
const SERVERS = {
  shard: { command: [...ECHO_SERVER, 'offloop'], driver: 'shard' },
  stream: { command: [...ECHO_SERVER, 'offloop'], driver: 'stream' },
  core: { command: 'cargo run --quiet --release -p offloop-shard --example echo'.split(' ') },
  ws: { command: [...ECHO_SERVER, 'ws'] }
}

/**
 * Runs the echo server while `use` runs.
 *
 * @param {{ command: string[], driver?: string }} server which one
 * @param {(url: string) => Promise<void>} use is given the server's address
 */
async function withEchoServer({ command: [program, ...args], driver }, use) {
  const env = driver ? { ...process.env, OFFLOOP_DRIVER: driver } : process.env
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], cwd: ROOT, env })
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
      cases: { type: 'string' },
      all: { type: 'boolean', default: false },
      server: { type: 'string', multiple: true, default: ['shard', 'stream'] },
      update: { type: 'boolean', default: false }
    }
  })
  const unknown = values.server.find((name) => !Object.hasOwn(SERVERS, name))
  if (unknown) throw new Error(`unknown server "${unknown}": ${Object.keys(SERVERS).join(', ')}`)
  const cases = values.cases?.split(',') ?? (values.all ? ALL_CASES : DEFAULT_CASES)
  return { cases, servers: values.server, update: values.update }
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
