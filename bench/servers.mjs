/**
 * The servers that can be measured, and how each is started.
 */

import { fileURLToPath } from 'node:url'

import { LineChild } from './child.mjs'

/**
 * @typedef {object} Server
 * @property {string} title how people call it
 * @property {string} kind how it is made ready, see peers.mjs
 * @property {string} [file] in servers/; a program without one is the server itself
 * @property {boolean} [tls] whether it can speak TLS here
 * @property {string[]} [tasks] the only tasks it is for [all]
 * @property {object} [task] what it is told beside its task
 */

/** @type {Record<string, Server>} */
export const SERVERS = {
  offloop: { title: 'offloop', kind: 'offloop', file: 'offloop.js', tls: true },
  'offloop-server': {
    title: 'offloop, WebSocketServer',
    kind: 'offloop',
    file: 'offloop-server.js',
    tls: true
  },
  ws: { title: 'ws', kind: 'ws', file: 'ws.js', tls: true },
  'ws-level-2': {
    title: 'ws, level 2',
    kind: 'ws',
    file: 'ws.js',
    tasks: ['deflate'],
    task: { level: 2 }
  },
  uws: { title: 'uWebSockets.js', kind: 'uws', file: 'uws.js' },
  bun: { title: 'Bun', kind: 'bun', file: 'bun.js' },
  node: { title: 'bare node:http', kind: 'ws', file: 'node.js', tasks: ['churn'] },
  floor: { title: 'bare epoll loop', kind: 'floor', tasks: ['echo', 'broadcast', 'churn'] }
}

/**
 * Whether a server has a part in a workload.
 *
 * @param {string} name of the server
 * @param {import('./workloads.mjs').Workload} workload what is to be measured
 * @returns {boolean} whether it runs
 */
export function takesPart(name, { task, load, needsHttp }) {
  const { tasks, kind, tls } = SERVERS[name]
  if (load.tls && !tls) return false
  return (tasks?.includes(task) ?? true) && !(needsHttp && kind === 'floor')
}

/**
 * Starts a server for one sample and ends it afterwards.
 *
 * @param {import('./samples.mjs').Bench} bench settings
 * @param {string} name of the server
 * @param {object} task what it is for, see servers/control.js
 * @param {(child: LineChild, greeting: { port: number, pid: number }) => Promise<object>} use
 *   takes the sample
 * @returns {Promise<object>} the sample
 */
export async function withServer(bench, name, task, use) {
  const server = SERVERS[name]
  const { command } = bench.launchers[server.kind]
  const file = server.file ? [fileURLToPath(new URL(`servers/${server.file}`, import.meta.url))] : []
  const argument = JSON.stringify({ ...task, ...server.task })
  const child = new LineChild(`the ${name} server`, [...command, ...file, argument], bench.serverCore)
  try {
    return await use(child, await child.read())
  } finally {
    await child.stop()
  }
}
