/**
 * The process of those that attack. Lanes run beside each other; in each, one attack follows the
 * other, with a pause of half of what the attack has taken: so on two cores that are shared with
 * the server and the canaries there is something left to measure.
 */

import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

import random from '../__test__/support/random.js'
import { ATTACKS } from './attacks.mjs'

const { Random } = random

/** Attacks that run at once. */
const LANES = 8

/** The shortest pause between two attacks of a lane. */
const PAUSE_MS = 20

/** What the attacks have done: by name, how often, and what went wrong. */
const done = Object.fromEntries(Object.keys(ATTACKS).map((name) => [name, { times: 0, faults: [] }]))

let isAttacking = false
let running = Promise.resolve()

/**
 * Attacks until it is told to stop.
 *
 * @param {number[]} ports of the servers
 * @param {Random} numbers of this lane
 * @returns {Promise<void>} settles when the last attack is over
 */
async function lane(ports, numbers) {
  while (isAttacking) {
    const name = numbers.pick(Object.keys(ATTACKS))
    // The server that is restarted may end anything: what goes wrong there is no fault.
    const port = numbers.below(4) === 0 ? ports[1] : ports[0]
    const before = performance.now()
    const fault = await ATTACKS[name](port, numbers)
    done[name].times++
    if (fault && port === ports[0]) done[name].faults.push(fault)
    await sleep(Math.max(PAUSE_MS, (performance.now() - before) / 2))
  }
}

const orders = {
  start({ ports, seed }) {
    isAttacking = true
    running = Promise.all(Array.from({ length: LANES }, (_, i) => lane(ports, new Random(seed + i + 1))))
    return {}
  },
  async stop() {
    isAttacking = false
    await running
    return done
  }
}

process.on('message', async ({ order, number, given }) => {
  process.send({ number, result: await orders[order](given) })
})
process.on('disconnect', () => process.exit())
