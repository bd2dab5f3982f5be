'use strict'

/**
 * When the event loop goes on: its hooks as they were when offloop was loaded. Test kits put
 * others in their place to stop the clock, and what is sent meanwhile goes on, as with ws.
 */

const { setImmediate } = require('node:timers')

const { nextTick } = process

module.exports = { nextTick, setImmediate }
