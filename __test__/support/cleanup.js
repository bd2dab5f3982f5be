'use strict'

// Everything a test opens is closed after it, in the reverse order, whether it passed or not: an
// open server would keep Jest alive for ever.

const pending = []

/**
 * Registers something to undo when the running test is over.
 *
 * @param {Function} undo called once; may return a promise
 */
function defer(undo) {
  pending.push(undo)
}

/**
 * Undoes everything that was registered, newest first. Goes on after an error and throws the first.
 *
 * @returns {Promise<void>}
 */
async function closeEverything() {
  const errors = []
  while (pending.length > 0) {
    try {
      await pending.pop()()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}

// The programs that tests start use the same helpers, without Jest; their end is their cleanup.
if (typeof afterEach === 'function') afterEach(closeEverything)

module.exports = { defer }
