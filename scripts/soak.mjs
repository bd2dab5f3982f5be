/**
 * `npm run soak`: a server under attack for as long as told, and healthy clients that watch it.
 *
 *   --minutes N         how long in all (default: 2)
 *   --driver shard      shard or stream; may be given several times (default: both, half the time each)
 *   --seed N            of the random numbers (default: 1)
 *
 * Linux only: it reads /proc. Ends with a table, and with status 1 if anything did not hold.
 */

import { parseArgs } from 'node:util'

import { judge, table } from '../soak/report.mjs'
import { soak } from '../soak/session.mjs'

/** Reads the options, soaks, and reports. */
async function main() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '2' },
      driver: { type: 'string', multiple: true, default: ['shard', 'stream'] },
      seed: { type: 'string', default: '1' }
    }
  })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('--minutes and --seed are numbers')
  const strange = values.driver.find((driver) => !['shard', 'stream'].includes(driver))
  if (strange) throw new Error(`no such driver: ${strange}`)
  if (process.platform !== 'linux') throw new Error('it reads /proc, so it runs on Linux only')

  const sessions = []
  for (const driver of values.driver) {
    const seconds = minutes * 60 / values.driver.length
    console.log(`\n${driver}: ${seconds.toFixed(0)} s`)
    sessions.push(judge(await soak({ driver, seconds, seed }, console.log)))
  }
  console.log(`\n${table(sessions)}\n`)
  for (const { driver, faults } of sessions) {
    for (const fault of faults) console.log(`FAILED  ${driver}: ${fault}`)
  }
  if (sessions.some(({ faults }) => faults.length > 0)) process.exitCode = 1
  else console.log('everything held')
}

main().catch((error) => {
  console.error(`soak: ${error.message}`)
  process.exitCode = 1
})
