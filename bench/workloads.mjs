/**
 * The workloads, and how one sample of each is taken: a fresh server, a fresh load generator.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { LineChild } from './child.mjs'
import { countDescriptors, cpuBetween, readCpu, readRss } from './process.mjs'

/** Connections opened and closed before memory is first read, so that all code has run once. */
const IDLE_WARMUP_CONNECTIONS = 100

/** What a process needs descriptors for beside its connections, generously. */
export const SPARE_DESCRIPTORS = 200

/**
 * What is measured. `take` makes one sample: an object of numbers, one for each metric.
 */
export const WORKLOADS = {
  'ping-pong': {
    title: '64 connections, echo of 64 B texts, 1 in flight',
    take: (bench, server) => takeEcho(bench, server, PING_PONG)
  },
  'in-flight-16': {
    title: '64 connections, echo of 64 B texts, 16 in flight',
    take: (bench, server) => takeEcho(bench, server, { ...PING_PONG, depth: 16, warmup: 100_000 })
  },
  idle: {
    title: 'idle connections',
    take: takeIdle
  }
}

const PING_PONG = { connections: 64, depth: 1, size: 64, kind: 'text', warmup: 40_000 }

/** What the metrics are called in the table, and with how many digits they are shown. */
export const METRICS = {
  cpuAllUs: { label: 'CPU all, us/msg', digits: 2 },
  cpuJsUs: { label: 'CPU JS, us/msg', digits: 2 },
  messagesPerSecond: { label: 'messages/s', digits: 0 },
  p50Us: { label: 'p50 us', digits: 0 },
  p99Us: { label: 'p99 us', digits: 0 },
  p999Us: { label: 'p99.9 us', digits: 0 },
  connections: { label: 'connections', digits: 0 },
  rssFoundKib: { label: 'RSS as found, KiB/conn', digits: 2 },
  rssCollectedKib: { label: 'RSS after GC, KiB/conn', digits: 2 },
  descriptors: { label: 'descriptors/conn', digits: 3 }
}

/**
 * @typedef {object} Bench what is the same for all samples
 * @property {string} load path of the load generator
 * @property {number} seconds length of a measured part
 * @property {number} idleConnections how many to hold
 * @property {number|undefined} serverCore where the server runs, undefined for anywhere
 * @property {number|undefined} loadCore where the load generator runs
 */

/**
 * Starts a server for one sample and ends it afterwards.
 *
 * @param {Bench} bench settings
 * @param {string} name a file in servers/
 * @param {(child: LineChild, greeting: { port: number, pid: number }) => Promise<object>} use
 *   takes the sample
 * @returns {Promise<object>} the sample
 */
async function withServer(bench, name, use) {
  const file = fileURLToPath(new URL(`servers/${name}.js`, import.meta.url))
  const command = [process.execPath, '--expose-gc', file]
  const child = new LineChild(`the ${name} server`, command, bench.serverCore)
  try {
    return await use(child, await child.read())
  } finally {
    await child.stop()
  }
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
 * Echo: CPU time a message, rate and latency.
 *
 * @param {Bench} bench settings
 * @param {string} name the server
 * @param {object} workload the load generator's options
 * @returns {Promise<object>} one sample
 */
function takeEcho(bench, name, { connections, depth, size, kind, warmup }) {
  return withServer(bench, name, (_, { port, pid }) => {
    const args = ['echo', '--server', `127.0.0.1:${port}`, '--connections', String(connections)]
    args.push('--depth', String(depth), '--size', String(size), '--kind', kind)
    args.push('--warmup', String(warmup), '--seconds', String(bench.seconds))
    return withLoad(bench, args, async (load) => {
      const before = readCpu(pid)
      load.write('go')
      const { messages, seconds, latencyUs } = await load.read()
      const { allNs, mainNs, threadsEnded } = cpuBetween(pid, before, readCpu(pid))
      return {
        cpuAllUs: allNs / 1000 / messages,
        cpuJsUs: mainNs / 1000 / messages,
        messagesPerSecond: messages / seconds,
        p50Us: latencyUs.p50,
        p99Us: latencyUs.p99,
        p999Us: latencyUs.p999,
        messages,
        threadsEnded
      }
    })
  })
}

/**
 * Idle connections: memory and descriptors each.
 *
 * @param {Bench} bench settings
 * @param {string} name the server
 * @returns {Promise<object>} one sample
 */
function takeIdle(bench, name) {
  return withServer(bench, name, async (server, { port, pid }) => {
    await holdIdle(bench, port, IDLE_WARMUP_CONNECTIONS, () => {})
    const descriptorsBefore = await settledDescriptors(pid)
    await collect(server)
    const rssBefore = readRss(pid)
    const connections = bench.idleConnections
    return holdIdle(bench, port, connections, async () => {
      await sleep(1000)
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
  const args = ['idle', '--server', `127.0.0.1:${port}`, '--connections', String(connections)]
  return withLoad(bench, args, async (load) => {
    const result = await use()
    load.endInput()
    await load.read()
    return result
  })
}

/**
 * Makes a server collect its garbage, and lets the allocator settle.
 *
 * @param {LineChild} server a server started with --expose-gc
 * @returns {Promise<void>} settles when it has
 */
async function collect(server) {
  server.write('gc')
  await server.read()
  await sleep(300)
}
