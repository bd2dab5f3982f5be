'use strict'

// When a process with WebSockets ends, and how.

const { once } = require('events')

const { startBusyClients } = require('../support/busy-clients')
const { runProgram } = require('../support/child')
const { closeFrame, frame, OPCODE } = require('../support/frames')
const { RawClient, upgradeRequest } = require('../support/raw-client')
const { until } = require('../support/waiting')

describe('a process exits by itself with code 0', () => {
  test('that has only loaded the package', async () => {
    await runProgram((kit) => kit.implementation).expectExit({ code: 0, signal: null })
  })

  test('that has made a server without a port', async () => {
    const child = runProgram((kit) => new kit.implementation.WebSocketServer({ noServer: true }))
    await child.expectExit({ code: 0, signal: null })
  })

  test.each([
    ['a closing handshake begun by the client', 'client.close(1000)'],
    ['a closing handshake begun by the server', 'webSocket.close(1000)'],
    ['terminate() by the server', 'webSocket.terminate()'],
    ['a client that is gone', 'client._socket.destroy()'],
    ['a reset by the client', 'client._socket.resetAndDestroy()'],
    ['destroy() of the request\'s socket', 'req.socket.destroy()'],
    ['a protocol error', 'client._socket.write(Buffer.from([0xff, 0xff])); client.on("error", () => {})'],
    ['a paused connection\'s end', 'webSocket.pause(); webSocket.terminate()']
  ])('whose only connection has ended by %s, and whose server is closed', async (title, end) => {
    const child = runProgram(async (kit, code) => {
      const { WebSocket } = require('ws')
      const { port, server, wss } = await kit.serve((webSocket) => {
        webSocket.on('error', () => {})
        webSocket.on('message', (data) => webSocket.send(data))
      })
      const connection = kit.once(wss, 'connection')
      const client = new WebSocket(`ws://127.0.0.1:${port}`)
      const [webSocket, req] = await connection
      await kit.once(client, 'open')
      client.send('x')
      await kit.once(client, 'message')
      new Function('client', 'webSocket', 'req', code)(client, webSocket, req)
      await new Promise((resolve) => webSocket.on('close', resolve))
      server.close()
    }, { args: [end] })
    await child.expectExit({ code: 0, signal: null })
  })

  test('that had 200 connections', async () => {
    const child = runProgram(async (kit) => {
      const { port, server, wss } = await kit.serve((webSocket) => webSocket.on('message', (data) => webSocket.send(data)))
      kit.report(port)
      await kit.until(() => wss.clients.size === 200)
      kit.report('all here')
      await kit.until(() => wss.clients.size === 0)
      server.close()
    })
    const clients = startBusyClients(await child.report(), 200)
    expect(await child.report()).toBe('all here')
    await until(() => clients.bursts() > 1000)
    clients.destroy()
    await child.expectExit({ code: 0, signal: null })
  })
})

describe('a process stays alive while a connection is open', () => {
  test.each([
    ['closed', (server) => server.close()],
    ['unref\'d', (server) => server.unref()]
  ])('though its server is %s, and exits when it ends', async (title, letGo) => {
    const child = runProgram(async (kit, source) => {
      const { port, server } = await kit.serve((webSocket) => {
        webSocket.on('message', (data) => webSocket.send(data))
        webSocket.on('close', (code) => kit.report(`closed with ${code}`))
      })
      server.on('upgrade', () => new Function(`return ${source}`)()(server))
      kit.report(port)
    }, { args: [String(letGo)] })
    const client = await RawClient.upgrade({ port: await child.report() })
    for (let i = 0; i < 20; i++) {
      await client.write(frame(OPCODE.text, `${i}`))
      expect((await client.readFrame()).payload.toString()).toBe(`${i}`)
    }
    client.socket.end(closeFrame(1000))
    expect(await child.report()).toBe('closed with 1000')
    await child.expectExit({ code: 0, signal: null })
  })
})

