/**
 * `npm run bench`: builds the load generator and runs the benchmark of bench/run.mjs.
 */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { readOptions, run, USAGE } from '../bench/run.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * Builds the load generator.
 *
 * @returns {string} path of the program
 */
function buildLoad() {
  const cargo = process.env.CARGO || 'cargo'
  const manifest = join(ROOT, 'bench', 'load', 'Cargo.toml')
  const args = ['build', '--release', '--locked', '--quiet', '--message-format=json']
  const { status, error, stdout } = spawnSync(cargo, [...args, '--manifest-path', manifest], {
    // The project's own build folder is already ignored by git and by npm.
    env: { CARGO_TARGET_DIR: join(ROOT, 'target'), ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024
  })
  if (error?.code === 'ENOENT') {
    throw new Error(
      'cargo was not found: the load generator is built with Rust, see https://rustup.rs'
    )
  }
  if (status !== 0) throw new Error(`the load generator did not build (${error ?? status})`)
  const messages = stdout.trim().split('\n').map((line) => JSON.parse(line))
  return messages.find(({ executable }) => executable).executable
}

/** Checks what the benchmark needs, builds and runs. */
async function main() {
  const options = readOptions(process.argv.slice(2))
  if (!options) {
    console.log(USAGE)
    return
  }
  if (process.platform !== 'linux') {
    throw new Error('the benchmark reads CPU time and memory from /proc: it runs on Linux only')
  }
  await run(buildLoad(), options)
}

main().catch((error) => {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
})
