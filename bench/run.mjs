/**
 * The benchmark: offloop and its peers side by side. Started by scripts/bench.mjs
 * (`npm run bench`).
 *
 * The servers take turns, round by round, each sample with a fresh process; the server has one core
 * and the load generator another. The ratios are the result: the times depend on the machine.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { dirname } from 'node:path'

import { drawChart } from './chart.mjs'
import { formatGoals } from './goals.mjs'
import { METRICS } from './metrics.mjs'
import { buildProgram, prepare } from './peers.mjs'
import { allowedCores, descriptorLimit } from './process.mjs'
import { formatWorkload, median, summarise } from './report.mjs'
import { takeSample } from './samples.mjs'
import { SERVERS, takesPart } from './servers.mjs'
import { WORKLOADS } from './workloads.mjs'

/** What a process needs descriptors for beside its connections, generously. */
const SPARE_DESCRIPTORS = 200
/** From here on, other processes are said to have disturbed the run; in cores. */
const DISTURBING_CORES = 0.25
/** From here on, the load generator is said to have been the limit; in cores. */
const LOAD_LIMIT_CORES = 0.95

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
 * The number of connections that the descriptor limit allows.
 *
 * @param {string[]} workloads which ones are run
 * @returns {number} at most so many
 */
function limitConnections(workloads) {
  const possible = descriptorLimit() - SPARE_DESCRIPTORS
  for (const name of workloads) {
    const { connections } = WORKLOADS[name].load
    if (connections > possible) {
      console.log(`${name}: ${possible} connections, not ${connections}: see ulimit -n`)
    }
  }
  return possible
}

/**
 * Drops the servers that cannot be started here, and says why.
 *
 * @param {string[]} servers wanted
 * @param {Record<string, import('./peers.mjs').Launcher>} launchers by kind
 * @returns {string[]} those that can
 */
function startable(servers, launchers) {
  return servers.filter((server) => {
    const { command, reason } = launchers[SERVERS[server].kind]
    if (!command) console.log(`without ${SERVERS[server].title}: ${reason}`)
    return command !== undefined
  })
}

/**
 * Takes all samples.
 *
 * @param {import('./options.mjs').Options} options what to run
 * @param {string[]} servers which servers
 * @param {import('./samples.mjs').Bench} bench settings for the samples
 * @returns {Promise<{ samples: Record<string, Record<string, object[]>>, failures: string[] }>}
 *   workload -> server -> samples; a server that failed once in a workload is not in it
 */
async function takeSamples({ rounds, workloads }, servers, bench) {
  const failures = []
  const samples = {}
  for (const workload of workloads) {
    const taking = servers.filter((server) => takesPart(server, WORKLOADS[workload]))
    samples[workload] = Object.fromEntries(taking.map((server) => [server, []]))
  }
  for (let round = 0; round < rounds; round += 1) {
    // Every other round in the opposite order: no server is always the one that comes after.
    const order = round % 2 === 0 ? servers : servers.toReversed()
    for (const workload of workloads) {
      for (const server of order.filter((name) => name in samples[workload])) {
        process.stderr.write(`round ${round + 1} of ${rounds}: ${workload}, ${server}\n`)
        try {
          samples[workload][server].push(await takeSample(bench, server, WORKLOADS[workload]))
        } catch (error) {
          failures.push(`${workload}, ${server}: ${error.message}`)
          process.stderr.write(`failed: ${error.message}\n`)
          delete samples[workload][server]
        }
      }
    }
  }
  return { samples, failures }
}

/**
 * What the numbers were measured on.
 *
 * @param {import('./samples.mjs').Bench} bench settings
 * @returns {object} names and versions
 */
function describeMachine({ serverCore, launchers }) {
  const versions = Object.entries(launchers)
    .filter(([, { version }]) => version)
    .map(([kind, { version }]) => [kind, version])
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    pinned: serverCore !== undefined,
    node: process.version,
    versions: Object.fromEntries(versions)
  }
}

/**
 * What other processes used of the machine.
 *
 * @param {object[]} samples of any server
 * @returns {number|undefined} median, in cores; undefined when no sample says so
 */
function medianOtherCores(samples) {
  const known = samples.map(({ otherCores }) => otherCores).filter((cores) => cores !== undefined)
  return known.length > 0 ? median(known) : undefined
}

