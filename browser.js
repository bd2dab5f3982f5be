'use strict'

/** What a bundler for browsers takes in the place of index.js: there are no sockets to take over. */
module.exports = function WebSocket() {
  throw new Error(
    'offloop does not work in the browser. Browser clients must use the native WebSocket object'
  )
}
