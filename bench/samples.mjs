/**
 * How one sample is taken: a fresh server, a fresh load generator, and what the kernel says about
 * both of them in between.
 */

import { setTimeout as sleep } from 'node:timers/promises'

import { LineChild } from './child.mjs'
import { busyNs, countDescriptors, cpuBetween, readCpu, readRss } from './process.mjs'
import { SERVERS, withServer } from './servers.mjs'

/** Connections opened and closed before memory is first read, so that all code has run once. */
const IDLE_WARMUP_CONNECTIONS = 100

/**
 * How long connections are idle before memory is read, in milliseconds. V8 looks every 8 seconds whether
 * it can give memory back, and has done so 24 seconds after the last connection came.
 */
const IDLE_MS = 30_000

/** How long the load generator may take beyond the measured time, for what is still in flight. */
const PATIENCE_MS = 60_000

/**
 * @typedef {object} Bench what is the same for all samples
 * @property {string} load path of the load generator
 * @property {Record<string, import('./peers.mjs').Launcher>} launchers how servers are started
 * @property {number} seconds length of a measured part
 * @property {number|undefined} connectionLimit the most that this machine allows
 * @property {number|undefined} serverCore where the server runs, undefined for anywhere
 * @property {number|undefined} loadCore where the load generator runs
 */

/**
 * Takes one sample.
 *
 * @param {Bench} bench settings
 * @param {string} name the server
 * @param {import('./workloads.mjs').Workload} workload what to do
 * @returns {Promise<Record<string, number>>} numbers by metric, and some about the sample itself
 */
export function takeSample(bench, name, workload) {
  const limited = limitConnections(workload, bench.connectionLimit)
  return workload.mode === 'idle' ? takeIdle(bench, name, limited) : takeLoad(bench, name, limited)
}

/**
 * Makes a workload fit this machine.
 *
 * @param {import('./workloads.mjs').Workload} workload as it is meant
 * @param {number} limit most connections
 * @returns {import('./workloads.mjs').Workload} the same, or with fewer connections
 */
function limitConnections(workload, limit) {
  if (workload.load.connections <= limit) return workload
  return { ...workload, load: { ...workload.load, connections: limit } }
}

/**
 * Starts the load generator, waits until its connections are ready, and ends it afterwards.
 *
 * @param {Bench} bench settings
 * @param {string[]} args its mode and options
 * @param {(child: LineChild) => Promise<object>} use what to do when it is ready
 * @returns {Promise<object>} what `use` returned
 */
async function withLoad(bench, args, use) {
  const child = new LineChild('the load generator', [bench.load, ...args], bench.loadCore)
  try {
    await child.read()
    return await use(child)
  } finally {
    await child.stop()
  }
}

/**
 * The load generator's arguments.
 *
 * @param {string} mode first word
 * @param {number} port of the server
 * @param {Record<string, string|number>} options the others
 * @returns {string[]} all of them
 */
function loadArguments(mode, port, options) {
  const pairs = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  return [mode, '--server', `127.0.0.1:${port}`, ...pairs]
}

/**
 * Messages: CPU time each, rate and latencies.
 *
 * @param {Bench} bench settings
 * @param {string} name the server
 * @param {import('./workloads.mjs').Workload} workload what to do
 * @returns {Promise<Record<string, number>>} one sample
 */
