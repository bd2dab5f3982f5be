// A program written for ws, with everything that @types/ws has. It is compiled against that and
// against offloop, never run.

import events = require('node:events')
import http = require('node:http')
import https = require('node:https')
import net = require('node:net')
import stream = require('node:stream')
import url = require('node:url')
import zlib = require('node:zlib')

import WebSocket = require('ws')

declare const req: http.IncomingMessage
declare const socket: net.Socket
declare const duplex: stream.Duplex
declare const head: Buffer

// Clients: every shape of the arguments, every option.
const client = new WebSocket('ws://localhost')
new WebSocket(new url.URL('wss://localhost'))
new WebSocket('ws://localhost', 'chat')
new WebSocket('ws://localhost', ['chat', 'superchat'], { perMessageDeflate: false })
new WebSocket('ws://localhost', undefined, { host: 'localhost', method: 'GET' })
new WebSocket('ws://localhost', { auth: 'name:word', timeout: 100, headers: { 'X-Number': 1, Cookie: ['a=1'] } })
new WebSocket(null)
const clientOptions: WebSocket.ClientOptions = {
  protocol: 'chat',
  followRedirects: true,
  generateMask(mask) { mask.fill(0) },
  handshakeTimeout: 1000,
  maxRedirects: 3,
  perMessageDeflate: {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 10,
    clientMaxWindowBits: 10,
    zlibDeflateOptions: {
      flush: zlib.constants.Z_NO_FLUSH, finishFlush: zlib.constants.Z_FINISH, chunkSize: 1024, windowBits: 15,
      level: 3, memLevel: 7, strategy: zlib.constants.Z_FIXED, dictionary: [Buffer.from('a')], info: true
    },
    zlibInflateOptions: { chunkSize: 10 * 1024 },
    threshold: 1024,
    concurrencyLimit: 10
  },
  localAddress: '127.0.0.1',
  protocolVersion: 13,
  headers: { Authorization: 'Bearer x' },
  origin: 'http://localhost',
  agent: new http.Agent(),
  host: 'localhost',
  family: 4,
  checkServerIdentity: (servername, cert: WebSocket.CertMeta) => servername.length > 0 && cert.length > 0,
  rejectUnauthorized: false,
  allowSynchronousEvents: false,
  autoPong: false,
  maxPayload: 10,
  maxBufferedChunks: 10,
  maxFragments: 10,
  skipUTF8Validation: true,
  createConnection: net.createConnection,
  finishRequest: (request, websocket) => { websocket.readyState; request.end() },
  ca: 'certificate',
  key: 'key'
}
const givenHeader: string | undefined = clientOptions.headers?.['X-Test']
new https.Agent({ ca: givenHeader })
const finish: WebSocket.FinishRequestCallback = (request, websocket) => websocket.on('open', () => request.end())
new WebSocket('ws://localhost', { finishRequest: finish })

// State.
holds<Equal<typeof client.readyState, 0 | 1 | 2 | 3>>()
holds<Equal<typeof client.binaryType, 'nodebuffer' | 'arraybuffer' | 'fragments'>>()
holds<Equal<typeof WebSocket.CONNECTING, 0>>()
holds<Equal<typeof WebSocket.WebSocket.OPEN, 1>>()
holds<Equal<typeof client.CLOSING, 2>>()
holds<Equal<typeof client.CLOSED, 3>>()
client.binaryType = 'fragments'
const before: 'nodebuffer' | 'arraybuffer' | 'fragments' = client.binaryType
const facts: [string, number, string, boolean, string, string] =
  [before, client.bufferedAmount, client.extensions, client.isPaused, client.protocol, client.url]
facts.length
const kind = new WebSocket(null).binaryType
switch (kind) {
  case 'nodebuffer': case 'arraybuffer': case 'fragments': break
  default: const none: never = kind; void none
}

