// An ES module that does everything that the exports of ws allow.

import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { Duplex } from 'node:stream'

import WebSocket, {
  createWebSocketStream, WebSocket as Named, WebSocketServer,
  type AddressInfo, type CertMeta, type ClientOptions, type CloseEvent, type Data, type ErrorEvent,
  type Event, type EventListenerOptions, type FinishRequestCallback, type MessageEvent,
  type PerMessageDeflateOptions, type RawData, type Server, type ServerOptions,
  type VerifyClientCallbackAsync, type VerifyClientCallbackSync
} from 'ws'
import * as everything from 'ws'

export * from 'ws'
export { default as Socket, type RawData as Raw } from 'ws'

declare module 'ws' {
  interface WebSocket { isAlive: boolean }
  interface ServerOptions { room?: string }
  interface WebSocketServer { rooms: Map<string, number> }
}

const options: ServerOptions = { server: createServer(), room: 'lobby', perMessageDeflate: {} as PerMessageDeflateOptions }
const verifyClient: VerifyClientCallbackSync<IncomingMessage> = ({ secure }) => secure
const verifyLater: VerifyClientCallbackAsync = (info, callback) => callback(info.secure, 403)
const wss: WebSocketServer = Object.assign(new WebSocketServer({ ...options, verifyClient }), { rooms: new Map<string, number>() })
wss.rooms.clear()
new everything.WebSocketServer({ noServer: true, verifyClient: verifyLater }).on('connection', (ws, request) => {
  ws.isAlive = request.complete
  ws.on('pong', function () { this.isAlive = true })
})
const same: Server = wss
const { port }: AddressInfo = same.address() as AddressInfo
const clientOptions: ClientOptions = { finishRequest: ((request) => request.end()) satisfies FinishRequestCallback }
const client: WebSocket = new Named(`ws://localhost:${port}`, ['chat'], clientOptions)
const again: everything.WebSocket = new everything.default(new URL('ws://localhost'))
again.isAlive = client.isAlive
const raw: RawData | WebSocket.RawData = Buffer.alloc(1)
const listen = { once: true } satisfies EventListenerOptions
client.addEventListener('message', ({ data, target }: MessageEvent) => target.send(data as Data as string), listen)
client.addEventListener('close', ({ wasClean }: CloseEvent) => wasClean)
client.addEventListener('error', ({ error }: ErrorEvent) => { throw error })
client.onopen = ({ target }: Event) => target.send(raw)
const stream: Duplex = createWebSocketStream(client, { readableObjectMode: true })
const certificate: CertMeta = ['one', 'two']
stream.end(String(certificate.length + WebSocket.OPEN))

class Player extends WebSocket {
  score = 0
}
new WebSocketServer({ port: 0, WebSocket: Player }).on('connection', (player) => player.score++)