function takeLoad(bench, name, { task, mode, load: options }) {
  // The bare loop has one thread, and it runs no JavaScript.
  const runsJavaScript = SERVERS[name].kind !== 'floor'
  const watchesDelay = mode === 'paced' && runsJavaScript
  return withServer(bench, name, { task, tls: options.tls }, (server, { port, pid }) => {
    const args = loadArguments(mode, port, { ...options, seconds: bench.seconds })
    return withLoad(bench, args, async (load) => {
      if (watchesDelay) server.write('delay')
      const machine = busyNs()
      const [before, loadBefore] = [readCpu(pid), readCpu(load.process.pid)]
      load.write('go')
      const report = await load.read(bench.seconds * 1000 + PATIENCE_MS)
      const [after, loadAfter] = [readCpu(pid), readCpu(load.process.pid)]
      const othersNs = busyNs() - machine
      if (watchesDelay) server.write('delays')
      const delays = watchesDelay ? await server.read() : undefined
      const { allNs, mainNs, threadsEnded } = cpuBetween(pid, before, after)
      const loadNs = cpuBetween(load.process.pid, loadBefore, loadAfter).allNs
      return {
        cpuAllUs: allNs / 1000 / report.messages,
        ...(runsJavaScript && { cpuJsUs: mainNs / 1000 / report.messages }),
        ...readReport(report),
        ...(delays && { delayP50Us: delays.p50Us, delayP99Us: delays.p99Us }),
        messages: report.messages,
        threadsEnded,
        loadCores: loadNs / 1e9 / report.seconds,
        otherCores: Math.max(0, othersNs - allNs - loadNs) / 1e9 / report.seconds
      }
    })
  })
}

/**
 * What the load generator has seen.
 *
 * @param {object} report its last line
 * @returns {Record<string, number>} by metric
 */
function readReport({ messages, seconds, latencyUs, httpLatencyUs }) {
  return {
    messagesPerSecond: messages / seconds,
    p50Us: latencyUs.p50,
    p99Us: latencyUs.p99,
    p999Us: latencyUs.p999,
    ...(httpLatencyUs && {
      httpP50Us: httpLatencyUs.p50,
      httpP99Us: httpLatencyUs.p99,
      httpP999Us: httpLatencyUs.p999
    })
  }
}

/**
 * Idle connections: memory and descriptors each.
 *
 * @param {Bench} bench settings
 * @param {string} name the server
 * @param {import('./workloads.mjs').Workload} workload how many connections
 * @returns {Promise<Record<string, number>>} one sample
 */
function takeIdle(bench, name, { task, load: { connections } }) {
  return withServer(bench, name, { task }, async (server, { port, pid }) => {
    await holdIdle(bench, port, IDLE_WARMUP_CONNECTIONS, () => {})
    const descriptorsBefore = await settledDescriptors(pid)
    await collect(server)
    const rssBefore = readRss(pid)
    return holdIdle(bench, port, connections, async () => {
      await sleep(IDLE_MS)
      const rssFound = readRss(pid)
      await collect(server)
      return {
        connections,
        rssFoundKib: (rssFound - rssBefore) / 1024 / connections,
        rssCollectedKib: (readRss(pid) - rssBefore) / 1024 / connections,
        descriptors: (countDescriptors(pid) - descriptorsBefore) / connections
      }
    })
  })
}

/**
 * Waits until a server has closed all that it is going to close. What it opened once and keeps (the
 * descriptors of its threads) stays, so there is no number to wait for, only an end of the change.
 *
 * @param {number} pid the server
 * @returns {Promise<number>} its descriptors, unchanged for half a second
 */
async function settledDescriptors(pid) {
  let count = countDescriptors(pid)
  for (let unchanged = 0; unchanged < 10; unchanged += 1) {
    await sleep(50)
    const now = countDescriptors(pid)
    if (now !== count) unchanged = -1
    count = now
  }
  return count
}

/**
 * Opens idle connections, and checks at the end that all of them lived.
 *
 * @param {Bench} bench settings
 * @param {number} port of the server
 * @param {number} connections how many
 * @param {() => Promise<object>|void} use what to do while they are open
 * @returns {Promise<object>} what `use` returned
 */
function holdIdle(bench, port, connections, use) {
  return withLoad(bench, loadArguments('idle', port, { connections }), async (load) => {
    const result = await use()
    load.endInput()
    await load.read()
    return result
  })
}

/**
 * Makes a server collect its garbage, and lets the allocator settle.
 *
 * @param {LineChild} server a server that was told so far only its task
 * @returns {Promise<void>} settles when it has
 */
async function collect(server) {
  server.write('gc')
  await server.read()
  await sleep(300)
}
