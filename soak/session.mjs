/**
 * A soak on one driver: a server, canaries and attackers, each a process. Quiet spells, in which there
 * are the canaries alone, take turns with attacks, so that both are measured on the same machine at
 * the same time of day. At the end of each quiet spell the server is looked at.
 */

import { fork } from 'node:child_process'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { countDescriptors, readCpu, readRss } from '../bench/process.mjs'

/** Attackers give way to the server and the canaries when the processor is short. */
const ATTACKERS_NICENESS = 10

/** How long what an attack leaves may take to go. */
const SETTLE_MS = 5000

/** How often the second server is restarted while it is attacked. */
const RESTART_EVERY_MS = 5000

/** The longest that a message of a canary may be under way at the end. */
const LATE_MS = 10_000

/** A process that carries out orders. */
class Worker {
  /**
   * @param {string} file beside this one
   * @param {object} [settings] for `fork`
   */
  constructor(file, settings = {}) {
    this.name = file
    this.process = fork(fileURLToPath(new URL(file, import.meta.url)), [], settings)
    this.number = 0
    this.waiting = new Map()
    this.hello = new Promise((resolve) => this.process.once('message', resolve))
    this.process.on('message', ({ number, result }) => this.waiting.get(number)?.resolve(result))
    this.ended = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => {
        this.end = signal ?? `code ${code}`
        for (const { reject } of this.waiting.values()) reject(new Error(`${file} ended with ${this.end}`))
        resolve()
      })
    })
  }

  /**
   * Has an order carried out.
   *
   * @param {string} order its name
   * @param {object} [given] what goes with it
   * @returns {Promise<*>} what came of it
   */
  async order(order, given) {
    if (this.end) throw new Error(`${this.name} ended with ${this.end}`)
    const number = ++this.number
    const result = new Promise((resolve, reject) => this.waiting.set(number, { resolve, reject }))
    this.process.send({ order, number, given })
    return result.finally(() => this.waiting.delete(number))
  }

  /** Ends it. */
  async stop() {
    if (this.process.connected) this.process.disconnect()
    await this.ended
  }
}

/**
 * What a session found.
 *
 * @typedef {object} Found
 * @property {string} driver which driver
 * @property {number} seconds how long it took
 * @property {object[]} looks at the server after each quiet spell
 * @property {object} attacks by name, how often and what went wrong
 * @property {object} canaries what they sent, got and missed
 * @property {number[]} quietMs latencies while nobody attacked
 * @property {number[]} attackedMs latencies under attack
 * @property {object} load cores used by server and attackers under attack
 */

/**
 * Runs a session.
 *
 * @param {object} plan
 * @param {string} plan.driver the driver
 * @param {number} plan.seconds how long
 * @param {number} plan.seed of the random numbers
 * @param {Function} say takes lines about the progress
 * @returns {Promise<Found>} what was found
 */
export async function soak({ driver, seconds, seed }, say) {
  const env = { ...process.env, OFFLOOP_DRIVER: driver, NODE_OPTIONS: '' }
  const server = new Worker('server.js', { env, execArgv: ['--expose-gc'] })
  const { ports } = await server.hello
  const canaries = new Worker('canaries.mjs')
  const attacker = new Worker('attacker.mjs')
  setPriority(attacker.process.pid, ATTACKERS_NICENESS)
  const found = { driver, seconds, looks: [], quietMs: [], attackedMs: [], load: { server: [], attackers: [] } }
  try {
    await canaries.order('start', ports)
    await spells({ server, canaries, attacker, ports, seconds, seed, found, say })
    found.attacks = await attacker.order('stop')
    found.canaries = await canaries.order('totals')
    found.canaries.late = found.canaries.oldestMs > LATE_MS
    found.server = await server.order('look')
  } finally {
    await Promise.all([canaries.stop(), attacker.stop()])
    await server.stop()
  }
  return found
}

/**
 * Quiet and attack in turns, for as long as planned.
 *
 * @param {object} session its processes and what they found
 */
async function spells({ server, canaries, attacker, ports, seconds, seed, found, say }) {
  const beginning = performance.now()
  const elapsed = () => (performance.now() - beginning) / 1000
  const roundSeconds = Math.min(40, seconds / 5)
  const order = { ports: [ports.stable, ports.restarted] }
  let baseline = Infinity
  await sleep(1000)
  for (let round = 0; elapsed() < seconds; round++) {
    await canaries.order('latencies')
    await sleep(roundSeconds * 250)
    found.quietMs.push(await canaries.order('latencies'))

    const { clients } = await server.order('look')
    const look = await settled(server, baseline)
    if (round === 0) baseline = look.descriptors
    found.looks.push({ ...look, at: elapsed(), clients })
    say(describeLook(found.looks.at(-1)))

    const before = cpuOf(server, attacker)
    await attacker.order('start', { ...order, seed: seed + round * 100 })
    const end = performance.now() + roundSeconds * 750
    await canaries.order('latencies')
    while (performance.now() < end) {
      await sleep(Math.min(RESTART_EVERY_MS, Math.max(0, end - performance.now())))
      await server.order('restart')
    }
    found.attackedMs.push(await canaries.order('latencies'))
    const after = cpuOf(server, attacker)
    found.load.server.push((after.server - before.server) / (after.at - before.at))
    found.load.attackers.push((after.attackers - before.attackers) / (after.at - before.at))
    await attacker.order('stop')
  }
  found.looks.push({ ...(await settled(server, baseline)), at: elapsed() })
}

/**
 * Looks at the server, after at most five seconds in which what was opened may be closed.
 *
 * @param {Worker} server the server
 * @param {number} baseline descriptors that it had at the start
 * @returns {Promise<object>} what it holds
 */
async function settled(server, baseline) {
  const { pid } = server.process
  const end = performance.now() + SETTLE_MS
  while (countDescriptors(pid) > baseline && performance.now() < end) await sleep(50)
  const counts = await server.order('look')
  return { descriptors: countDescriptors(pid), rss: readRss(pid), threads: readCpu(pid).threads.size, clients: counts.clients }
}

/**
 * @param {Worker} server the server
 * @param {Worker} attacker the attackers
 * @returns {object} seconds of processor time of both, and the time
 */
function cpuOf(server, attacker) {
  return {
    at: performance.now() / 1000,
    server: readCpu(server.process.pid).processNs / 1e9,
    attackers: readCpu(attacker.process.pid).processNs / 1e9
  }
}

/**
 * @param {object} look at the server
 * @returns {string} a line that tells of it
 */
function describeLook({ at, rss, descriptors, threads, clients }) {
  const mebibytes = (rss / 1024 / 1024).toFixed(1)
  return `${at.toFixed(0).padStart(5)} s  ${mebibytes} MiB, ${descriptors} descriptors, ${threads} threads, ${clients} clients`
}
