/**
 * The benchmark's command line.
 */

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { SERVERS } from './servers.mjs'
import { WORKLOADS } from './workloads.mjs'

const RESULTS = fileURLToPath(new URL('results/latest.json', import.meta.url))

export const USAGE = `npm run bench [-- OPTIONS]
  --quick                 2 rounds of 1 second, of the workloads that say most
  --rounds N              rounds [5]
  --seconds S             measured part of a sample [3]
  --servers LIST          [all] of
                          ${list(Object.keys(SERVERS))}
  --workloads LIST        [all] of
                          ${list(Object.keys(WORKLOADS))}
  --out FILE              where the results go [bench/results/latest.json]
  --help`

/**
 * @typedef {object} Options
 * @property {number} rounds how often each server runs each workload
 * @property {number} seconds length of a measured part
 * @property {string[]} servers which ones
 * @property {string[]} workloads which ones
 * @property {string} out file for the results
 */

/**
 * Names in lines of the usage text.
 *
 * @param {string[]} names what to list
 * @returns {string} a few names a line
 */
function list(names) {
  const lines = ['']
  for (const name of names) {
    const line = lines.at(-1) + (lines.at(-1) === '' ? '' : ',') + name
    if (line.length > 68) lines.push(name)
    else lines.splice(-1, 1, line)
  }
  return lines.join(`,\n${' '.repeat(26)}`)
}

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
      out: string
    }
  })
  if (values.help) return undefined
  const all = Object.keys(WORKLOADS)
  const workloads = values.quick ? all.filter((name) => WORKLOADS[name].quick) : all
  return {
    rounds: positive('rounds', values.rounds ?? (values.quick ? 2 : 5)),
    seconds: positive('seconds', values.seconds ?? (values.quick ? 1 : 3)),
    servers: chosen('servers', values.servers, Object.keys(SERVERS)),
    workloads: values.workloads ? chosen('workloads', values.workloads, all) : workloads,
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
 * @param {string|undefined} text names with commas between, undefined for all
 * @param {string[]} known all names
 * @returns {string[]} the chosen ones
 */
function chosen(name, text, known) {
  const names = text?.split(',') ?? known
  const unknown = names.find((one) => !known.includes(one))
  if (unknown !== undefined) throw new Error(`--${name}: unknown "${unknown}"\n${USAGE}`)
  return names
}
