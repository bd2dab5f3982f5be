/**
 * `npm run fuzz`: libFuzzer on the protocol, one target after the other. It goes on where it
 * stopped: what it finds is kept in fuzz/corpus/.
 *
 *   frames inflate      which targets (default: all of fuzz/fuzz_targets/)
 *   --seconds 300       how long each of them (default: 60)
 *
 * It needs cargo-fuzz, and ends with status 1 if an input breaks a rule; the input is in
 * fuzz/artifacts/ then.
 */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FUZZ = join(ROOT, 'fuzz')
const TARGETS = readdirSync(join(FUZZ, 'fuzz_targets')).map((file) => basename(file, '.rs'))

/** As long as seeds may be; longer inputs only take longer. */
const MOST_BYTES = 1024

/** Lines of libFuzzer that tell no more than that it is at work. */
const PROGRESS = /^(#\d+\s+(NEW|REDUCE|RELOAD|pulse)|INFO: |Running: )/

/** Sanitizers need switches that a stable compiler has, but keeps to itself. */
const RUST = { cwd: ROOT, env: { ...process.env, RUSTC_BOOTSTRAP: '1' } }

/**
 * Ends with a message instead of a stack.
 *
 * @param {string} message What is wrong, and what to do
 */
function fail(message) {
  console.error(`offloop: ${message}`)
  process.exit(1)
}

/**
 * Reads what was asked for.
 *
 * @returns {{targets: string[], seconds: number}}
 */
function readArguments() {
  const options = { seconds: { type: 'string', default: '60' } }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const seconds = Number(values.seconds)
  if (!Number.isInteger(seconds) || seconds < 1) fail('--seconds needs a whole number from 1 on')
  const unknown = positionals.find((name) => !TARGETS.includes(name))
  if (unknown !== undefined) fail(`no such target: ${unknown} (${TARGETS.join(', ')})`)
  return { targets: positionals.length > 0 ? positionals : TARGETS, seconds }
}

/**
 * Runs one target.
 *
 * @param {string} target Its name
 * @param {number} seconds How long
 * @returns {Promise<boolean>} whether every rule held
 */
async function holds(target, seconds) {
  const corpus = join(FUZZ, 'corpus', target)
  mkdirSync(corpus, { recursive: true })
  const limits = [`-max_total_time=${seconds}`, `-max_len=${MOST_BYTES}`]
  const args = ['fuzz', 'run', target, corpus, join(FUZZ, 'seeds', target), '--', ...limits]
  const libfuzzer = spawn('cargo', args, { ...RUST, stdio: ['ignore', 'inherit', 'pipe'] })
  const exit = once(libfuzzer, 'exit')
  const found = { runs: '0' }
  const lines = []
  for await (const line of createInterface({ input: libfuzzer.stderr })) {
    const [, moment, edges, features] = /(INITED|DONE)\s+cov: (\d+) ft: (\d+)/.exec(line) ?? []
    if (moment) found[moment] = { edges, features }
    found.runs = /^Done (\d+) runs/.exec(line)?.[1] ?? found.runs
    if (!PROGRESS.test(line)) lines.push(line)
  }
  const [status] = await exit
  if (status !== 0) {
    console.log(lines.join('\n'))
    return false
  }
  const { INITED: first, DONE: last, runs } = found
  console.log(
    `${target}: ${runs} runs, edges ${first?.edges} -> ${last?.edges}, ` +
      `features ${first?.features} -> ${last?.features}`
  )
  return true
}

const { targets, seconds } = readArguments()
if (spawnSync('cargo', ['fuzz', '--version']).status !== 0) {
  fail("cargo-fuzz is missing: run 'cargo install cargo-fuzz'")
}
const built = spawnSync('cargo', ['fuzz', 'build'], { ...RUST, stdio: 'inherit' })
if (built.status !== 0) fail('the targets cannot be built')
const broken = []
for (const target of targets) {
  if (!(await holds(target, seconds))) broken.push(target)
}
if (broken.length > 0) fail(`a rule is broken: ${broken.join(', ')}`)
