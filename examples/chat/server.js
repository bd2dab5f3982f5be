'use strict'

// A chat room: one http server, a Koa app and offloop on one port.
//
//   npm start                               installs, builds, and serves http://localhost:8080
//   PORT=3000 node examples/chat/server.js  when it is built already
//
// Open the page twice, or on a phone in the same network.

const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const Koa = require('koa')
const { handleUpgrade } = require('../..')
const { Room } = require('./room')

const PORT = Number(process.env.PORT || 8080)
const CHAT_PATH = '/chat'
const MAX_MESSAGE_BYTES = 1024 * 1024
const GRACE_MS = 1000

const PUBLIC_FOLDER = path.join(__dirname, 'public')
// A list, not a lookup on the disk: no request can name a file that is not meant for the page.
const PUBLIC_FILES = new Map([
  ['/', 'index.html'],
  ['/chat.css', 'chat.css'],
  ['/chat.mjs', 'chat.mjs'],
  ['/connection.mjs', 'connection.mjs'],
  ['/icon.svg', 'icon.svg']
])

/**
 * The Koa app. It serves the page and has nothing to do with WebSockets.
 *
 * @returns {Koa} the app
 */
function createApp () {
  const app = new Koa()
  app.use((ctx) => {
    const file = PUBLIC_FILES.get(ctx.path)
    if (file === undefined) return
    ctx.set('Cache-Control', 'no-cache')
    ctx.set('Content-Security-Policy', "default-src 'self'; frame-ancestors 'none'")
    ctx.set('X-Content-Type-Options', 'nosniff')
    ctx.type = path.extname(file)
    ctx.body = fs.createReadStream(path.join(PUBLIC_FOLDER, file))
  })
  return app
}

/**
 * The name of whoever is at the other end: address and port.
 *
 * @param {import('node:net').Socket} socket the socket of the request
 * @returns {string} as in `192.0.2.7:50123` or `[2001:db8::7]:50123`
 */
function nameOf (socket) {
  // A server that listens on IPv6 and IPv4 sees IPv4 addresses in their mapped form.
  const address = String(socket.remoteAddress).replace(/^::ffff:/, '')
  return address.includes(':') ? `[${address}]:${socket.remotePort}` : `${address}:${socket.remotePort}`
}

/**
 * Turns upgrade requests for the chat into members of the room, and refuses the others.
 *
 * @param {http.Server} server the server the app runs on
 * @param {Room} room the room to enter
 */
function attachChat (server, room) {
  server.on('upgrade', (req, socket, head) => {
    if (req.url !== CHAT_PATH) {
      socket.on('error', () => socket.destroy())
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    handleUpgrade(req, socket, head, { maxPayload: MAX_MESSAGE_BYTES }, (client) => {
      room.enter(client, nameOf(req.socket))
    })
  })
}

const room = new Room()
const server = http.createServer(createApp().callback())
attachChat(server, room)

server.listen(PORT, () => {
  console.log(`The chat room is open: http://localhost:${server.address().port}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  // Nothing else keeps the process alive: it ends by itself when the last member has gone.
  process.once(signal, () => {
    room.close()
    server.close()
    // Browsers open connections ahead of need. http.Server takes one without a request for busy, and
    // would wait until the browser gives it up. Members are not among these: they are offloop's.
    setTimeout(() => server.closeAllConnections(), GRACE_MS).unref()
  })
}
