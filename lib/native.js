'use strict'

/** The addon. No other file loads it. */

const binding = require('../binding.js')

module.exports = {
  createInstance: binding.createInstance,
  errorTable: binding.errorTable,
  judgeResponse: binding.judgeResponse,
  judgeUpgrade: binding.judgeUpgrade,
  negotiateDeflate: binding.negotiateDeflate,
  offerDeflate: binding.offerDeflate,
  ...binding.createInstance()
}
