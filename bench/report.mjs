/**
 * From samples to medians, spreads and ratios, and to the table that people read.
 */

import { METRICS } from './workloads.mjs'

/** All ratios are to this server. */
const BASELINE = 'ws'

/**
 * The middle value; of an even number, the mean of the two in the middle.
 *
 * @param {number[]} values at least one
 * @returns {number} the median
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * @typedef {object} Summary
 * @property {number} median over the rounds
 * @property {number} min lowest round
 * @property {number} max highest round
 * @property {number} [ratioToWs] median of the ratios taken round by round: the two servers of a
 *   round ran one after the other, so what slows the machine for a while falls out
 */

/**
 * Sums up one workload.
 *
 * @param {Record<string, object[]>} samples server -> one sample a round
 * @returns {Record<string, Record<string, Summary>>} server -> metric -> summary
 */
export function summarise(samples) {
  const baseline = samples[BASELINE]
  return Object.fromEntries(
    Object.entries(samples).map(([server, rounds]) => {
      const metrics = Object.keys(METRICS).filter((metric) => metric in rounds[0])
      return [
        server,
        Object.fromEntries(metrics.map((metric) => [metric, summary(metric, rounds, baseline)]))
      ]
    })
  )
}

/**
 * Sums up one metric of one server.
 *
 * @param {string} metric its name
 * @param {object[]} rounds the server's samples
 * @param {object[]|undefined} baseline the samples of ws, when it ran
 * @returns {Summary} median, spread and ratio
 */
function summary(metric, rounds, baseline) {
  const values = rounds.map((sample) => sample[metric])
  const found = { median: median(values), min: Math.min(...values), max: Math.max(...values) }
  if (!baseline) return found
  return { ...found, ratioToWs: median(values.map((value, i) => value / baseline[i][metric])) }
}

/**
 * The table of one workload: a line for each metric, a column for each server.
 *
 * @param {string} title what was done
 * @param {Record<string, Record<string, Summary>>} servers from {@link summarise}
 * @returns {string} lines of text
 */
export function formatTable(title, servers) {
  const names = Object.keys(servers)
  const others = names.filter((name) => name !== BASELINE && servers[BASELINE])
  const header = ['', ...names, ...others.map((name) => `${name} / ${BASELINE}`)]
  const rows = Object.keys(servers[names[0]]).map((metric) => [
    METRICS[metric].label,
    ...names.map((name) => formatSummary(servers[name][metric], METRICS[metric].digits)),
    ...others.map((name) => servers[name][metric].ratioToWs.toFixed(3))
  ])
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column].length))
  )
  const line = (row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
  return [title, line(header), ...rows.map(line)].join('\n')
}

/**
 * One cell: the median, and the lowest and highest round.
 *
 * @param {Summary} summary what to show
 * @param {number} digits after the point
 * @returns {string} for example '14.50 (14.10..15.20)'
 */
function formatSummary({ median: middle, min, max }, digits) {
  const [shown, low, high] = [middle, min, max].map((value) => value.toFixed(digits))
  return low === high ? shown : `${shown} (${low}..${high})`
}
