'use strict'

/** The addon. No other file loads it. */

const binding = require('../binding.js')

module.exports = {
  errorTable: binding.errorTable,
  judgeUpgrade: binding.judgeUpgrade,
  negotiateDeflate: binding.negotiateDeflate,
  ...binding.createInstance()
}
