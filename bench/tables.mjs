/**
 * The tables of README.md and docs/performance.md, from a results file.
 */

import { found, GOALS, isReached } from './goals.mjs'
import { METRICS } from './metrics.mjs'
import { workloadRows } from './report.mjs'
import { SERVERS } from './servers.mjs'

/** The columns of the README's tables. */
const COLUMNS = ['offloop', 'ws', 'uws', 'bun', 'floor']

/** Rows of the README's first table: CPU time a message. */
const CPU_ROWS = {
  'ping-pong-1': 'echo, 64 B text, 1 connection',
  'ping-pong-64': '64 connections',
  'ping-pong-1000': '1000 connections',
  'ping-pong-9000': '9000 connections',
  'in-flight-16': '64 connections, 16 in flight on each',
  'binary-16k': 'echo, 16 KiB binary, 64 connections',
  'text-16k': 'echo, 16 KiB text, 64 connections',
  'binary-1m': 'echo, 1 MiB binary, 8 connections',
  'text-1m': 'echo, 1 MiB text, 8 connections',
  broadcast: 'broadcast, 64 B text to 1000 connections',
  deflate: 'echo, 1 KiB JSON, permessage-deflate'
}

/** Rows of the README's second table: everything else. */
const OTHER_ROWS = [
  ['ping-pong-1', 'p50Us', 'echo, 1 connection: p50 latency, us'],
  ['ping-pong-64', 'messagesPerSecond', 'echo, 64 connections: messages/s'],
  ['open-loop', 'p99Us', 'echo, 20000 messages/s: p99 latency, us'],
  ['mixed', 'httpP99Us', 'HTTP route beside 30000 messages/s: p99 latency, us'],
  ['mixed', 'delayP99Us', 'the same: p99 delay of the event loop, us'],
  ['connect-close', 'messagesPerSecond', 'connections opened and closed/s'],
  ['idle', 'rssFoundKib', 'idle connection: memory as found, KiB'],
  ['idle', 'rssCollectedKib', 'the same after a forced collection, KiB']
]

/** What other processes may use without being mentioned, in cores. */
const QUIET_CORES = 0.1

/**
 * One line of a Markdown table.
 *
 * @param {string[]} cells from left to right
 * @returns {string} the line
 */
function line(cells) {
  return `| ${cells.join(' | ')} |`
}

/**
 * A Markdown table: the first column to the left, the others to the right.
 *
 * @param {string[]} head titles of the columns
 * @param {string[][]} rows equally long
 * @returns {string} the table
 */
function table(head, rows) {
  const ruler = head.map((_, column) => (column === 0 ? '---' : '--:'))
  return [head, ruler, ...rows].map(line).join('\n')
}

/**
 * Digits that say enough.
 *
 * @param {number} value above zero
 * @returns {string} three digits or so, all of a large number
 */
function format(value) {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}

/**
 * The tables of the README.
 *
 * @param {object} results the results file
 * @returns {string[]} Markdown blocks
 */
export function readmeTables({ workloads }) {
  const columns = COLUMNS.filter((name) =>
    Object.values(workloads).some(({ servers }) => name in servers)
  )
  const titles = columns.map((name) => SERVERS[name].title)
  const cpuRows = Object.entries(CPU_ROWS)
    .filter(([name]) => name in workloads)
    .map(([name, label]) => [
      label,
      ...columns.map((column) => cpuCell(workloads[name].servers[column]))
    ])
  const otherRows = OTHER_ROWS.filter(([name]) => name in workloads).map(
    ([name, metric, label]) => [
      label,
      ...columns.map((column) => {
        const summary = workloads[name].servers[column]?.[metric]
        return summary ? format(summary.median) : ''
      })
    ]
  )
  return [
    table(['CPU us a message: JS thread / all threads', ...titles], cpuRows),
    table(['', ...titles], otherRows)
  ]
}

/**
 * CPU time a message.
 *
 * @param {Record<string, { median: number }>|undefined} metrics of one server
 * @returns {string} JavaScript thread and all threads
 */
function cpuCell(metrics) {
  if (!metrics) return ''
  const all = format(metrics.cpuAllUs.median)
  return metrics.cpuJsUs ? `${format(metrics.cpuJsUs.median)} / ${all}` : `- / ${all}`
}

/**
 * All that was measured.
 *
 * @param {object} results the results file
 * @returns {string[]} Markdown blocks, a heading and a table for each workload
 */
export function fullTables({ workloads }) {
  return Object.entries(workloads).flatMap(([name, { title, servers, ratios }]) => {
    const [head, ...rows] = workloadRows({ servers, ratios }, 2, '')
    return [`### ${name}`, `${title}.`, table(head, rows)]
  })
}

/**
 * What is wanted, and what was found.
 *
 * @param {object} results the results file
 * @returns {string} a Markdown table
 */
export function goalsTable({ workloads }) {
  const rows = GOALS.map((goal) => ({ goal, value: found(goal, workloads) }))
    .filter(({ value }) => value !== undefined)
    .map(({ goal, value }) => [
      goal.workload,
      METRICS[goal.metric].label,
      goal.peer ? `of ${SERVERS[goal.peer].title}'s` : '',
      goal.atMost === undefined ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`,
      value.toFixed(2),
      isReached(goal, value) ? 'yes' : 'no'
    ])
  return table(['workload', 'metric', '', 'wanted', 'found', 'reached'], rows)
}

/**
 * What was measured on what, and how often.
 *
 * @param {object} results the results file
 * @returns {string} one paragraph
 */
export function caption({ date, machine, otherCores, rounds, seconds }) {
  const { versions, node, cpu, cores, pinned } = machine
  const names = { offloop: 'offloop', ws: 'ws', uws: 'uWebSockets.js', bun: 'Bun' }
  const list = Object.entries(versions).map(([kind, version]) => `${names[kind]} ${version}`)
  const place = pinned ? 'server and load generator on a core each' : 'nothing pinned to a core'
  const others =
    otherCores > QUIET_CORES
      ? ` Other processes used ${otherCores.toFixed(2)} cores meanwhile (median), so the latencies ` +
        'and rates are only indications.'
      : ''
  return (
    `Measured on ${date.slice(0, 10)}: ${list.join(', ')}, Node ${node}, ${cpu} with ${cores} ` +
    `cores, ${place}. Medians of ${rounds} rounds of ${seconds} s.${others}`
  )
}
