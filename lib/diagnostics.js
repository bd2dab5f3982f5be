'use strict'

/**
 * Channels of `node:diagnostics_channel`. Nothing is made for them unless somebody listens.
 *
 * | channel | message |
 * |---|---|
 * | `offloop:server:connection` | `{ server, client, request }` |
 * | `offloop:server:refused` | `{ server, request, status, message }` |
 * | `offloop:server:error` | `{ client, error }` |
 * | `offloop:server:close` | `{ client, code, reason, cause }` |
 */

const { channel } = require('node:diagnostics_channel')

module.exports = {
  closeChannel: channel('offloop:server:close'),
  connectionChannel: channel('offloop:server:connection'),
  errorChannel: channel('offloop:server:error'),
  refusedChannel: channel('offloop:server:refused')
}
