'use strict'

/** The choice between the two drivers. */

const dispatcher = require('./dispatcher')
const { ShardDriver, isAdoptable } = require('./shard-driver')
const { StreamDriver } = require('./stream-driver')

/**
 * Gives a connection, whose opening handshake is done, to a driver: to a shard if its socket can
 * be taken over and nothing forces the stream driver.
 *
 * @param {object} ws The WebSocket; gets `_socket`
 * @param {import('node:stream').Duplex} socket The socket
 * @param {Buffer} head Bytes that were read behind the handshake
 * @param {string} response The handshake's response, empty if it is written already
 * @param {object} config See `driverConfig` in options.js
 * @returns {ShardDriver | StreamDriver} The driver
 */
function openDriver(ws, socket, head, response, config) {
  ws._socket = socket
  if (config.driver !== 'stream' && isAdoptable(socket)) {
    const driver = new ShardDriver(ws, socket, config)
    if (driver.adopt(head, response, config)) {
      socket.on('error', ignore) // the end of the connection is told by 'close' alone
      return driver
    }
    dispatcher.unregister(driver)
  }
  const driver = new StreamDriver(ws, socket, config)
  driver.open(head, response)
  return driver
}

/** Nothing is lost: see where it is used. */
function ignore() {}

module.exports = { openDriver }
