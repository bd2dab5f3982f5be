'use strict'

// Arrows point down: who may require whom is written down here, and an upward arrow or a cycle
// fails.

const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '../..')

/** The files of lib/, lowest first: each may require only those before it. */
const ORDER = [
  'ticks', 'constants', 'diagnostics', 'errors', 'close-cause', 'validation', 'guard-options', 'options',
  'native', 'border', 'send-queue', 'blob-sends', 'closing', 'dispatcher', 'pressure',
  'tokens', 'subprotocol', 'extension', 'permessage-deflate', 'frame', 'sender', 'codec',
  'event-target', 'own-members',
  'profiles', 'accounts', 'driver', 'detached-socket', 'shard-driver', 'stream-driver', 'drivers',
  'internals', 'held-events', 'incoming', 'receiver', 'client-request', 'client', 'websocket', 'admission', 'upgrade', 'shutdown', 'websocket-server', 'stream'
]

/** The crates, lowest first, with what they may never depend on. */
const CRATES = [
  { manifest: 'src/protocol/Cargo.toml', banned: /^(tokio|napi|napi-derive|mio|libc|socket2|offloop-shard)$/ },
  { manifest: 'src/shard/Cargo.toml', banned: /^napi/ }
]

/**
 * Lists what a JavaScript file requires.
 *
 * @param {string} file Its path from the root
 * @returns {string[]} The names as they are written there
 */
function requiredBy (file) {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8')
  return [...text.matchAll(/\brequire\(\s*['"]([^'"]+)['"]\s*\)/g)].map(([, name]) => name)
}

/**
 * Lists the crates that a manifest names as dependencies for other than tests.
 *
 * @param {string} manifest Its path from the root
 * @returns {string[]} Their names
 */
function dependenciesOf (manifest) {
  const sections = fs.readFileSync(path.join(ROOT, manifest), 'utf8').split(/^\[/m)
  return sections
    .filter((section) => /^(target\..*\.)?dependencies\]/.test(section))
    .flatMap((section) => [...section.matchAll(/^([\w-]+)\s*[.=]/gm)].map(([, name]) => name))
}

const files = fs.readdirSync(path.join(ROOT, 'lib')).filter((name) => name.endsWith('.js')).map((name) => name.slice(0, -3))

test('every file of lib/ has its place in the order', () => {
  expect(files.filter((name) => !ORDER.includes(name))).toEqual([])
})

test('docs/architecture.md says what each is for, in the same order', () => {
  const [, table] = fs.readFileSync(path.join(ROOT, 'docs/architecture.md'), 'utf8').split('### Layer 4')
  expect([...table.matchAll(/^\| `([\w-]+)\.js` \| \S/gm)].map(([, name]) => name)).toEqual(ORDER)
})

test.each(files)('lib/%s.js requires only what is below it', (name) => {
  const ours = requiredBy(`lib/${name}.js`).filter((required) => required.startsWith('.'))
  const upward = ours.filter((required) => {
    const isInLib = /^\.\/[\w-]+$/.test(required)
    const isBinding = name === 'native' && required === '../binding.js'
    return !isBinding && !(isInLib && ORDER.indexOf(required.slice(2)) < ORDER.indexOf(name))
  })
  expect(upward).toEqual([])
})

test('only lib/native.js loads the binding', () => {
  const loaders = files.filter((name) => requiredBy(`lib/${name}.js`).some((required) => /binding|\.node$/.test(required)))
  expect(loaders.filter((name) => name !== 'native')).toEqual([])
})

test('lib/ requires nothing that would have to be installed', () => {
  const foreign = files.flatMap((name) => requiredBy(`lib/${name}.js`)).filter((required) => !/^(\.|node:)/.test(required))
  expect(foreign).toEqual([])
})

test('index.js only re-exports what is in lib/', () => {
  expect(requiredBy('index.js').filter((required) => !required.startsWith('./lib/'))).toEqual([])
})

test.each(CRATES)('$manifest depends on nothing above its layer', ({ manifest, banned }) => {
  const dependencies = dependenciesOf(manifest)
  expect(dependencies.filter((name) => banned.test(name))).toEqual([])
})

test('the addon is the only crate that knows N-API', () => {
  expect(dependenciesOf('Cargo.toml')).toEqual(expect.arrayContaining(['napi', 'offloop-protocol', 'offloop-shard']))
})
