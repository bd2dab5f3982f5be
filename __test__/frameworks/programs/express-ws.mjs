// Express with express-ws, which brings a `ws` of version 7.

import express from 'express'
import expressWs from 'express-ws'

import { report, reportConnection, ready } from '../support/program.mjs'

const { app, applyTo, getWss } = expressWs(express(), null, { wsOptions: { perMessageDeflate: true, maxPayload: 1024 * 1024 } })

app.use((req, res, next) => {
  req.passed = 'through the middleware'
  next()
})

app.get('/', (req, res) => res.send('hello'))

app.ws('/echo', (webSocket, req) => {
  reportConnection(webSocket)
  webSocket.send(JSON.stringify({ passed: req.passed, query: req.query, address: req.ip }))
  webSocket.on('message', (data, isBinary) => {
    report({ type: data.constructor.name, isBinary })
    webSocket.send(data, { binary: isBinary })
  })
  webSocket.on('error', ({ code }) => report({ code }))
  webSocket.on('close', (code, reason) => report({ code, reason: String(reason) }))
})

// As express-ws documents it for ws 7: a text arrives as a string there.
app.ws('/ws-7', (webSocket) => {
  webSocket.on('message', (message) => webSocket.send(message))
  webSocket.onmessage = ({ data }) => webSocket.send(`${typeof data}: ${data}`)
})

// express-ws gives the routers of Express 4 their ws(); those of Express 5 must be handed to it.
const router = express.Router()
applyTo(router)
router.ws('/:name', (webSocket, req) => {
  webSocket.room = req.params.name
  webSocket.on('message', (data) => {
    for (const client of getWss().clients) {
      if (client.room === webSocket.room) client.send(`${webSocket.room}: ${data}`)
    }
  })
  webSocket.send('joined')
})
app.use('/rooms', router)

app.ws('/broken', () => {
  throw new Error('a handler that throws')
})
// eslint-disable-next-line no-unused-vars -- Express counts the parameters
app.use((error, req, res, next) => {
  report({ error: error.message })
  res.sendStatus(500)
})

const server = app.listen(0, '127.0.0.1', () => {
  ready(server.address().port, () => {
    for (const client of getWss().clients) client.terminate()
    getWss().close()
    server.close()
  })
})