// Methods.
client.send('text')
client.send(1, (error) => error?.message)
client.send(Buffer.alloc(1), { mask: true, binary: true, compress: true, fin: true })
client.send(new Uint8Array(1), { fin: false }, (error?: Error) => error)
client.send(new DataView(new ArrayBuffer(1)))
client.send(new ArrayBuffer(1))
client.send(new SharedArrayBuffer(1))
client.send(new Blob(['x']))
client.send([1, 2, 3])
client.send(['a'] as readonly string[])
client.send({ valueOf: () => new ArrayBuffer(1) })
client.send({ valueOf: () => new SharedArrayBuffer(1) })
client.send({ valueOf: () => new Uint8Array(1) })
client.send({ valueOf: () => [1] as readonly number[] })
client.send({ valueOf: () => 'text' })
client.send({ [Symbol.toPrimitive]: (hint: string) => hint })
client.ping()
client.ping('data', true, (error: Error) => error.message)
client.pong({ any: 'thing' }, undefined)
client.close()
client.close(1000, 'bye')
client.close(1000, Buffer.from('bye'))
client.terminate()
client.pause()
client.resume()
const sendLater = client.send.bind(client)
sendLater('x', () => {})
const sent: Promise<void> = new Promise((resolve, reject) => client.send('x', (error) => error ? reject(error) : resolve()))
void sent
const pingArgs: Parameters<WebSocket['ping']> = ['data', true, () => {}]
const mask: boolean | undefined = pingArgs[1]
const reason: string | Buffer | undefined = ([] as unknown as Parameters<WebSocket['close']>)[1]
void [mask, reason]

// Events, through every method that takes a listener.
for (const method of ['on', 'once', 'off'] as const) {
  client[method]('close', function (this: WebSocket, code: number, why: Buffer) { this.close(code, why) })
  client[method]('error', function (this: WebSocket, error: Error) { this.emit('x', error.message) })
}
client.on('open', function () { this.send('x') })
  .on('message', function (data, isBinary) {
    holds<Equal<typeof data, WebSocket.RawData>>()
    holds<Equal<typeof isBinary, boolean>>()
    this.send(data as Buffer)
  })
  .on('close', (code, why) => { holds<Equal<[typeof code, typeof why], [number, Buffer]>>() })
  .on('error', (error) => { holds<Equal<typeof error, Error>>() })
  .on('upgrade', (response) => { holds<Equal<typeof response, http.IncomingMessage>>() })
  .on('ping', (data) => { holds<Equal<typeof data, Buffer>>() })
  .on('pong', (data) => { holds<Equal<typeof data, Buffer>>() })
  .on('redirect', (to, request) => { holds<Equal<[typeof to, typeof request], [string, http.ClientRequest]>>() })
  .on('unexpected-response', (request, response) => {
    holds<Equal<[typeof request, typeof response], [http.ClientRequest, http.IncomingMessage]>>()
  })
  .on('anything', (...args) => args.length)
  .on(Symbol('mine'), () => {})
  .on(('ping' as 'ping' | 'pong'), (data) => data.length)
client.once('message', (data: Buffer) => data.length)
client.once('open', () => {}).once('ping', (data) => data.length).once('redirect', (to, request) => request.destroy())
client.once('unexpected-response', (request, response) => response.statusCode).once('upgrade', (response) => response.headers)
client.off('message', () => {}).off('open', () => {}).off('pong', (data) => data.length).off('upgrade', () => {})
client.off('redirect', () => {}).off('unexpected-response', () => {}).off('other', () => {})
client.addListener('message', (data, isBinary) => isBinary && data).addListener('open', () => {}).addListener('close', (code) => code + 1)
client.addListener('error', (error) => error.message).addListener('ping', (data) => data.length).addListener('upgrade', (response) => response.url)
client.addListener('redirect', (to) => to.length).addListener('unexpected-response', (request) => request.path).addListener('own', () => {})
client.addListener('close', function (this: string, code: number) { return code })
client.removeListener('message', (data) => data.toString()).removeListener('open', () => {}).removeListener('close', () => {})
client.removeListener('error', () => {}).removeListener('pong', () => {}).removeListener('upgrade', () => {}).removeListener('own', () => {})
client.removeListener('redirect', () => {}).removeListener('unexpected-response', () => {})
client.removeAllListeners('message').setMaxListeners(0).prependListener('close', () => {}).emit('close', 1000, head)
void events.once(client, 'open')
const emitter: events.EventEmitter = client
void emitter

