'use strict'

// A project of two files for tools that build one: what the second says is shown by the first, and
// changed in the page when the file is.

const { mkdtempSync, rmSync, writeFileSync } = require('fs')
const { tmpdir } = require('os')
const path = require('path')

const { defer } = require('../../support/cleanup')

const MAIN = `
import { text } from './text.js'
document.title = text
document.body.textContent = text
`

class Project {
  /**
   * @param {string} page its index.html
   * @param {string} accept what main.js does when text.js has changed
   */
  constructor(page, accept) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'offloop-project-'))
    defer(() => rmSync(this.folder, { recursive: true }))
    this.write('index.html', page)
    this.write('main.js', MAIN + accept)
    this.say('first')
  }

  /**
   * @param {string} name of a file
   * @param {string} content
   */
  write(name, content) {
    writeFileSync(path.join(this.folder, name), content)
  }

  /**
   * @param {string} text what the page shows from now on
   */
  say(text) {
    this.write('text.js', `export const text = ${JSON.stringify(text)}\n`)
  }
}

module.exports = { Project }
