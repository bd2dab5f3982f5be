'use strict'

// Gives offloop to every package of the process that asks for `ws`, whichever version it wants: what
// `"overrides": { "ws": "npm:offloop@..." }` in a package.json does, without a release to install.

const Module = require('module')
const path = require('path')
const { pathToFileURL } = require('url')

const root = path.join(__dirname, '../../..')
const resolveFilename = Module._resolveFilename

Module._resolveFilename = function (request, ...rest) {
  return resolveFilename.call(this, request === 'ws' ? root : request, ...rest)
}

const imported = JSON.stringify(pathToFileURL(path.join(root, 'index.mjs')).href)
Module.register(`data:text/javascript,${encodeURIComponent(`
  export const resolve = (specifier, context, next) => next(specifier === 'ws' ? ${imported} : specifier, context)
`)}`)
