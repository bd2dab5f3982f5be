'use strict'

/** Echo with offloop, through `handleUpgrade` on a plain http server. */

const http = require('node:http')
const { handleUpgrade } = require('../../index.js')
const { serve } = require('./control')

const server = http.createServer()

server.on('upgrade', (req, socket, head) => {
  handleUpgrade(req, socket, head, (ws) => {
    ws.on('error', console.error)
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
  })
})
serve(server)
