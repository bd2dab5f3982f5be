// Compiled by `tsc -p __test__/types`, never run. What must compile is written plainly, what
// must not stands under `@ts-expect-error`.

import http = require('node:http')
import net = require('node:net')
import stream = require('node:stream')

import ws = require('ws')

import WebSocket = require('offloop')

declare const req: http.IncomingMessage
declare const socket: net.Socket
declare const duplex: stream.Duplex
declare const head: Buffer

// handleUpgrade: every shape of its arguments.
const client = WebSocket.handleUpgrade(req, socket, head)
holds<Equal<typeof client, WebSocket>>()
WebSocket.handleUpgrade(req, duplex, head, { maxPayload: 1024, driver: 'stream' })
WebSocket.handleUpgrade(req, socket, head, (ws, request) => {
  holds<Equal<typeof ws, WebSocket>>()
  holds<Equal<typeof request, http.IncomingMessage>>()
})
WebSocket.handleUpgrade(req, socket, head, { path: '/chat' }, (ws) => ws.send('hello'))
// @ts-expect-error there is no such driver
WebSocket.handleUpgrade(req, socket, head, { driver: 'inline' })
// @ts-expect-error the head is needed
WebSocket.handleUpgrade(req, socket)

// Events carry typed arguments; `this` is the WebSocket.
client.on('message', function (data, isBinary) {
  holds<Equal<typeof data, WebSocket.RawData>>()
  holds<Equal<typeof isBinary, boolean>>()
  this.send(data, { binary: isBinary })
})
client.once('close', (code, reason) => {
  holds<Equal<typeof code, number>>()
  holds<Equal<typeof reason, Buffer>>()
})
client.on('ping', (data) => client.pong(data)).on('pong', (data) => data.length)
client.on('error', (error: WebSocket.HandshakeError) => error.statusCode)
client.on('open', () => {}).on('drain', () => {}).off('drain', () => {})
client.addListener('message', (data) => data.toString())
client.removeListener('close', () => {})
client.on('my own event', (...args) => args.length)

// Sending: what has bytes, with and without options and callback.
const sendables = [
  'text', 1, Buffer.alloc(1), new Uint8Array(1), new DataView(new ArrayBuffer(1)),
  new ArrayBuffer(1), new SharedArrayBuffer(1), new Blob([]), [1, 2]
] as const
for (const data of sendables) client.send(data)
client.send({ valueOf: () => 'text' })
client.send('text', (error) => error?.message)
client.send('text', { binary: true, compress: false, fin: false, mask: undefined })
client.send('text', {}, (error) => error?.message)
client.ping()
client.ping('data', false, (error) => error.message)
client.ping((error) => error.message)
client.pong('data', (error) => error.message)
client.pong('data', undefined, (error) => error.message)
client.close(1000, new Uint8Array(2))
client.close()
client.close(1000, 'reason')
client.close(1000, Buffer.from('reason'))
client.terminate()
client.pause()
client.resume()
// @ts-expect-error a function is no message
client.send(() => {})

// State.
holds<Equal<typeof client.readyState, 0 | 1 | 2 | 3>>()
holds<Equal<typeof WebSocket.OPEN, 1>>()
holds<Equal<typeof client.CLOSED, 3>>()
client.binaryType = 'blob'
// @ts-expect-error it can only be read
client.protocol = 'x'
const facts: [number, string, string, string, boolean] = [
  client.bufferedAmount, client.extensions, client.protocol, client.url, client.isPaused
]
facts.length

// The browser's face.
client.onmessage = (event) => {
  holds<Equal<typeof event.data, WebSocket.Data>>()
  event.target.send('x')
}
client.onclose = ({ code, reason, wasClean }) => [code, reason.length, wasClean]
client.onerror = ({ error, message }) => [error, message.length]
client.onopen = null
client.addEventListener('message', (event) => event.data, { once: true })
client.addEventListener('close', { handleEvent: (event) => event.code })
client.removeEventListener('error', (event) => event.message)
// @ts-expect-error only four events are there
client.addEventListener('ping', () => {})

// A server, as written for ws.
const wss = new WebSocket.Server({ noServer: true, clientTracking: true })
const verifyClient: WebSocket.VerifyClientCallbackSync = ({ origin, secure, req: request }) =>
  secure && origin === request.url
const options: WebSocket.ServerOptions = {
  port: 0,
  verifyClient,
  handleProtocols: (protocols) => protocols.values().next().value ?? false,
  perMessageDeflate: { threshold: 1024, zlibDeflateOptions: { level: 3 } },
  maxPendingAutoPongs: 10,
  closeTimeout: 1000
}
new WebSocket.WebSocketServer(options, () => {}).close((error) => error?.message)
new WebSocket.Server({
  server: http.createServer(),
  verifyClient: (info, callback) => callback(info.secure, 403, 'no', { 'X-Why': 'not secure' })
})
wss.on('connection', function (ws, request) {
  holds<Equal<typeof ws, WebSocket>>()
  holds<Equal<typeof request, http.IncomingMessage>>()
  this.clients.delete(ws)
})
wss.on('headers', (lines, request) => lines.push(`X-Path: ${request.url}`))
wss.on('wsClientError', (error, broken) => broken.destroy(error))
wss.once('listening', () => {}).on('error', (error) => error.message).on('close', () => {})
wss.handleUpgrade(req, duplex, head, (ws) => wss.emit('connection', ws, req))
wss.shouldHandle(req)
wss.options.handleProtocols = () => 'chat'
for (const ws of wss.clients) ws.send('all')
const address: string | WebSocket.AddressInfo | null = wss.address()
address?.toString()

