/**
 * `npm run bench`: runs the benchmark of bench/run.mjs, which installs and builds what it needs.
 */

import { readOptions, USAGE } from '../bench/options.mjs'
import { run } from '../bench/run.mjs'

/** Checks what the benchmark needs, and runs it. */
async function main() {
  const options = readOptions(process.argv.slice(2))
  if (!options) {
    console.log(USAGE)
    return
  }
  if (process.platform !== 'linux') {
    throw new Error('the benchmark reads CPU time and memory from /proc: it runs on Linux only')
  }
  await run(options)
}

main().catch((error) => {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
})