// The browser's face.
client.onopen = (event) => { holds<Equal<typeof event, WebSocket.Event>>() }
client.onmessage = ({ data, type, target }) => {
  holds<Equal<typeof data, WebSocket.Data>>()
  if (typeof data === 'string') target.send(data + type)
  else if (Array.isArray(data)) target.send(Buffer.concat(data))
  else if (data instanceof ArrayBuffer) target.send(data)
  else target.send(data.subarray(1))
}
client.onerror = ({ error, message, type, target }) => { target.close(1000, message + type); throw error }
client.onclose = ({ wasClean, code, reason: text }) => [wasClean, code + 1, text.trim()]
client.onmessage = null
client.addEventListener('open', ({ type }) => type)
client.addEventListener('message', ({ data }) => data, { once: true })
client.addEventListener('close', { handleEvent: ({ code }) => code.toFixed() }, { once: undefined })
client.addEventListener('error', ({ message }) => message.length)
client.removeEventListener('message', ({ data }) => data)
client.removeEventListener('close', { handleEvent() {} })
const types: (keyof WebSocket.WebSocketEventMap)[] = ['open', 'error', 'close', 'message']
for (const type of types) client.addEventListener(type, (event) => event.type)

// Servers.
const wss = new WebSocket.Server()
new WebSocket.WebSocketServer({ port: 0 }, () => {})
const options: WebSocket.ServerOptions = {
  host: 'localhost',
  port: 8080,
  backlog: 5,
  server: http.createServer(),
  path: '/chat',
  noServer: true,
  allowSynchronousEvents: true,
  autoPong: true,
  clientTracking: true,
  perMessageDeflate: true,
  maxPayload: 1,
  maxBufferedChunks: 1,
  maxFragments: 1,
  skipUTF8Validation: false,
  WebSocket: WebSocket.WebSocket,
  handleProtocols: (protocols, request) => [...protocols][0] ?? String(request.url),
  verifyClient: ({ origin, secure, req: request }: { origin: string, secure: boolean, req: http.IncomingMessage }) =>
    secure && origin === request.headers.origin
}
options.server = https.createServer()
options.verifyClient = (info, callback) => callback(info.secure, 401, 'no', { 'X-Why': ['a', 'b'], 'X-Count': 1 })
const sync: WebSocket.VerifyClientCallbackSync = (info) => info.secure
const async: WebSocket.VerifyClientCallbackAsync<http.IncomingMessage> = (info, callback) => callback(info.secure)
options.verifyClient = sync
options.verifyClient = async
options.handleProtocols = () => false
wss.options = options
wss.options.perMessageDeflate = { threshold: 10 }
wss.path = '/other'
wss.shouldHandle = (request) => request.url === '/'
const handles: boolean | Promise<boolean> = wss.shouldHandle(req)
const address: WebSocket.AddressInfo | string | null = wss.address()
if (typeof address === 'object' && address) [address.address.trim(), address.family.trim(), address.port.toFixed()]
void handles
wss.handleUpgrade(req, duplex, head, (ws, request) => {
  holds<Equal<typeof ws, WebSocket.WebSocket>>()
  holds<Equal<typeof request, http.IncomingMessage>>()
  wss.emit('connection', ws, request)
})
for (const ws of wss.clients) if (ws.readyState === WebSocket.OPEN) ws.send('x')
wss.clients.forEach((ws) => ws.terminate())
wss.close()
wss.close((error) => error?.message)
for (const method of ['on', 'once', 'off'] as const) {
  wss[method]('connection', function (ws: WebSocket, request: http.IncomingMessage) { ws.send(String(request.url)) })
  wss[method]('headers', function (headers: string[], request: http.IncomingMessage) { headers.push(String(request.url)) })
}
wss.on('connection', function (ws, request) { this.clients.delete(ws); ws.send(request.method ?? '') })
wss.on('connection', function (this: WebSocket.Server, ws) { ws.send(this.path) })
wss.on('error', (error) => error.message).on('headers', (headers) => headers.length).on('close', () => {}).on('listening', () => {})
wss.on('wsClientError', (error, broken, request) => { broken.end(error.message + String(request.url)) }).on('mine', (a, b) => [a, b])
wss.once('connection', (ws) => ws.close()).once('error', (error) => error.message).once('headers', () => {}).once('listening', () => {})
wss.once('wsClientError', (error, broken) => broken.destroy(error)).once('mine', () => {})
wss.off('connection', () => {}).off('error', () => {}).off('headers', () => {}).off('close', () => {}).off('wsClientError', () => {}).off('x', () => {})
wss.addListener('connection', (ws, request) => ws.send(String(request.url))).addListener('error', (error) => error.message)
wss.addListener('headers', (headers) => headers.pop()).addListener('close', () => {}).addListener('wsClientError', (error, broken) => broken.destroy(error))
wss.addListener('mine', (...args) => args)
wss.removeListener('connection', () => {}).removeListener('error', () => {}).removeListener('headers', () => {}).removeListener('listening', () => {})
wss.removeListener('wsClientError', () => {}).removeListener('mine', () => {})

