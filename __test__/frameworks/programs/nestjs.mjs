// NestJS. `settings.own`: with an adapter that makes WebSocketServers of ours; else with its WsAdapter.

import 'reflect-metadata'

import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { WsAdapter } from '@nestjs/platform-ws'
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets'
import { interval, map, take } from 'rxjs'

import { WebSocketServer, ready, report, reportConnection, settings } from '../support/program.mjs'

/** What JavaScript has no decorators for: each method with the message that it answers. */
const MESSAGES = { echo: 'echo', count: 'count', refuse: 'refuse', broadcast: 'tell all' }

class Gateway {
  afterInit(server) {
    this.server = server
  }

  handleConnection(client, req) {
    reportConnection(client)
    client.name = new URL(req.url, 'ws://host').searchParams.get('name')
  }

  handleDisconnect(client) {
    report({ disconnected: client.name })
  }

  echo(client, data) {
    return { event: 'echoed', data: { data, to: client.name } }
  }

  count(client, to) {
    return interval(1).pipe(take(to), map((n) => ({ event: 'counted', data: n })))
  }

  refuse() {
    throw new WsException('not you')
  }

  broadcast(client, news) {
    for (const each of this.server.clients) each.send(JSON.stringify({ event: 'news', data: news }))
  }
}

WebSocketGateway({ path: '/socket', maxPayload: 2 * 1024 * 1024 })(Gateway)
for (const [method, message] of Object.entries(MESSAGES)) {
  SubscribeMessage(message)(Gateway.prototype, method, Object.getOwnPropertyDescriptor(Gateway.prototype, method))
}

class OffloopAdapter extends WsAdapter {
  create(port, options) {
    return this.bindErrorHandler(new WebSocketServer({ server: this.httpServer, ...options }))
  }
}

class App {}
Module({ providers: [Gateway] })(App)

const app = await NestFactory.create(App, { logger: false })
app.useWebSocketAdapter(settings.own ? new OffloopAdapter(app) : new WsAdapter(app))
await app.listen(0, '127.0.0.1')
ready(app.getHttpServer().address().port, () => app.close())
