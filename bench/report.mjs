/**
 * From samples to medians, spreads and ratios, and to the tables that people read.
 */

import { METRICS } from './metrics.mjs'
import { SERVERS } from './servers.mjs'

/** The server whose ratios to the others are shown. */
const SUBJECT = 'offloop'

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
 */

/**
 * @typedef {object} Summaries
 * @property {Record<string, Record<string, Summary>>} servers server -> metric -> summary
 * @property {Record<string, Record<string, number>>} ratios other server -> metric -> median of the
 *   ratios offloop / other taken round by round: the servers of a round ran one after the other, so
 *   what slows the machine for a while falls out
 */

/**
 * Sums up one workload.
 *
 * @param {Record<string, object[]>} samples server -> one sample a round
 * @returns {Summaries} medians, spreads and ratios
 */
export function summarise(samples) {
  const subject = samples[SUBJECT]
  const servers = mapValues(samples, (rounds) =>
    perMetric(rounds, (metric) => {
      const values = rounds.map((sample) => sample[metric])
      return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
    })
  )
  const others = Object.entries(samples).filter(([server]) => subject && server !== SUBJECT)
  const ratios = mapValues(Object.fromEntries(others), (rounds) =>
    perMetric(rounds, (metric) =>
      median(rounds.map((sample, round) => subject[round][metric] / sample[metric]))
    )
  )
  return { servers, ratios }
}

/**
 * An object with the same keys.
 *
 * @param {Record<string, object>} object any
 * @param {(value: object) => object} change what to make of each value
 * @returns {Record<string, object>} the new object
 */
function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))
}

/**
 * Something for each metric that a server has.
 *
 * @param {object[]} rounds its samples
 * @param {(metric: string) => object} sumUp what to make of one
 * @returns {Record<string, object>} metric -> that
 */
function perMetric(rounds, sumUp) {
  const metrics = Object.keys(METRICS).filter((metric) => metric in rounds[0])
  return Object.fromEntries(metrics.map((metric) => [metric, sumUp(metric)]))
}

/**
 * The table of one workload: a line for each server, one for each ratio, a column for each metric.
 *
 * @param {string} title what was done
 * @param {Summaries} summaries from {@link summarise}
 * @returns {string} lines of text
 */
export function formatWorkload(title, summaries) {
  return [title, ...alignColumns(workloadRows(summaries, 3, '-'))].join('\n')
}

/**
 * The cells of that table, whatever it is written in.
 *
 * @param {Summaries} summaries from {@link summarise}
 * @param {number} ratioDigits of a ratio, after the point
 * @param {string} missing stands where a server has no such metric
 * @returns {string[][]} rows of cells, the head first
 */
export function workloadRows({ servers, ratios }, ratioDigits, missing) {
  const used = Object.values(servers).flatMap((metrics) => Object.keys(metrics))
  const metrics = Object.keys(METRICS).filter((metric) => used.includes(metric))
  return [
    ['', ...metrics.map((metric) => METRICS[metric].label)],
    ...Object.entries(servers).map(([server, found]) => [
      SERVERS[server].title,
      ...metrics.map((metric) => formatSummary(found[metric], METRICS[metric].digits) ?? missing)
    ]),
    ...Object.entries(ratios).map(([server, found]) => [
      `${SUBJECT} / ${SERVERS[server].title}`,
      ...metrics.map((metric) => found[metric]?.toFixed(ratioDigits) ?? missing)
    ])
  ]
}

/**
 * Pads cells so that columns stand in line.
 *
 * @param {string[][]} rows equally long
 * @returns {string[]} one line for each
 */
export function alignColumns(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd()
  )
}

/**
 * One cell: the median, and the lowest and highest round.
 *
 * @param {Summary|undefined} summary what to show, if the server has it
 * @param {number} digits after the point
 * @returns {string|undefined} for example '14.50 (14.10..15.20)'
 */
function formatSummary(summary, digits) {
  if (!summary) return undefined
  const [shown, low, high] = [summary.median, summary.min, summary.max].map((value) =>
    value.toFixed(digits)
  )
  return low === high ? shown : `${shown} (${low}..${high})`
}
