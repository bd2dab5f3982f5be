/**
 * The benchmark: offloop and ws side by side. Started by scripts/bench.mjs (`npm run bench`).
 *
 * The servers take turns, round by round, each sample with a fresh process; the server has one core
 * and the load generator another. The ratios are the result: the times depend on the machine.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { allowedCores, descriptorLimit } from './process.mjs'
import { formatTable, summarise } from './report.mjs'
import { SPARE_DESCRIPTORS, WORKLOADS } from './workloads.mjs'

export const USAGE = `npm run bench [-- OPTIONS]
  --quick                 2 rounds of 1 second
  --rounds N              rounds [5]
  --seconds S             measured part of a sample [3]
  --servers LIST          of offloop,ws [both]
  --workloads LIST        of ${Object.keys(WORKLOADS).join(',')} [all]
  --idle N                idle connections [9000, or what the descriptor limit allows]
  --out FILE              where the results go [bench/results/latest.json]
  --help`

const SERVERS = ['offloop', 'ws']
const RESULTS = fileURLToPath(new URL('results/latest.json', import.meta.url))

/**
 * @typedef {object} Options
 * @property {number} rounds how often each server runs each workload
 * @property {number} seconds length of a measured part
 * @property {string[]} servers which ones
 * @property {string[]} workloads which ones
 * @property {number} idle connections
 * @property {string} out file for the results
 */

/**
 * Reads the command line.
 *
 * @param {string[]} args without the program
 * @returns {Options|undefined} undefined when help was asked for
 */
export function readOptions(args) {
  const string = { type: 'string' }
  const boolean = { type: 'boolean' }
  const { values } = parseArgs({
    args,
    options: {
      quick: boolean,
      help: boolean,
      rounds: string,
      seconds: string,
      servers: string,
      workloads: string,
      idle: string,
      out: string
    }
  })
  if (values.help) return undefined
  return {
    rounds: positive('rounds', values.rounds ?? (values.quick ? 2 : 5)),
    seconds: positive('seconds', values.seconds ?? (values.quick ? 1 : 3)),
    servers: chosen('servers', values.servers, SERVERS),
    workloads: chosen('workloads', values.workloads, Object.keys(WORKLOADS)),
    idle: positive('idle', values.idle ?? 9000),
    out: values.out ?? RESULTS
  }
}

/**
 * Checks a number.
 *
 * @param {string} name of the option
 * @param {string|number} value as given
 * @returns {number} above zero
 */
function positive(name, value) {
  const number = Number(value)
  if (!(number > 0)) throw new Error(`--${name} ${value} is not a number above zero\n${USAGE}`)
  return number
}

/**
 * Checks a list of names.
 *
 * @param {string} name of the option
 * @param {string|undefined} list names with commas between, undefined for all
 * @param {string[]} known all names
 * @returns {string[]} the chosen ones
 */
function chosen(name, list, known) {
  const names = list?.split(',') ?? known
  const unknown = names.find((one) => !known.includes(one))
  if (unknown !== undefined) throw new Error(`--${name}: unknown "${unknown}"\n${USAGE}`)
  return names
}

/**
 * Which core the server has, and which the load generator.
 *
 * @returns {{ serverCore?: number, loadCore?: number }} empty when there is nothing to choose
 */
function chooseCores() {
  const [serverCore, loadCore] = allowedCores()
  if (loadCore === undefined) {
    console.log('only one core: server and load generator share it, so the latencies say little')
    return {}
  }
  if (spawnSync('taskset', ['--version']).error) {
    console.log('taskset (util-linux) is missing: nothing is pinned to a core')
    return {}
  }
  return { serverCore, loadCore }
}

/**
 * The number of idle connections that the descriptor limit allows.
 *
 * @param {number} wanted how many were asked for
 * @returns {number} at most that many
 */
function limitIdle(wanted) {
  const possible = descriptorLimit() - SPARE_DESCRIPTORS
  if (wanted <= possible) return wanted
  console.log(`${possible} idle connections instead of ${wanted}: the descriptor limit (ulimit -n)`)
  return possible
}

/**
 * Takes all samples.
 *
 * @param {Options} options what to run
 * @param {import('./workloads.mjs').Bench} bench settings for the samples
 * @returns {Promise<Record<string, Record<string, object[]>>>} workload -> server -> samples
 */
async function takeSamples(options, bench) {
  const samples = Object.fromEntries(
    options.workloads.map((workload) => [
      workload,
      Object.fromEntries(options.servers.map((server) => [server, []]))
    ])
  )
  for (let round = 0; round < options.rounds; round += 1) {
    // Every other round in the opposite order: no server is always the one that comes after.
    const order = round % 2 === 0 ? options.servers : options.servers.toReversed()
    for (const workload of options.workloads) {
      for (const server of order) {
        process.stderr.write(`round ${round + 1} of ${options.rounds}: ${workload}, ${server}\n`)
        samples[workload][server].push(await WORKLOADS[workload].take(bench, server))
      }
    }
  }
  return samples
}

/**
 * What the numbers were measured on.
 *
 * @param {import('./workloads.mjs').Bench} bench settings
 * @returns {object} names and versions
 */
function describeMachine({ serverCore }) {
  const version = (file) => JSON.parse(readFileSync(file, 'utf8')).version
  const require = createRequire(import.meta.url)
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    pinned: serverCore !== undefined,
    node: process.version,
    offloop: version(new URL('../package.json', import.meta.url)),
    ws: version(require.resolve('ws/package.json'))
  }
}

/**
 * Writes the results in one step, so that a run that fails leaves the last ones alone.
 *
 * @param {string} file where to
 * @param {object} results what
 */
function writeResults(file, results) {
  mkdirSync(new URL('results', import.meta.url), { recursive: true })
  const temporary = file.replace(/(\.json)?$/, '.tmp.json')
  writeFileSync(temporary, `${JSON.stringify(results, null, 2)}\n`)
  renameSync(temporary, file)
}

/**
 * Runs the benchmark, prints the tables and writes the results.
 *
 * @param {string} load path of the built load generator
 * @param {Options} options what to run
 */
export async function run(load, options) {
  const bench = {
    load,
    seconds: options.seconds,
    idleConnections: limitIdle(options.idle),
    ...chooseCores()
  }
  const samples = await takeSamples(options, bench)
  const machine = describeMachine(bench)
  const workloads = {}
  console.log(
    `\nNode ${machine.node}, ws ${machine.ws}, ${machine.cpu}, ${machine.cores} cores; median ` +
      `(lowest..highest) of ${options.rounds} rounds of ${options.seconds} s`
  )
  for (const [name, taken] of Object.entries(samples)) {
    const summaries = summarise(taken)
    workloads[name] = { title: WORKLOADS[name].title, summaries, samples: taken }
    console.log(`\n${formatTable(`${name}: ${WORKLOADS[name].title}`, summaries)}`)
  }
  const { rounds, seconds } = options
  const date = new Date().toISOString()
  writeResults(options.out, { date, machine, rounds, seconds, workloads })
  console.log(`\nwritten to ${options.out}`)
}
