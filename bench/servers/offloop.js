'use strict'

/** offloop, through `handleUpgrade` on a plain http server. */

const { handleUpgrade } = require('../../index.js')
const { attend, createServer, serve, task, webSocketOptions } = require('./control')

const server = createServer()
const options = webSocketOptions()
/** All connections, where somebody has to know them. */
const clients = task.task === 'broadcast' ? new Set() : undefined

server.on('upgrade', (req, socket, head) => {
  handleUpgrade(req, socket, head, options, (ws) => {
    clients?.add(ws)
    if (clients) ws.on('close', () => clients.delete(ws))
    attend(ws, clients)
  })
})
serve(server)
