'use strict'

// The client of `ws`, which misses nothing that comes right behind the opening handshake.

const { WebSocket } = require('ws')

const { defer } = require('../../support/cleanup')
const { closeOf, messagesOf } = require('../../support/waiting')

/**
 * Connects.
 *
 * @param {string} url
 * @param {string[]} [protocols]
 * @param {object} [options]
 * @returns {Promise<import('ws').WebSocket>} open; with `inbox`, and with `closed`, a promise of how
 *   it ends
 */
function connect(url, protocols = [], options = {}) {
  const client = new WebSocket(url, protocols, { perMessageDeflate: false, ...options })
  client.inbox = messagesOf(client)
  client.closed = closeOf(client)
  defer(() => client.terminate())
  return new Promise((resolve, reject) => {
    client.on('open', () => resolve(client))
    client.on('error', reject)
  })
}

/**
 * Waits for the next message of a client that `connect` made.
 *
 * @param {import('ws').WebSocket} client
 * @returns {Promise<string|Buffer>} a string if it is a text
 */
async function receive(client) {
  const { data, isBinary } = await client.inbox.next()
  return isBinary ? data : data.toString()
}

module.exports = { connect, receive }
