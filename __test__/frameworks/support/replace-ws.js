'use strict'

// Gives offloop to every package of the process that asks for `ws`, whichever version it wants: what
// npm's `overrides` do, without a package to install. Where the run is against `ws`, the newest one.

const Module = require('module')
const path = require('path')
const { pathToFileURL } = require('url')

const [folder, moduleFile] = process.env.OFFLOOP_TEST_IMPLEMENTATION === 'ws'
  ? [path.join(__dirname, '../node_modules/ws'), 'wrapper.mjs']
  : [path.join(__dirname, '../../..'), 'index.mjs']
const resolveFilename = Module._resolveFilename

Module._resolveFilename = function (request, ...rest) {
  return resolveFilename.call(this, request === 'ws' ? folder : request, ...rest)
}

const imported = JSON.stringify(pathToFileURL(path.join(folder, moduleFile)).href)
Module.register(`data:text/javascript,${encodeURIComponent(`
  export const resolve = (specifier, context, next) => next(specifier === 'ws' ? ${imported} : specifier, context)
`)}`)
