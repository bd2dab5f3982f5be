/**
 * Puts the last benchmark's numbers into README.md and docs/performance.md: the text between the
 * two marks is written anew from bench/results/latest.json. To be run after `npm run bench`.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { caption, fullTables, goalsTable, readmeTables } from '../bench/tables.mjs'

const RESULTS = fileURLToPath(new URL('../bench/results/latest.json', import.meta.url))
const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/**
 * Replaces what stands between the marks of a file.
 *
 * @param {string} name of the file, from the project's folder
 * @param {string[]} blocks of Markdown
 */
function fill(name, blocks) {
  const file = fileURLToPath(new URL(`../${name}`, import.meta.url))
  const [before, rest, ...more] = readFileSync(file, 'utf8').split(BEGIN)
  const [, after, ...evenMore] = rest?.split(END) ?? []
  if (after === undefined || more.length > 0 || evenMore.length > 0) {
    throw new Error(`${name} must have ${BEGIN} and ${END} once each, in this order`)
  }
  writeFileSync(file, before + [BEGIN, ...blocks, END].join('\n\n') + after)
  console.log(`${name} has the numbers of bench/results/latest.json`)
}

const results = JSON.parse(readFileSync(RESULTS, 'utf8'))
fill('README.md', [...readmeTables(results), caption(results)])
fill('docs/performance.md', [caption(results), goalsTable(results), ...fullTables(results)])
