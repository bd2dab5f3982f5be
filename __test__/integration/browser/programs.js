'use strict'

// Programs of the examples folder, run as their users run them: in a process of their own.

const { spawn } = require('child_process')
const { once } = require('events')
const path = require('path')

const { defer } = require('../../support/cleanup')

const EXAMPLES = path.join(__dirname, '..', '..', '..', 'examples')

/**
 * Starts an example and waits until it says where it listens.
 *
 * @param {string} name its path below examples/
 * @param {object} [env] environment variables on top of ours [a free port]
 * @returns {Promise<{child: import('child_process').ChildProcess, port: number, url: string, exited: Promise<Array>}>}
 *   `exited` resolves to the exit code and the signal
 */
async function startExample (name, env = {}) {
  const child = spawn(process.execPath, [path.join(EXAMPLES, name)], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const exited = once(child, 'exit')
  defer(() => {
    child.kill('SIGKILL')
    return exited
  })
  let output = ''
  const listening = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
        const found = /http:\/\/localhost:(\d+)/.exec(output)
        if (found) resolve(Number(found[1]))
      })
    }
  })
  const port = await Promise.race([
    listening,
    exited.then(([code, signal]) => { throw new Error(`${name} ended with ${signal ?? code}:\n${output}`) })
  ])
  return { child, port, url: `http://127.0.0.1:${port}/`, exited }
}

module.exports = { startExample }