/**
 * Says what the reader should know about the samples themselves.
 *
 * @param {string} title of the workload
 * @param {Record<string, object[]>} samples server -> samples
 * @returns {string[]} lines of text
 */
function remarks(title, samples) {
  const lines = []
  const others = medianOtherCores(Object.values(samples).flat())
  if (others === undefined) return lines
  if (others > DISTURBING_CORES) {
    lines.push(`disturbed: other processes used ${others.toFixed(2)} cores meanwhile (median)`)
  }
  for (const [server, taken] of Object.entries(samples)) {
    const load = median(taken.map(({ loadCores }) => loadCores))
    if (load > LOAD_LIMIT_CORES && WORKLOADS[title].mode !== 'paced') {
      lines.push(`the load generator was busy all the time: ${SERVERS[server].title} had more to give`)
    }
  }
  return lines
}

/**
 * The results as text that is not longer than it must be.
 *
 * @param {object} results what
 * @returns {string} JSON: numbers with six digits, what holds nothing else on one line
 */
function toJson(results) {
  const short = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value)
  const text = JSON.stringify(results, short, 1)
  return `${text.replace(/[[{][^[\]{}]*[\]}]/g, (part) => part.replace(/\s+/g, ' '))}\n`
}

/**
 * One list for each metric, with its value in each round.
 *
 * @param {Record<string, object[]>} samples server -> one sample a round
 * @returns {Record<string, Record<string, number[]>>} server -> metric -> values
 */
function byMetric(samples) {
  const lists = Object.entries(samples).map(([server, rounds]) => {
    const metrics = Object.keys(rounds[0])
    const values = metrics.map((metric) => [metric, rounds.map((sample) => sample[metric])])
    return [server, Object.fromEntries(values)]
  })
  return Object.fromEntries(lists)
}

/**
 * Writes the results, and the chart beside them. The results in one step, so that a run that is
 * stopped leaves the last ones alone.
 *
 * @param {string} file where to
 * @param {object} results what
 */
function writeResults(file, results) {
  mkdirSync(dirname(file), { recursive: true })
  const temporary = file.replace(/(\.json)?$/, '.tmp.json')
  writeFileSync(temporary, toJson(results))
  renameSync(temporary, file)
  const chart = drawChart(results.workloads)
  if (chart) writeFileSync(file.replace(/(\.json)?$/, '.svg'), chart)
}

/**
 * Prints the tables.
 *
 * @param {object} results all of them
 * @param {Record<string, Record<string, object[]>>} samples workload -> server -> samples
 */
function print({ machine, rounds, seconds, workloads }, samples) {
  const versions = Object.entries(machine.versions).map(([kind, version]) => `${kind} ${version}`)
  console.log(
    `\nNode ${machine.node}, ${versions.join(', ')}; ${machine.cpu}, ${machine.cores} cores; ` +
      `median (lowest..highest) of ${rounds} rounds of ${seconds} s`
  )
  for (const [name, summaries] of Object.entries(workloads)) {
    console.log(`\n${formatWorkload(`${name}: ${summaries.title}`, summaries)}`)
    for (const line of remarks(name, samples[name])) console.log(line)
  }
  console.log(['', ...formatGoals(workloads, METRICS)].join('\n'))
}

/**
 * Runs the benchmark, prints the tables and writes the results.
 *
 * @param {import('./options.mjs').Options} options what to run
 */
export async function run(options) {
  const launchers = prepare(options.servers.map((server) => SERVERS[server].kind))
  const bench = {
    load: buildProgram('load'),
    launchers,
    seconds: options.seconds,
    connectionLimit: limitConnections(options.workloads),
    ...chooseCores()
  }
  const servers = startable(options.servers, launchers)
  const { samples, failures } = await takeSamples(options, servers, bench)
  const workloads = {}
  for (const [name, taken] of Object.entries(samples)) {
    if (Object.keys(taken).length === 0) continue
    workloads[name] = { title: WORKLOADS[name].title, ...summarise(taken), samples: byMetric(taken) }
  }
  const { rounds, seconds, out } = options
  const date = new Date().toISOString()
  const otherCores = medianOtherCores(Object.values(samples).map(Object.values).flat(2))
  const results = { date, machine: describeMachine(bench), otherCores, rounds, seconds, workloads }
  print(results, samples)
  writeResults(out, results)
  console.log(`\nwritten to ${out}`)
  if (failures.length > 0) throw new Error(`samples failed:\n${failures.join('\n')}`)
}
