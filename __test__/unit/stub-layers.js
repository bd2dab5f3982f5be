'use strict'

// For `node --require`: the face loads, and there is nothing under it.

const Module = require('node:module')
const path = require('node:path')

const STUBS = {
  native: {},
  'send-queue': {},
  dispatcher: { setListeners () {} },
  drivers: {}
}
const load = Module._load

Module._load = function loadOrStub (request, parent, isMain) {
  const isOurs = parent && path.basename(path.dirname(parent.filename ?? '')) === 'lib'
  const stub = isOurs && request.startsWith('./') ? STUBS[request.slice(2)] : undefined
  return stub ?? load.call(this, request, parent, isMain)
}
