// A CommonJS program that adds to the interfaces of ws, and names what it needs.

import { createServer } from 'node:http'

import {
  createWebSocketStream, Server, WebSocket, WebSocketServer,
  type AddressInfo, type ClientOptions, type RawData, type ServerOptions
} from 'ws'

declare module 'ws' {
  interface ServerOptions { room?: string }
  interface ClientOptions { name?: string }
  interface WebSocketServer { rooms: Map<string, number> }
  interface WebSocketEventMap { open: Event }
}

const options: ServerOptions = { server: createServer(), room: 'lobby' }
const clientOptions: ClientOptions = { name: 'me', headers: { cookie: 'a' } }
const wss = new WebSocketServer(options)
const rooms: Map<string, number> | undefined = (wss as WebSocketServer).rooms
void rooms
const client: WebSocket = new WebSocket('ws://localhost', clientOptions)
client.on('message', (data: RawData, isBinary: boolean) => isBinary || data)
createWebSocketStream(client).on('data', (chunk: Buffer) => chunk)
const { port } = new Server({ port: 0 }).address() as AddressInfo
port.toFixed()

interface Tracked extends WebSocket { isAlive: boolean, _socket: { remoteAddress: string } }
wss.on('connection', (ws: Tracked) => { ws.isAlive = ws._socket.remoteAddress !== '' })
