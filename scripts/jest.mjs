// Runs Jest: the unit tests once, then everything that needs the addon, on one driver after the
// other. Arguments go through to Jest: `npm run jest -- closing -t "1006"`.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const jest = path.join(path.dirname(createRequire(import.meta.url).resolve('jest/package.json')), 'bin/jest.js')

// A shard takes over descriptors, which Windows sockets do not have.
const DRIVERS = process.platform === 'win32' ? ['stream'] : ['shard', 'stream']

const WITH_ADDON = [
  { what: 'integration, parity and robustness', folders: ['integration', 'parity', 'robustness'] },
  { what: 'frameworks', folders: ['frameworks'] }
]

const RUNS = [
  { heading: 'unit tests', folders: ['unit'], env: {} },
  ...DRIVERS.flatMap((driver) => WITH_ADDON.map(({ what, folders }) => ({
    heading: `${what} on the ${driver} driver`,
    folders,
    env: { OFFLOOP_DRIVER: driver }
  })))
]

/**
 * Runs Jest once.
 *
 * @param {{heading: string, folders: string[], env: object}} run
 * @param {string[]} args given to Jest
 * @returns {boolean} whether it passed
 */
function passes({ heading, folders, env }, args) {
  console.log(`\n=== Jest: ${heading} ===`)
  const roots = folders.map((folder) => path.join('__test__', folder)).filter((folder) => existsSync(path.join(root, folder)))
  // A filter that fits the tests of one run only is no failure of the others.
  const passThrough = args.length > 0 ? ['--passWithNoTests', ...args] : []
  // Last, since Jest takes every word behind --roots for one more of them.
  const { status } = spawnSync(process.execPath, [jest, ...passThrough, '--roots', ...roots], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit'
  })
  return status === 0
}

const results = RUNS.map((run) => ({ ...run, passed: passes(run, process.argv.slice(2)) }))
console.log()
for (const { heading, passed } of results) console.log(`${passed ? 'passed' : 'FAILED'}  ${heading}`)
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1
