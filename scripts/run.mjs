/**
 * The project's commands: `npm start`, `npm test` and the like. Each makes a fresh checkout ready
 * first: checks the tools, installs the packages, builds the addon.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OLDEST_NODE = 20
const OLDEST_RUST = '1.88'

/** offloop's types, and programs written for ws: against the types of ws, which proves them, and ours. */
const TYPE_TESTS = ['tsconfig.json', 'drop-in/tsconfig.json', 'drop-in/tsconfig.commonjs.json', 'drop-in/tsconfig.esm.json']

/** What each command runs once everything is ready. */
const COMMANDS = {
  start: [['node', 'examples/chat/server.js']],
  lint: [
    ['cargo', 'fmt', '--all', '--check'],
    ['cargo', 'clippy', '--workspace', '--lib', '--tests', '--examples', '--', '-D', 'warnings'],
    ['node', 'node_modules/eslint/bin/eslint.js', '.'],
    ...TYPE_TESTS.map((project) => ['node', 'node_modules/typescript/bin/tsc', '-p', `__test__/types/${project}`]),
    ['node', 'scripts/sizes.mjs']
  ],
  test: [
    ['cargo', 'test', '--workspace', '--quiet'],
    ['node', 'scripts/jest.mjs']
  ],
  bench: [['node', 'scripts/bench.mjs']],
  soak: [['node', 'scripts/soak.mjs']],
  conformance: [['node', 'scripts/conformance.mjs']],
  fuzz: [['node', 'scripts/fuzz.mjs']]
}
COMMANDS.test.unshift(...COMMANDS.lint)

/** The folders, from the root, whose packages a command needs besides those of the root. */
const PACKAGES = { test: ['__test__/frameworks'] }

/**
 * Ends with a message instead of a stack.
 *
 * @param {string} message What is wrong, and what to do
 */
function fail(message) {
  console.error(`offloop: ${message}`)
  process.exit(1)
}

/**
 * Runs a program; ends if it fails.
 *
 * @param {string} program The program
 * @param {string[]} args Its arguments
 * @param {string} [cwd] Where [the root]
 */
function run(program, args, cwd = ROOT) {
  const shell = process.platform === 'win32' && program === 'npm'
  const { error, signal, status } = spawnSync(program, args, { cwd, shell, stdio: 'inherit' })
  if (error) fail(`${program} cannot be run: ${error.message}`)
  if (status !== 0) fail(`${program} ${args.join(' ')} failed (${signal ?? status})`)
}

/** Checks that Node and Rust are there, and new enough. */
function checkTools() {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    fail(`Node.js ${OLDEST_NODE} or newer is needed, this is ${process.version}: https://nodejs.org`)
  }
  const { error, stdout } = spawnSync('cargo', ['--version'], { encoding: 'utf8' })
  if (error) fail(`Rust ${OLDEST_RUST} or newer is needed to build the addon: https://rustup.rs`)
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? []
  const [oldestMajor, oldestMinor] = OLDEST_RUST.split('.').map(Number)
  if (Number(major) === oldestMajor && Number(minor) < oldestMinor) {
    fail(`Rust ${OLDEST_RUST} or newer is needed, this is ${stdout.trim()}: run 'rustup update'`)
  }
}

/**
 * Installs the packages of a folder, if they are not there as its lock file wants them.
 *
 * @param {string} folder
 */
function install(folder) {
  const installed = join(folder, 'node_modules', '.package-lock.json')
  const lock = join(folder, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  // Not `npm ci`: it wants the optional packages of every platform in the lock file, where npm puts
  // those of the platform on which the file was written.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'], folder)
}

const [command, ...rest] = process.argv.slice(2)
const steps = COMMANDS[command]
if (steps === undefined) fail(`no such command: ${command} (${Object.keys(COMMANDS).join(', ')})`)
checkTools()
for (const folder of ['', ...PACKAGES[command] ?? []]) install(join(ROOT, folder))
run('npm', ['run', '--silent', 'build'])
for (const [index, [program, ...args]] of steps.entries()) {
  run(program, index === steps.length - 1 ? [...args, ...rest] : args)
}