// Classes of the program's own.
class Request extends http.IncomingMessage {
  user = 'nobody'
}
class Player extends WebSocket {
  score = 0
  override binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments' = 'arraybuffer'
  override ping(data?: any, mask?: boolean, cb?: (err: Error) => void): void { super.ping(data, mask, cb) }
  override pong(data?: any, mask?: boolean, cb?: (err: Error) => void): void { super.pong(data, mask, cb) }
  override close(code?: number, data?: string | Buffer): void { super.close(code, data) }
  override terminate(): void { super.terminate() }
  override on(event: string | symbol, listener: (...args: any[]) => void): this { return super.on(event, listener) }
}
class Game extends WebSocket.WebSocketServer<typeof Player, typeof Request> {
  override shouldHandle(request: Request): boolean { return request.user !== 'nobody' }
  override handleUpgrade(request: Request, on: stream.Duplex, first: Buffer, callback: (player: Player, request: Request) => void): void {
    super.handleUpgrade(request, on, first, callback)
  }
}
const game = new Game({
  WebSocket: Player,
  server: http.createServer({ IncomingMessage: Request }),
  verifyClient: (info: { req: Request }) => info.req.user.length > 0,
  handleProtocols: (protocols, request) => request.user
})
game.on('connection', (player, request) => { player.score += request.user.length })
game.on('wsClientError', (error, broken, request) => [error, broken, request.user])
game.handleUpgrade(req as Request, socket, head, (player) => player.score)
for (const player of game.clients) player.score = 0
const typed: WebSocket.Server<typeof Player> = new WebSocket.Server<typeof Player>({ noServer: true })
typed.on('connection', (player) => player.score.toFixed())
function heartbeat(this: WebSocket): void { this.ping() }
client.on('pong', heartbeat)
function broadcast(to: WebSocket.Server, data: WebSocket.RawData): void { to.clients.forEach((ws) => ws.send(data)) }
broadcast(wss, head)

// A stream.
const readWrite: stream.Duplex = WebSocket.createWebSocketStream(client, { encoding: 'utf8', decodeStrings: false })
readWrite.pipe(process.stdout)
WebSocket.createWebSocketStream(client)

// Every name of a type.
type Names = [
  WebSocket, WebSocket.WebSocket, WebSocket.WebSocketServer, WebSocket.Server, WebSocket.RawData, WebSocket.Data,
  WebSocket.CertMeta, WebSocket.VerifyClientCallbackSync<Request>, WebSocket.VerifyClientCallbackAsync<Request>,
  WebSocket.FinishRequestCallback, WebSocket.ClientOptions, WebSocket.PerMessageDeflateOptions, WebSocket.Event,
  WebSocket.ErrorEvent, WebSocket.CloseEvent, WebSocket.MessageEvent, WebSocket.WebSocketEventMap,
  WebSocket.EventListenerOptions, WebSocket.ServerOptions<typeof Player, typeof Request>, WebSocket.AddressInfo
]
holds<Equal<Names['length'], 20>>()