// A class of the user's own goes through.
class Player extends WebSocket {
  score = 0
}
class Request extends http.IncomingMessage {
  user = ''
}
const games = new WebSocket.WebSocketServer<typeof Player, typeof Request>({
  noServer: true,
  WebSocket: Player
})
games.on('connection', (player, request) => [player.score, request.user.length])
const player = WebSocket.handleUpgrade(req, socket, head, { WebSocket: Player })
player.score++

// Names of types that programs written for ws use.
type Names = [
  WebSocket.WebSocket, WebSocket.WebSocketServer, WebSocket.RawData, WebSocket.Data,
  WebSocket.Event, WebSocket.ErrorEvent, WebSocket.CloseEvent, WebSocket.MessageEvent,
  WebSocket.WebSocketEventMap, WebSocket.EventListenerOptions, WebSocket.AddressInfo,
  WebSocket.PerMessageDeflateOptions, WebSocket.VerifyClientCallbackSync,
  WebSocket.VerifyClientCallbackAsync
]
holds<Equal<Names['length'], 14>>()

holds<Equal<ReturnType<typeof WebSocket.subprotocol.parse>, Set<string>>>()

// What is written for a connection of ws takes one of offloop.
const classOfWs: new (address: string, options?: ws.ClientOptions) => ws = WebSocket
const connectionOfWs: ws.WebSocket = client
void [classOfWs, connectionOfWs]

// Clients, and what only offloop's options have.
new WebSocket('ws://localhost', { closeTimeout: 1, maxPendingAutoPongs: 1, protocols: ['chat'], driver: 'stream' })
new WebSocket(null, undefined, { isServer: false })
client.on('redirect', (url, request) => request.setHeader('X-From', url))
client.on('unexpected-response', (request, response) => [request.path, response.statusCode])
client.once('upgrade', (response) => response.headers)
holds<Equal<typeof client.binaryType, 'nodebuffer' | 'arraybuffer' | 'fragments'>>()
// @ts-expect-error there is no such type
client.binaryType = 'string'
// @ts-expect-error there is no such driver
new WebSocket('ws://localhost', { driver: 'inline' })

// A stream.
holds<Equal<ReturnType<typeof WebSocket.createWebSocketStream>, stream.Duplex>>()

// Framing by hand.
const frames: Buffer[] = WebSocket.Sender.frame('text', { fin: true, opcode: 1, mask: true, readOnly: false, rsv1: false })
const sender = new WebSocket.Sender(duplex, { 'permessage-deflate': new WebSocket.PerMessageDeflate() }, (mask) => mask.fill(0))
sender.sendFrame(frames, (error) => error?.message)
sender.send(new Blob([]), { binary: true, compress: true, fin: true }, (error) => error?.message)
sender.ping('', true)
sender.pong(Buffer.alloc(0), false, () => {})
sender.close(1000, 'bye', true, () => {})
sender.onerror = (error) => error.message
// @ts-expect-error the opcode is needed
WebSocket.Sender.frame('text', {})

const receiver = new WebSocket.Receiver({
  allowSynchronousEvents: false, binaryType: 'blob', extensions: {}, isServer: true,
  maxBufferedChunks: 1, maxFragments: 1, maxPayload: 1, skipUTF8Validation: true
})
const writable: stream.Writable = receiver
duplex.pipe(writable)
receiver.on('message', (data, isBinary) => {
  holds<Equal<typeof data, WebSocket.RawData | Blob>>()
  holds<Equal<typeof isBinary, boolean>>()
})
receiver.once('conclude', (code, reason) => [code.toFixed(), reason.length]).on('ping', (data) => data.length).on('finish', () => {})

const deflate = new WebSocket.PerMessageDeflate({ isServer: true, maxPayload: 1, serverMaxWindowBits: true, zlibDeflateOptions: { level: 1 } })
holds<Equal<typeof WebSocket.PerMessageDeflate.extensionName, 'permessage-deflate'>>()
const offers = WebSocket.extension.parse('permessage-deflate; client_max_window_bits')
holds<Equal<typeof offers, { [name: string]: WebSocket.ExtensionParams[] }>>()
const agreed: WebSocket.PerMessageDeflateParams = deflate.accept(offers['permessage-deflate'] ?? [])
WebSocket.extension.format({ 'permessage-deflate': agreed, other: [{ a: true }, deflate.offer()] }).trim()
deflate.compress('text', true, (error, result) => error ?? result.length)
deflate.decompress(head, false, (error, result) => error ?? result.length)
deflate.cleanup()
