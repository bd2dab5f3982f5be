/** Fails when a Rust file has grown past what one purpose needs. */

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MOST_LINES = 400
const SOURCES = fileURLToPath(new URL('../src', import.meta.url))

const tooLong = readdirSync(SOURCES, { recursive: true })
  .filter((name) => name.endsWith('.rs'))
  .map((name) => ({ name, lines: readFileSync(join(SOURCES, name), 'utf8').split('\n').length - 1 }))
  .filter(({ lines }) => lines > MOST_LINES)

for (const { name, lines } of tooLong) {
  console.error(`src/${name}: ${lines} lines, ${MOST_LINES} are the most: move a wall`)
}
process.exitCode = tooLong.length === 0 ? 0 : 1
