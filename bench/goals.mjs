/**
 * What offloop wants to reach beside its peers, as ratios of one run: CPU time and latency at most
 * so much of the other's, rates at least so much.
 */

import { SERVERS } from './servers.mjs'
import { alignColumns } from './report.mjs'

/**
 * @typedef {object} Goal
 * @property {string} workload in workloads.mjs
 * @property {string} metric in metrics.mjs
 * @property {string} [peer] the ratio is offloop's to this server; without one the value itself
 * @property {number} [atMost] a bound
 * @property {number} [atLeast] the other kind of bound
 */

/** @type {Goal[]} */
export const GOALS = [
  { workload: 'ping-pong-1', metric: 'p50Us', peer: 'uws', atMost: 1.15 },
  { workload: 'ping-pong-1', metric: 'cpuAllUs', peer: 'ws', atMost: 1.3 },
  { workload: 'ping-pong-4', metric: 'p50Us', peer: 'uws', atMost: 1.15 },
  { workload: 'ping-pong-4', metric: 'cpuAllUs', peer: 'ws', atMost: 1.3 },
  { workload: 'ping-pong-64', metric: 'cpuJsUs', peer: 'uws', atMost: 0.2 },
  { workload: 'ping-pong-64', metric: 'cpuAllUs', peer: 'uws', atMost: 1.05 },
  { workload: 'ping-pong-256', metric: 'cpuJsUs', peer: 'uws', atMost: 0.2 },
  { workload: 'ping-pong-256', metric: 'cpuAllUs', peer: 'uws', atMost: 1.05 },
  { workload: 'in-flight-16', metric: 'cpuJsUs', peer: 'uws', atMost: 0.3 },
  { workload: 'in-flight-16', metric: 'cpuAllUs', peer: 'uws', atMost: 0.65 },
  { workload: 'in-flight-16', metric: 'cpuAllUs', peer: 'bun', atMost: 1 },
  { workload: 'binary-16k', metric: 'cpuJsUs', peer: 'uws', atMost: 0.3 },
  { workload: 'binary-16k', metric: 'cpuAllUs', peer: 'uws', atMost: 1.05 },
  { workload: 'text-1m', metric: 'cpuJsUs', peer: 'ws', atMost: 0.35 },
  { workload: 'text-1m', metric: 'cpuAllUs', peer: 'ws', atMost: 0.5 },
  { workload: 'tls-ping-pong-64', metric: 'cpuAllUs', peer: 'ws', atMost: 1 },
  { workload: 'tls-in-flight-16', metric: 'cpuAllUs', peer: 'ws', atMost: 1 },
  { workload: 'tls-text-16k', metric: 'cpuAllUs', peer: 'ws', atMost: 1 },
  { workload: 'broadcast', metric: 'cpuJsUs', peer: 'uws', atMost: 0.06 },
  { workload: 'broadcast', metric: 'cpuAllUs', peer: 'uws', atMost: 0.9 },
  { workload: 'deflate', metric: 'cpuJsUs', peer: 'uws', atMost: 0.1 },
  { workload: 'deflate', metric: 'cpuAllUs', peer: 'uws', atMost: 0.9 },
  { workload: 'deflate', metric: 'cpuJsUs', peer: 'ws', atMost: 0.1 },
  { workload: 'deflate', metric: 'cpuAllUs', peer: 'ws', atMost: 0.33 },
  { workload: 'idle', metric: 'rssFoundKib', atMost: 2.5 },
  { workload: 'idle', metric: 'rssCollectedKib', atMost: 2.5 },
  { workload: 'connect-close', metric: 'messagesPerSecond', peer: 'ws', atLeast: 1.8 },
  { workload: 'mixed', metric: 'httpP99Us', peer: 'ws', atMost: 0.5 }
]

/**
 * What a run says about a goal.
 *
 * @param {Goal} goal what is wanted
 * @param {Record<string, import('./report.mjs').Summaries>} workloads what was found
 * @returns {number|undefined} the ratio or value; undefined when the run did not measure it
 */
export function found({ workload, metric, peer }, workloads) {
  const summaries = workloads[workload]
  if (peer) return summaries?.ratios[peer]?.[metric]
  return summaries?.servers.offloop?.[metric]?.median
}

/**
 * Whether a goal is reached.
 *
 * @param {Goal} goal what is wanted
 * @param {number} value what was found
 * @returns {boolean} whether it is enough
 */
export function isReached({ atMost = Infinity, atLeast = -Infinity }, value) {
  return value <= atMost && value >= atLeast
}

/**
 * The table of all goals that a run can say something about.
 *
 * @param {Record<string, import('./report.mjs').Summaries>} workloads what was found
 * @param {Record<string, import('./metrics.mjs').Metric>} metrics their labels
 * @returns {string[]} lines of text, none when there is nothing to say
 */
export function formatGoals(workloads, metrics) {
  const rows = GOALS.map((goal) => ({ goal, value: found(goal, workloads) }))
    .filter(({ value }) => value !== undefined)
    .map(({ goal, value }) => [
      goal.workload,
      metrics[goal.metric].label,
      goal.peer ? `offloop / ${SERVERS[goal.peer].title}` : 'offloop',
      value.toFixed(3),
      goal.atMost === undefined ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`,
      isReached(goal, value) ? 'reached' : 'MISSED'
    ])
  if (rows.length === 0) return []
  return alignColumns([['goals', 'metric', 'of', 'found', 'wanted', ''], ...rows])
}
