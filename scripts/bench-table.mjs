/**
 * Puts the last benchmark's numbers into README.md: the text between the two marks is written
 * anew from bench/results/latest.json. To be run after `npm run bench`.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { METRICS } from '../bench/workloads.mjs'

const RESULTS = fileURLToPath(new URL('../bench/results/latest.json', import.meta.url))
const README = fileURLToPath(new URL('../README.md', import.meta.url))
const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

const RATIO_DIGITS = 2

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
 * The table of one workload: a line for each metric.
 *
 * @param {{ title: string, summaries: Record<string, Record<string, object>> }} workload as
 *   bench/run.mjs has written it
 * @returns {string} the table
 */
function table({ title, summaries: { offloop, ws } }) {
  if (!offloop || !ws) throw new Error(`"${title}" was not run with both servers`)
  const rows = Object.entries(offloop).map(([name, { median, ratioToWs }]) => {
    const { label, digits } = METRICS[name]
    const medians = [median, ws[name].median].map((value) => value.toFixed(digits))
    return line([label, ...medians, ratioToWs.toFixed(RATIO_DIGITS)])
  })
  const head = [line([title, 'offloop', 'ws', 'offloop / ws']), line(['---', '--:', '--:', '--:'])]
  return [...head, ...rows].join('\n')
}

/**
 * What was measured on what, and how often.
 *
 * @param {object} results the whole file
 * @returns {string} one paragraph
 */
function caption({ date, machine, rounds, seconds }) {
  const { offloop, ws, node, cpu, cores, pinned } = machine
  const place = pinned ? 'server and load generator on a core each' : 'nothing pinned to a core'
  return (
    `Measured on ${date.slice(0, 10)}: offloop ${offloop}, ws ${ws}, Node ${node}, ${cpu} with ` +
    `${cores} cores, ${place}. Medians of ${rounds} rounds of ${seconds} s; the ratio is the ` +
    'median of the ratios of the rounds.'
  )
}

const results = JSON.parse(readFileSync(RESULTS, 'utf8'))
const readme = readFileSync(README, 'utf8')
const [before, rest, ...more] = readme.split(BEGIN)
const [, after, ...evenMore] = rest?.split(END) ?? []
if (after === undefined || more.length > 0 || evenMore.length > 0) {
  throw new Error(`README.md must have ${BEGIN} and ${END} once each, in this order`)
}
const tables = Object.values(results.workloads).map(table)
const text = [BEGIN, ...tables, caption(results), END].join('\n\n')
writeFileSync(README, before + text + after)
console.log('README.md has the numbers of bench/results/latest.json')
