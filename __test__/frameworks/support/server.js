'use strict'

// The servers of these tests, and some clients: each is a program of ../programs in a process of its
// own, as a user would run it. Many of the packages are ES modules, which Jest cannot load.

const path = require('path')
const { pathToFileURL } = require('url')

const { runProgram } = require('../../support/child')
const { implementationName } = require('../../support/implementation')

const HOOK = path.join(__dirname, 'replace-ws.js')

/**
 * What a program must say of a connection.
 *
 * @param {string} driver if it is offloop's
 * @returns {object}
 */
function connectionOf(driver) {
  return implementationName === 'ws' ? { implementation: 'ws' } : { implementation: 'offloop', driver }
}

/** What a program must say of its connections, unless they have no socket. */
const expectedConnection = connectionOf(process.env.OFFLOOP_DRIVER || 'shard')

/**
 * Starts a program.
 *
 * @param {string} name a file of ../programs
 * @param {object} [options]
 * @param {boolean} [options.replaceWs] whether every `ws` of the process is offloop, as npm's
 *   `overrides` would have it
 * @param {object} [options.settings] for the program: what JSON can carry
 * @returns {object} the process, see ../../support/child
 */
function start(name, { replaceWs = false, settings = {} } = {}) {
  const file = pathToFileURL(path.join(__dirname, '../programs', `${name}.mjs`)).href
  return runProgram((kit, url) => import(url), {
    args: [file],
    execArgv: replaceWs ? ['--require', HOOK] : [],
    env: { FRAMEWORK_SETTINGS: JSON.stringify(settings) }
  })
}

/**
 * Starts a program and waits until it listens.
 *
 * @param {string} name a file of ../programs
 * @param {object} [options] see `start`
 * @returns {Promise<FrameworkServer>}
 */
async function startServer(name, options) {
  const child = start(name, options)
  const { port } = await child.report()
  return new FrameworkServer(child, port)
}

class FrameworkServer {
  /**
   * @param {object} child the running program
   * @param {number} port where it listens
   */
  constructor(child, port) {
    this.child = child
    this.port = port
    this.http = `http://127.0.0.1:${port}`
    this.ws = `ws://127.0.0.1:${port}`
  }

  /** @returns {Promise<*>} what the program reports next */
  report() {
    return this.child.report()
  }

  /**
   * Expects that the program reports a connection next, and that it is of what is under test.
   *
   * @returns {Promise<void>}
   */
  async expectConnection() {
    expect(await this.child.report()).toEqual(expectedConnection)
  }

  /**
   * Has the framework close everything. The process must then end by itself, and without a word.
   *
   * @returns {Promise<void>}
   */
  async close() {
    this.child.process.kill('SIGTERM')
    await this.child.expectExit({ code: 0, signal: null })
  }
}

module.exports = { connectionOf, expectedConnection, start, startServer }
