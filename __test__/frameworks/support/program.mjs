// What the programs in ../programs share.

import { once } from 'node:events'
import fs from 'node:fs'
import process from 'node:process'

const implementationName = process.env.OFFLOOP_TEST_IMPLEMENTATION === 'ws' ? 'ws' : 'offloop'
const implementation = await import(implementationName === 'ws' ? 'ws' : '../../../index.mjs')

/** The classes under test, for frameworks that let their user choose. */
export const { WebSocket, WebSocketServer } = implementation

/** What the test passed. */
export const settings = JSON.parse(process.env.FRAMEWORK_SETTINGS)

/**
 * Tells the test something.
 *
 * @param {*} value what JSON can carry
 */
export function report(value) {
  fs.writeSync(1, `${JSON.stringify(value)}\n`)
}

/**
 * Tells the test what a connection is made of.
 *
 * @param {object} webSocket what the framework has for it
 */
export function reportConnection(webSocket) {
  const known = webSocket instanceof WebSocket
  report({
    implementation: known ? implementationName : 'another',
    ...(known && implementationName === 'offloop' && { driver: webSocket._driver.isStream ? 'stream' : 'shard' })
  })
}

/**
 * Tells the test that the server listens, and closes everything when the test wants it.
 *
 * @param {number} port where it listens
 * @param {Function} close closes everything, so that the process ends
 */
export function ready(port, close) {
  process.once('SIGTERM', close)
  report({ port })
}

/**
 * Has a server listen on a free port of 127.0.0.1.
 *
 * @param {import('node:http').Server} server
 * @param {Function} close closes everything, so that the process ends
 * @returns {Promise<void>}
 */
export async function listen(server, close) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ready(server.address().port, close)
}
