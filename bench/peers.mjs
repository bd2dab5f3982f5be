/**
 * Makes everything ready that is measured: the packages of bench/package.json, the programs in
 * Rust, and for each kind of server the command that starts it, or the reason why there is none.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { newerGlibc } from './glibc.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const UWS = '@btc-vision/uwebsockets.js'
const NODE = [process.execPath, '--expose-gc']

/**
 * @typedef {object} Launcher how servers of one kind are started
 * @property {string[]} [command] what comes before the server's file, when it can be started
 * @property {string} [reason] why it cannot, otherwise
 * @property {string} [version] of what is measured
 */

/** Installs the packages, if they are not there as the lock file wants them. */
function installPackages() {
  const installed = join(HERE, 'node_modules', '.package-lock.json')
  const lock = join(HERE, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  console.log('installing the servers to compare with into bench/node_modules')
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts']
  const { error, status } = spawnSync('npm', args, { cwd: HERE, stdio: 'inherit' })
  if (error || status !== 0) throw new Error(`npm install in bench/ failed (${error ?? status})`)
}

/**
 * Builds a program of bench/.
 *
 * @param {string} name its folder
 * @returns {string} path of the program
 */
export function buildProgram(name) {
  const cargo = process.env.CARGO || 'cargo'
  const args = ['build', '--release', '--locked', '--quiet', '--message-format=json']
  args.push('--manifest-path', join(HERE, name, 'Cargo.toml'))
  const { status, error, stdout } = spawnSync(cargo, args, {
    // The project's own build folder is already ignored by git and by npm.
    env: { CARGO_TARGET_DIR: join(HERE, '..', 'target'), ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024
  })
  if (error?.code === 'ENOENT') {
    throw new Error(`cargo was not found: bench/${name} is built with Rust, see https://rustup.rs`)
  }
  if (status !== 0) throw new Error(`bench/${name} did not build (${error ?? status})`)
  const messages = stdout.trim().split('\n').map((line) => JSON.parse(line))
  return messages.find(({ executable }) => executable).executable
}

/**
 * The version of an installed package.
 *
 * @param {string} folder of its package.json
 * @returns {string} its version
 */
function versionIn(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
}

/**
 * Tries a command.
 *
 * @param {string[]} command program and arguments
 * @returns {{ ok: boolean, text: string }} whether it succeeded, and what it printed
 */
function attempt([program, ...args]) {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd: HERE,
    encoding: 'utf8',
    timeout: 30_000
  })
  return { ok: status === 0, text: error?.message ?? `${stdout}${stderr}`.trim() }
}

/**
 * uWebSockets.js in this Node; with a newer C library when the system's is too old for it.
 *
 * @returns {Launcher} how it is started
 */
function prepareUws() {
  const version = versionIn(join(HERE, 'node_modules', UWS))
  const test = ['-e', `require('${UWS}')`]
  const plain = attempt([...NODE, ...test])
  if (plain.ok) return { command: NODE, version }
  if (!/GLIBC/.test(plain.text)) return { reason: `it does not load: ${lastLine(plain.text)}` }
  try {
    const command = [...newerGlibc(), ...NODE]
    const { ok, text } = attempt([...command, ...test])
    return ok ? { command, version } : { reason: `it does not load: ${lastLine(text)}` }
  } catch (error) {
    return { reason: `it wants a newer C library, and ${error.message}` }
  }
}

/**
 * Bun, from the package with its binary.
 *
 * @returns {Launcher} how it is started
 */
function prepareBun() {
  const scope = join(HERE, 'node_modules', '@oven')
  const packages = existsSync(scope) ? readdirSync(scope) : []
  for (const name of packages) {
    const program = join(scope, name, 'bin', 'bun')
    const { ok, text } = attempt([program, '--version'])
    if (ok) return { command: [program], version: text }
  }
  return { reason: 'no package of Bun has a program for this machine' }
}

/**
 * The line of a message that says most.
 *
 * @param {string} text several lines
 * @returns {string} the first that names an error, or the last
 */
function lastLine(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return (lines.find((line) => line.includes('Error')) ?? lines.at(-1) ?? '').trim()
}

/** How each kind of server is made ready. */
const LAUNCHERS = {
  offloop: () => ({ command: NODE, version: versionIn(join(HERE, '..')) }),
  ws: () => {
    const ws = createRequire(import.meta.url).resolve('ws/package.json')
    return { command: NODE, version: versionIn(join(ws, '..')) }
  },
  uws: prepareUws,
  bun: prepareBun,
  floor: () => ({ command: [buildProgram('floor')] })
}

/**
 * Makes kinds of servers ready.
 *
 * @param {Iterable<string>} kinds of LAUNCHERS
 * @returns {Record<string, Launcher>} by kind
 */
export function prepare(kinds) {
  installPackages()
  return Object.fromEntries([...new Set(kinds)].map((kind) => [kind, LAUNCHERS[kind]()]))
}
