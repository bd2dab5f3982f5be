'use strict'

// A client and everything that it says, in the order in which it does.

const { once } = require('events')

const { defer } = require('./cleanup')

/** The events that a log holds; listening to others would change what the client does. */
const EVENTS = ['upgrade', 'open', 'message', 'ping', 'pong', 'error', 'close']

/**
 * @param {Error} error
 * @returns {string} its class, its text and its code
 */
function describeError(error) {
  const code = error.code === undefined ? '' : ` (${error.code})`
  return `${error.constructor.name}: ${error.message}${code}`
}

const DESCRIBE = {
  upgrade: (res) => res.statusCode,
  open: (...args) => args.length,
  message: (data, isBinary) => `${isBinary ? 'binary' : 'text'} ${data}`,
  ping: (data) => data.toString(),
  pong: (data) => data.toString(),
  error: describeError,
  close: (code, reason) => `${code} ${reason}`.trim()
}

/**
 * Starts a client and writes down what it says: each event with the state in which it came.
 *
 * @param {object} of an implementation
 * @param {...*} args of the constructor
 * @returns {{client: object, log: string[], closed: Promise}} `log` has `<readyState> <event> <arguments>`
 */
function startClient(of, ...args) {
  const client = new of.WebSocket(...args)
  const log = []
  for (const event of EVENTS) {
    client.on(event, (...values) => log.push(`${client.readyState} ${event} ${DESCRIBE[event](...values)}`))
  }
  const closed = new Promise((resolve) => client.on('close', () => resolve(log)))
  defer(() => client.terminate())
  return { client, log, closed }
}

/**
 * Starts a client and waits until it is open.
 *
 * @param {object} of an implementation
 * @param {...*} args of the constructor
 * @returns {Promise<object>} as for `startClient`
 */
async function openClient(of, ...args) {
  const started = startClient(of, ...args)
  await once(started.client, 'open')
  return started
}

/**
 * @param {Function} body
 * @returns {string} what it throws, as `describeError` puts it, or 'nothing'
 */
function thrownBy(body) {
  try {
    body()
  } catch (error) {
    return describeError(error)
  }
  return 'nothing'
}

module.exports = { describeError, openClient, startClient, thrownBy }
