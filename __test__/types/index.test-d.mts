// The same types through `import`.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

import WebSocket, {
  createWebSocketStream, extension, handleUpgrade, PerMessageDeflate, Receiver, Sender, Server, subprotocol,
  WebSocketServer
} from 'offloop'
import { WebSocket as Named, type RawData, type ServerOptions, type UpgradeOptions } from 'offloop'
import * as everything from 'offloop'

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
extension.format(extension.parse('a; b=1'))
createWebSocketStream(client).pipe(new Receiver({ maxPayload: 1 } satisfies everything.ReceiverOptions))
new Sender(socket, { 'permessage-deflate': new PerMessageDeflate() }).ping(PerMessageDeflate.extensionName)
const upgrade: UpgradeOptions = { driver: 'shard', closeTimeout: 1 }
handleUpgrade(req, socket, Buffer.alloc(0), upgrade)
const again: everything.WebSocket = new everything.default('ws://localhost')
again.on('drain', () => {})

// @ts-expect-error there is no such export
import { nothing } from 'offloop'
