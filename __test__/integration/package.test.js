'use strict'

// The package as users get it: packed, installed into an empty folder, without any script run.

const { execFile } = require('node:child_process')
const { mkdtemp, readdir, rm, writeFile } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { promisify } = require('node:util')

const run = promisify(execFile)
const ROOT = join(__dirname, '..', '..')
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

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

/** Every name that the package exports, whichever way it is loaded. */
const NAMES = [
  'PerMessageDeflate', 'Receiver', 'Sender', 'Server', 'WebSocket', 'WebSocketServer', 'createWebSocketStream',
  'extension', 'handleUpgrade', 'subprotocol'
]

/** Says of each name what it stands for, and uses what needs no connection. */
const USE = `
const { extension, PerMessageDeflate, Receiver, Sender, subprotocol } = exported
const receiver = new Receiver({ isServer: true })
receiver.on('message', (data, isBinary) => console.log(JSON.stringify({
  kinds: Object.fromEntries(names.map((name) => [name, typeof exported[name]])),
  message: [data.toString(), isBinary],
  parsed: [Object.keys(extension.parse('a, b; c')), [...subprotocol.parse('d, e')], PerMessageDeflate.extensionName]
})))
receiver.write(Sender.frame(Buffer.from('framed'), { fin: true, mask: true, opcode: 1, readOnly: true })[0])
`
const ALL = {
  'names.cjs': `const exported = require('offloop')\nconst names = ${JSON.stringify(NAMES)}\n${USE}`,
  'names.mjs': `import WebSocket, * as exported from 'offloop'\nconst names = ${JSON.stringify(NAMES)}
    if (exported.default !== WebSocket || WebSocket.Sender !== exported.Sender) throw new Error('two copies')
    ${USE}`
}

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

test.each(Object.keys(ALL))('exports every name, and all of them work: %s', async (name) => {
  await writeFile(join(folder, name), ALL[name])
  const { stdout } = await run(process.execPath, [name], { cwd: folder })
  const kinds = Object.fromEntries(NAMES.map((exported) => [exported, 'function']))
  expect(JSON.parse(stdout)).toEqual({
    kinds: { ...kinds, extension: 'object', subprotocol: 'object' },
    message: ['framed', false],
    parsed: [['a', 'b'], ['d', 'e'], 'permessage-deflate']
  })
})

test('gives what is built for a browser a function that throws', async () => {
  await writeFile(join(folder, 'page.cjs'), "new (require('offloop'))('ws://localhost')")
  const loaded = run(process.execPath, ['--conditions=browser', 'page.cjs'], { cwd: folder })
  await expect(loaded).rejects.toThrow('offloop does not work in the browser')
})

/** What a program in TypeScript writes, as an ES module and in CommonJS. */
const TYPED_USE = `
const server: WebSocketServer = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 1024 } })
server.on('connection', (client: WebSocket, req) => {
  const address: string | undefined = req.socket.remoteAddress
  client.on('message', (data: RawData, isBinary: boolean) => client.send(data, { binary: isBinary }))
  client.close(1000, address)
})
const client = new WebSocket('ws://localhost', { handshakeTimeout: 5 } satisfies ClientOptions)
createWebSocketStream(client, { encoding: 'utf8' }).pipe(process.stdout)
// @ts-expect-error There is no such state.
client.readyState = 'open'
`
const TYPED_IMPORT = `import WebSocket, { createWebSocketStream, WebSocketServer } from 'offloop'
import type { ClientOptions, RawData } from 'offloop'
${TYPED_USE}`
const TYPED_REQUIRE = `import WebSocket = require('offloop')
import WebSocketServer = WebSocket.WebSocketServer
import createWebSocketStream = WebSocket.createWebSocketStream
import ClientOptions = WebSocket.ClientOptions
import RawData = WebSocket.RawData
${TYPED_USE}`

test.each([
  ['node16', 'ES modules', 'use.mts', TYPED_IMPORT, {}],
  ['node16', 'CommonJS', 'use.cts', TYPED_REQUIRE, {}],
  ['node16', 'CommonJS with esModuleInterop', 'interop.cts', TYPED_IMPORT, { esModuleInterop: true }],
  ['nodenext', 'ES modules', 'next.mts', TYPED_IMPORT, { verbatimModuleSyntax: true }],
  ['preserve', 'what a bundler takes', 'bundled.ts', TYPED_IMPORT, { moduleResolution: 'bundler' }],
  ['esnext', 'what a bundler takes', 'esnext.ts', TYPED_IMPORT, { moduleResolution: 'bundler' }]
])('has types for module %s: %s', async (module, _, name, source, more) => {
  const config = {
    compilerOptions: {
      lib: ['ES2023'],
      module,
      noEmit: true,
      skipLibCheck: false,
      strict: true,
      target: 'ES2023',
      typeRoots: [join(ROOT, 'node_modules', '@types')],
      types: ['node'],
      ...more
    },
    files: [name]
  }
  await writeFile(join(folder, name), source)
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { stdout } = await run(process.execPath, [TSC, '-p', folder], { cwd: folder }).catch((error) => error)
  expect(stdout).toBe('')
}, 60_000)

test('holds what it needs to run, and no sources, tests or scripts to be run at install', async () => {
  const installed = join(folder, 'node_modules', 'offloop')
  const names = (await readdir(installed)).filter((name) => !name.endsWith('.node'))
  expect(names.sort()).toEqual([
    'LICENSE', 'README.md', 'binding.js', 'browser.js', 'index.d.mts', 'index.d.ts', 'index.js', 'index.mjs', 'lib',
    'package.json'
  ])
  const { scripts } = require(join(installed, 'package.json'))
  expect(Object.keys(scripts).filter((name) => /install|^prepare$/.test(name))).toEqual([])
})
