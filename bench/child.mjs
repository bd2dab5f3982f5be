/**
 * A child process that speaks in lines of JSON, and ends when its standard input does.
 */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A child that says nothing for this long is given up. */
const PATIENCE_MS = 60_000

/** One running child. */
export class LineChild {
  /**
   * @param {string} name how error messages call it
   * @param {string[]} command program and arguments
   * @param {number|undefined} core the only core it may use, undefined for any
   */
  constructor(name, command, core) {
    const pin = core === undefined ? [] : ['taskset', '-c', String(core)]
    const [program, ...args] = [...pin, ...command]
    this.name = name
    this.process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    // A child that died makes the next read fail with a better message than the write's EPIPE.
    this.process.stdin.on('error', () => {})
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(error.message))
      this.process.once('close', (status, signal) => resolve(signal ?? `status ${status}`))
    })
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }

  /**
   * Waits for the child's next line.
   *
   * @param {number} [patienceMs] how long, at most [60 s]
   * @returns {Promise<object>} the parsed line
   */
  async read(patienceMs = PATIENCE_MS) {
    let timer
    const late = new Promise((_, reject) => {
      const error = new Error(`${this.name} said nothing for ${patienceMs / 1000} s`)
      timer = setTimeout(reject, patienceMs, error)
    })
    try {
      const { value, done } = await Promise.race([this.lines.next(), late])
      if (done) throw new Error(`${this.name} ended by itself (${await this.ended})`)
      return JSON.parse(value)
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Sends one line.
   *
   * @param {string} line without its end
   */
  write(line) {
    this.process.stdin.write(`${line}\n`)
  }

  /** Ends the child by ending its input. */
  endInput() {
    this.process.stdin.end()
  }

  /**
   * Ends the child and waits until it is gone.
   *
   * @returns {Promise<void>} settles when it is
   */
  async stop() {
    this.endInput()
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000)
    await this.ended
    clearTimeout(timer)
  }
}
