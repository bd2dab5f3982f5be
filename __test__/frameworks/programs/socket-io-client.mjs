// A client of Socket.IO. `settings.url`: its server; `settings.options`: its own.

import { io } from 'socket.io-client'

import { report, reportConnection, settings } from '../support/program.mjs'

const VALUES = [
  'Grüße',
  { list: [1, null, true], text: 'ü' },
  Buffer.from([0, 128, 255]),
  'offloop ü '.repeat(200_000),
  Buffer.alloc(2 * 1024 * 1024, 7)
]

const socket = io(settings.url, { reconnection: false, ...settings.options })
const { engine } = socket.io

/** Tells the test of the connection once it is a WebSocket. */
function reportTransport() {
  const { name, ws } = engine.transport
  if (name !== 'websocket') return
  reportConnection(ws)
  report({ extensions: ws.extensions })
}

engine.on('open', reportTransport)
engine.on('upgrade', reportTransport)

if (!settings.options.autoUnref) {
  socket.on('connect', () => { for (const value of VALUES) socket.emit('echo', value) })
  let index = 0
  socket.on('echo', async (value) => {
    const sent = VALUES[index]
    index += 1
    report(Buffer.isBuffer(sent) ? sent.equals(value) : JSON.stringify(sent) === JSON.stringify(value))
    if (index < VALUES.length) return
    report(await socket.emitWithAck('ask', 'ü'))
    socket.disconnect()
  })
}
