'use strict'

// docs/frameworks.md names the versions that the tests run.

const fs = require('node:fs')
const path = require('node:path')

const FOLDER = path.join(__dirname, '../frameworks')
const { packages } = JSON.parse(fs.readFileSync(path.join(FOLDER, 'package-lock.json'), 'utf8'))
const page = fs.readFileSync(path.join(__dirname, '../../docs/frameworks.md'), 'utf8')
const named = [...page.matchAll(/`(@?[\w./-]+)@(\d[\w.-]*)`/g)].map(([, name, version]) => [name, version])

test('the page has a table', () => {
  expect(named.length).toBeGreaterThan(15)
})

test.each(named)('%s is tested in version %s', (name, version) => {
  expect(packages[`node_modules/${name}`].version).toBe(version)
})

test('every program is of a framework that the page names', () => {
  const programs = fs.readdirSync(path.join(FOLDER, 'programs')).map((name) => path.basename(name, '.mjs'))
  expect(programs.filter((name) => !name.split('-').every((word) => page.includes(word)))).toEqual([])
})
