// The same types through `import`.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

import WebSocket, { handleUpgrade, Server, subprotocol, WebSocketServer } from 'offloop'
import { WebSocket as Named, type RawData, type ServerOptions } from 'offloop'

declare const req: IncomingMessage
declare const socket: Socket

const client: WebSocket = handleUpgrade(req, socket, Buffer.alloc(0))
const same: Named = client
same.on('message', (data: RawData) => data.toString())

const options: ServerOptions = { noServer: true }
const wss: WebSocketServer = new WebSocketServer(options)
wss.on('connection', (ws) => ws.readyState === WebSocket.OPEN)
new Server(options).close()
subprotocol.parse('a, b').has('a')

// @ts-expect-error there is no such export
import { nothing } from 'offloop'
