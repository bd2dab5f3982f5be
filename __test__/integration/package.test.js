'use strict'

// The package as users get it: packed, installed into an empty folder, without any script run.

const { execFile } = require('node:child_process')
const { mkdtemp, readdir, rm, writeFile } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { promisify } = require('node:util')

const run = promisify(execFile)
const ROOT = join(__dirname, '..', '..')

/** An echo through a fresh server, in either module system; prints what came back. */
const ECHO = `
const server = createServer()
server.on('upgrade', (req, socket, head) => {
  const client = handleUpgrade(req, socket, head)
  client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
})
server.listen(0, '127.0.0.1', () => {
  const socket = connect(server.address().port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n' +
    'Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n')
  socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
  let bytes = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    bytes += chunk
    if (!bytes.endsWith('hi')) return
    console.log(bytes.split('\\r\\n')[0], typeof WebSocketServer)
    socket.destroy()
    server.close()
  })
})
`
const COMMONJS = `
const { createServer } = require('node:http')
const { connect } = require('node:net')
const { handleUpgrade, WebSocketServer } = require('offloop')
${ECHO}`
const ESM = `
import { createServer } from 'node:http'
import { connect } from 'node:net'
import offloop, { handleUpgrade, WebSocketServer } from 'offloop'
if (offloop.WebSocketServer !== WebSocketServer) throw new Error('two copies')
${ECHO}`

let folder

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloop-package-'))
  const shell = process.platform === 'win32'
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT, shell })
  const [tarball] = await readdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "name": "user", "private": true }')
  const install = ['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', `./${tarball}`]
  await run('npm', install, { cwd: folder, shell })
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['CommonJS', 'echo.cjs', COMMONJS],
  ['ESM', 'echo.mjs', ESM]
])('works from an empty folder in %s', async (_, name, source) => {
  await writeFile(join(folder, name), source)
  const { stdout } = await run(process.execPath, [name], { cwd: folder })
  expect(stdout).toBe('HTTP/1.1 101 Switching Protocols function\n')
})

test('holds what it needs to run, and no sources, tests or scripts to be run at install', async () => {
  const installed = join(folder, 'node_modules', 'offloop')
  const names = (await readdir(installed)).filter((name) => !name.endsWith('.node'))
  expect(names.sort()).toEqual([
    'LICENSE', 'README.md', 'binding.js', 'index.d.ts', 'index.js', 'index.mjs', 'lib', 'package.json'
  ])
  const { scripts } = require(join(installed, 'package.json'))
  expect(Object.keys(scripts).filter((name) => /install|^prepare$/.test(name))).toEqual([])
})
