// tRPC's adapter for ws, on a WebSocketServer.

import { createServer } from 'node:http'

import { TRPCError, initTRPC, tracked } from '@trpc/server'
import { applyWSSHandler } from '@trpc/server/adapters/ws'

import { WebSocketServer, listen, report, reportConnection, settings } from '../support/program.mjs'

const t = initTRPC.context().create()

/** Takes any input as it is. */
const anything = (input) => input

const router = t.router({
  hello: t.procedure.input(anything).query(({ input, ctx }) => `hello ${input} of ${ctx.team}`),
  add: t.procedure.input(anything).mutation(({ input }) => input.a + input.b),
  refuse: t.procedure.mutation(() => { throw new TRPCError({ code: 'FORBIDDEN', message: 'not you' }) }),
  count: t.procedure.input(anything).subscription(async function* ({ input }) {
    for (let n = 1; n <= input.to; n += 1) yield { n, padding: 'x'.repeat(input.bytes ?? 0) }
  }),
  resume: t.procedure.input(anything).subscription(async function* ({ input, signal }) {
    const first = Number(input?.lastEventId ?? 0) + 1
    report({ subscribedFrom: first })
    for (let n = first; n < first + 3; n += 1) yield tracked(String(n), n)
    await new Promise((resolve) => { signal.onabort = resolve })
    report('unsubscribed')
  })
})

const server = createServer()
const wss = new WebSocketServer({ server })
const handler = applyWSSHandler({
  wss,
  router,
  createContext({ res, info }) {
    reportConnection(res)
    return { team: info.connectionParams?.team ?? 'none' }
  },
  keepAlive: settings.keepAlive
})
process.on('SIGUSR2', () => handler.broadcastReconnectNotification())

await listen(server, () => {
  for (const client of wss.clients) client.close(1001)
  wss.close()
  server.close()
})
