'use strict'

// Koa, whose server hands the upgrades of users that are logged in to offloop.

const { connect, receive } = require('./support/clients')
const { startServer } = require('./support/server')

test('a user who is logged in by Koa is connected, and others are not', async () => {
  const server = await startServer('koa')
  const response = await fetch(`${server.http}/login?user=Ada`)
  expect(await response.text()).toBe('hello')
  const cookie = response.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')

  const client = await connect(server.ws, [], { headers: { cookie } })
  await server.expectConnection()
  expect(await receive(client)).toBe('hello Ada from 127.0.0.1')
  client.send('Grüße')
  expect(await receive(client)).toBe('Grüße')
  client.send(Buffer.from([0, 255]))
  expect(await receive(client)).toEqual(Buffer.from([0, 255]))

  await expect(connect(server.ws)).rejects.toThrow('Unexpected server response: 401')
  await expect(connect(server.ws, [], { headers: { cookie: cookie.replace('Ada', 'Eve') } }))
    .rejects.toThrow('Unexpected server response: 401')

  await server.close()
  expect((await client.closed).code).toBe(1001)
})
