'use strict'

// Programs that a test runs in a process of their own, to see how that process ends.

const { spawn } = require('child_process')
const path = require('path')

const { defer } = require('./cleanup')

const KIT = path.join(__dirname, 'child-kit.js')

/**
 * Runs a function in a new process. It cannot see anything of the test around it.
 *
 * @param {Function} program given the kit of child-kit.js and the arguments
 * @param {object} [options]
 * @param {Array} [options.args] what JSON can carry
 * @param {string[]} [options.execArgv] options of node
 * @param {object} [options.env] more environment variables
 * @param {number} [options.descriptors] how many it may have open [as many as we]
 * @returns {Child}
 */
function runProgram(program, { args = [], execArgv = [], env = {}, descriptors } = {}) {
  const call = [`require(${JSON.stringify(KIT)})`, ...args.map((arg) => JSON.stringify(arg))].join(', ')
  const source = `'use strict'; (${program})(${call})`
  const command = [process.execPath, ...execArgv, '-e', source]
  // Both limits: Node raises the soft one to the hard one at its start.
  if (descriptors) command.unshift('sh', '-c', `ulimit -n ${descriptors}; exec "$0" "$@"`)
  return new Child(spawn(command[0], command.slice(1), {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  }))
}

class Child {
  /**
   * @param {import('child_process').ChildProcess} child
   */
  constructor(child) {
    this.process = child
    this.reports = []
    this.stderr = ''
    this.unfinished = ''
    this.wake = () => {}
    this.ended = false
    child.stdout.setEncoding('utf8').on('data', (chunk) => this.take(chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk) => { this.stderr += chunk })
    this.exit = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.ended = true
        this.wake()
        resolve({ code, signal })
      })
    })
    defer(async () => {
      child.kill('SIGKILL')
      await this.exit
    })
  }

  /**
   * Splits what the program said into reports, one a line.
   *
   * @param {string} chunk
   */
  take(chunk) {
    const lines = (this.unfinished + chunk).split('\n')
    this.unfinished = lines.pop()
    for (const line of lines) this.reports.push(JSON.parse(line))
    this.wake()
  }

  /**
   * Waits for the program's next report.
   *
   * @returns {Promise<*>} what it gave to `report()`; rejects when it ends without
   */
  async report() {
    while (this.reports.length === 0) {
      if (this.ended) throw new Error(`the program ended without a report; it wrote: ${this.stderr}`)
      await new Promise((resolve) => { this.wake = resolve })
    }
    return this.reports.shift()
  }

  /**
   * Waits for the end of the program and shows what it wrote if that is not the one expected.
   *
   * @param {object} expected `{ code, signal }`
   * @returns {Promise<void>}
   */
  async expectExit(expected) {
    const exit = await this.exit
    expect({ ...exit, stderr: this.stderr }).toEqual({ ...expected, stderr: expect.any(String) })
    if (expected.code === 0) expect(this.stderr).toBe('')
  }
}

module.exports = { runProgram }