describe('a process whose only connection is unref\'d', () => {
  /** Serves one connection, says `_socket.unref()` and whatever else to it, and echoes. */
  function serveUnheld(letGo) {
    return runProgram(async (kit, source) => {
      const { port, server } = await kit.serve((webSocket) => {
        webSocket.on('message', (data) => webSocket.send(data))
        new Function('socket', source)(webSocket._socket)
        server.close()
      })
      kit.report(port)
    }, { args: [letGo] })
  }

  test('exits though it is open', async () => {
    const child = serveUnheld('socket.unref()')
    const client = await RawClient.connect({ port: await child.report() })
    client.socket.write(upgradeRequest())
    await child.expectExit({ code: 0, signal: null })
  })

  test('stays alive when it is ref\'d again, until it ends', async () => {
    const child = serveUnheld('socket.unref().unref().ref().ref()')
    const client = await RawClient.upgrade({ port: await child.report() })
    for (let i = 0; i < 20; i++) {
      await client.write(frame(OPCODE.text, `${i}`))
      expect((await client.readFrame()).payload.toString()).toBe(`${i}`)
    }
    client.socket.end(closeFrame(1000))
    await child.expectExit({ code: 0, signal: null })
  })
})

describe('with 50 busy connections', () => {
  const ENDS = [
    ['process.exit(7) in a message listener', 'process.exit(7)', { code: 7, signal: null }],
    ['process.exit(7) in a timer', 'setTimeout(() => process.exit(7), 0)', { code: 7, signal: null }],
    ['process.exit(7) in the callback of a send', 'webSocket.send("x", () => process.exit(7))', { code: 7, signal: null }],
    ['process.exit(7) in a close listener', 'webSocket.on("close", () => process.exit(7)); webSocket.terminate()', { code: 7, signal: null }],
    ['process.exitCode = 7 and everything terminated', 'process.exitCode = 7; server.close(); for (const each of wss.clients) each.terminate()', { code: 7, signal: null }],
    ['SIGTERM, unhandled', 'process.kill(process.pid, "SIGTERM")', { code: null, signal: 'SIGTERM' }],
    ['SIGTERM, whose handler exits with 0', 'process.once("SIGTERM", () => process.exit(0)); process.kill(process.pid, "SIGTERM")', { code: 0, signal: null }],
    ['an uncaught error in a message listener', 'throw new Error("on purpose")', { code: 1, signal: null }],
    ['an uncaught error in a timer', 'setImmediate(() => { throw new Error("on purpose") })', { code: 1, signal: null }],
    ['an unhandled rejection', 'Promise.reject(new Error("on purpose"))', { code: 1, signal: null }]
  ]

  test.each(ENDS)('%s ends the process so, three times out of three', async (title, end, expected) => {
    for (let run = 0; run < 3; run++) {
      const child = runProgram(async (kit, code) => {
        let received = 0
        const { port, server, wss } = await kit.serve((webSocket) => {
          webSocket.on('message', (data) => {
            webSocket.send(data)
            received++
            if (received < 3000 || wss.clients.size < 50) return
            received = -Infinity
            new Function('webSocket', 'server', 'wss', code)(webSocket, server, wss)
          })
        })
        kit.report(port)
      }, { args: [end] })
      const clients = startBusyClients(await child.report(), 50)
      await child.expectExit(expected)
      await clients.ended
      if (expected.code === 1) expect(child.stderr).toContain('on purpose')
    }
  })

  test('SIGKILL is a reset or an end for the clients', async () => {
    const child = runProgram(async (kit) => {
      kit.report((await kit.serve((webSocket) => webSocket.on('message', (data) => webSocket.send(data)))).port)
    })
    const clients = startBusyClients(await child.report(), 50)
    await until(() => clients.bursts() > 500)
    child.process.kill('SIGKILL')
    await clients.ended
    await child.expectExit({ code: null, signal: 'SIGKILL' })
  })
})

test('a child process that is spawned while connections are open does not keep them open', async () => {
  const child = runProgram(async (kit) => {
    const { spawn } = require('child_process')
    const { port } = await kit.serve((webSocket) => webSocket.on('message', () => {
      // Reads its stdin for ever: it would hold every descriptor it had inherited.
      const sleeper = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] })
      sleeper.on('spawn', () => {
        webSocket.terminate()
        kit.report('terminated')
      })
      process.on('SIGTERM', () => { sleeper.kill('SIGKILL'); process.exit(0) })
    }))
    kit.report(port)
  })
  const client = await RawClient.upgrade({ port: await child.report() })
  const ended = once(client.socket, 'end')
  await client.write(frame(OPCODE.text, 'spawn'))
  expect(await child.report()).toBe('terminated')
  await ended
  child.process.kill('SIGTERM')
  await child.expectExit({ code: 0, signal: null })
})
