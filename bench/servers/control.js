'use strict'

/**
 * What every benchmark server does beside echoing: it says where it listens, collects garbage when
 * asked to, and ends with the script that started it. The words go over standard input and output,
 * so that a server in any language can join.
 *
 *   out  {"port":12345,"pid":678}   once, when it listens
 *   in   gc                         a forced collection (node --expose-gc)
 *   out  {"collected":true}
 *   in   (end)                      the server exits
 */

const { createInterface } = require('node:readline')

/**
 * Prints one line for the script.
 *
 * @param {object} message what to say
 */
function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/**
 * Listens on a free port and obeys the script from then on.
 *
 * @param {import('node:http').Server} server the server to start
 */
function serve(server) {
  server.listen(0, '127.0.0.1', () => say({ port: server.address().port, pid: process.pid }))
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    if (line !== 'gc') throw new Error(`unknown command "${line}"`)
    globalThis.gc()
    say({ collected: true })
  })
  lines.on('close', () => process.exit(0))
}

module.exports = { serve }
