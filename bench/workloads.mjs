/**
 * The workloads. Each is data: what the server is told, and how the load generator is called.
 */

/**
 * @typedef {object} Workload
 * @property {string} title what is done, for people
 * @property {'echo'|'deflate'|'broadcast'|'churn'} task what the server is for
 * @property {'echo'|'paced'|'broadcast'|'churn'|'idle'} mode of the load generator
 * @property {Record<string, string|number|boolean>} load its options
 * @property {boolean} [needsHttp] whether the server's HTTP route has a part in it
 * @property {boolean} [quick] whether `--quick` runs it
 */

const PING_PONG = { depth: 1, size: 64, kind: 'text' }

/**
 * Echo of short texts, one in flight.
 *
 * @param {number} connections how many
 * @param {number} warmup messages before the measured ones
 * @param {boolean} [quick] whether `--quick` runs it
 * @returns {Workload} the workload
 */
function pingPong(connections, warmup, quick = false) {
  const title = `${connections} connection${connections === 1 ? '' : 's'}, echo of 64 B texts`
  return { title, task: 'echo', mode: 'echo', load: { connections, ...PING_PONG, warmup }, quick }
}

/**
 * Echo of large messages, one in flight.
 *
 * @param {'text'|'binary'} kind of message
 * @param {number} kib size
 * @param {number} connections how many
 * @param {number} warmup messages before the measured ones
 * @param {boolean} [quick] whether `--quick` runs it
 * @returns {Workload} the workload
 */
function large(kind, kib, connections, warmup, quick = false) {
  const size = kib < 1024 ? `${kib} KiB` : `${kib / 1024} MiB`
  return {
    title: `${connections} connections, echo of ${size} ${kind}`,
    task: 'echo',
    mode: 'echo',
    load: { connections, depth: 1, size: kib * 1024, kind, warmup },
    quick
  }
}

/**
 * The same over TLS.
 *
 * @param {Workload} workload what is done over TCP alone
 * @returns {Workload} the workload
 */
function overTls(workload) {
  const load = { ...workload.load, tls: true }
  return { ...workload, title: `${workload.title}, over TLS`, load, quick: false }
}

/** @type {Record<string, Workload>} */
export const WORKLOADS = {
  'ping-pong-1': pingPong(1, 10_000, true),
  'ping-pong-4': pingPong(4, 20_000),
  'ping-pong-16': pingPong(16, 40_000),
  'ping-pong-64': pingPong(64, 40_000, true),
  'ping-pong-256': pingPong(256, 40_000),
  'ping-pong-1000': pingPong(1000, 40_000),
  'ping-pong-9000': pingPong(9000, 40_000),
  'in-flight-16': {
    title: '64 connections, echo of 64 B texts, 16 in flight on each',
    task: 'echo',
    mode: 'echo',
    load: { connections: 64, ...PING_PONG, depth: 16, warmup: 100_000 },
    quick: true
  },
  'binary-16k': large('binary', 16, 64, 8000, true),
  'binary-256k': large('binary', 256, 16, 1000),
  'binary-1m': large('binary', 1024, 8, 300),
  'text-16k': large('text', 16, 64, 8000),
  'text-256k': large('text', 256, 16, 1000),
  'text-1m': large('text', 1024, 8, 300, true),
  'tls-ping-pong-64': overTls(pingPong(64, 40_000)),
  'tls-in-flight-16': overTls({
    title: '64 connections, echo of 64 B texts, 16 in flight on each',
    task: 'echo',
    mode: 'echo',
    load: { connections: 64, ...PING_PONG, depth: 16, warmup: 100_000 }
  }),
  'tls-text-16k': overTls(large('text', 16, 64, 8000)),
  broadcast: {
    title: 'broadcast of a 64 B text to 1000 connections; a delivery is a message',
    task: 'broadcast',
    mode: 'broadcast',
    load: { connections: 1000, size: 64, kind: 'text', warmup: 100 },
    quick: true
  },
  deflate: {
    title: '64 connections, echo of 1 KiB JSON texts, permessage-deflate without context takeover',
    task: 'deflate',
    mode: 'echo',
    load: { connections: 64, depth: 1, size: 1024, kind: 'json', warmup: 10_000 },
    quick: true
  },
  'open-loop': {
    title: '64 connections, 20000 64 B texts a second in all, at a fixed rate',
    task: 'echo',
    mode: 'paced',
    load: { connections: 64, rate: 20_000, size: 64, kind: 'text', warmup: 1 }
  },
  mixed: {
    title: '1000 connections, 30000 64 B texts a second in all, and 1000 HTTP requests a second',
    task: 'echo',
    mode: 'paced',
    load: {
      connections: 1000,
      rate: 30_000,
      size: 64,
      kind: 'text',
      warmup: 1,
      'http-connections': 16,
      'http-rate': 1000
    },
    needsHttp: true,
    quick: true
  },
  'connect-close': {
    title: 'connect, opening and closing handshake, end; 32 at a time; a connection is a message',
    task: 'churn',
    mode: 'churn',
    load: { connections: 32, warmup: 2000 },
    quick: true
  },
  idle: {
    title: 'idle connections',
    task: 'echo',
    mode: 'idle',
    load: { connections: 9000 },
    quick: true
  }
}
