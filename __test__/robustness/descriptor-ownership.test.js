'use strict'

// A descriptor is closed once, by who owns it. If it were closed twice, the second time would hit
// whatever the kernel gave the number to: here files, which are written and read back meanwhile.

const { runProgram } = require('../support/child')
const { RawClient } = require('../support/raw-client')

const ENDS = [
  ['socket.destroy()', 'req.socket.destroy()'],
  ['socket.end()', 'req.socket.end()'],
  ['socket.destroySoon()', 'if (!req.over) req.socket.destroySoon(); req.over = true'],
  ['terminate()', 'webSocket.terminate()'],
  ['close() and terminate()', 'webSocket.close(); webSocket.terminate()'],
  ['terminate() and socket.destroy()', 'webSocket.terminate(); req.socket.destroy()'],
  ['socket.destroy() twice, and once more later', 'req.socket.destroy(); req.socket.destroy(); setImmediate(() => req.socket.destroy())'],
  ['closeAllConnections() and terminate()', 'server.closeAllConnections(); webSocket.terminate()'],
  ['a close frame of the client', 'webSocket.send("close")']
]

/**
 * The program: clients connect, talk and are ended without a pause, while files are written.
 *
 * @param {object} kit
 * @param {string} end what ends a connection
 * @param {number} files how many files to write meanwhile
 * @returns {Promise<void>}
 */
async function churn(kit, end, files) {
  const { fs, frame, closeFrame, OPCODE } = kit
  const os = require('os')
  const path = require('path')
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'offloop-'))
  const closes = []
  const { server, port } = await kit.serve((webSocket, req) => {
    const index = closes.push(0) - 1
    webSocket.on('close', () => { closes[index]++ })
    webSocket.on('message', (data) => {
      webSocket.send(data)
      new Function('webSocket', 'req', 'server', end)(webSocket, req, server)
    })
  })

  let running = true
  const client = async () => {
    while (running) {
      const raw = await kit.RawClient.upgrade({ port }).catch(() => null)
      if (!raw) continue
      raw.socket.write(Buffer.concat(Array.from({ length: 20 }, () => frame(OPCODE.text, 'foreign bytes'))))
      if (end.includes('"close"')) raw.socket.end(closeFrame(1000))
      await raw.readRest()
      raw.socket.destroy()
    }
  }
  const clients = Array.from({ length: 10 }, client)

  const bad = []
  const write = async (i) => {
    const name = path.join(folder, `${i}`)
    const handle = await fs.promises.open(name, 'wx')
    let expected = ''
    for (let part = 0; part < 10; part++) {
      const text = `file ${i}, part ${part}\n`
      expected += text
      await handle.write(text)
    }
    await handle.close()
    if (await fs.promises.readFile(name, 'utf8') !== expected) bad.push(i)
  }
  for (let i = 0; i < files; i += 10) await Promise.all(Array.from({ length: 10 }, (_, at) => write(i + at)))
  running = false
  await Promise.all(clients)
  await kit.until(() => closes.every((count) => count > 0))
  fs.rmSync(folder, { recursive: true })
  server.close()
  kit.report({ bad, connections: closes.length, once: closes.every((count) => count === 1) })
}

test.each(ENDS)('files written while connections end by %s stay intact, and each connection closes once', async (title, end) => {
  const child = runProgram(churn, { args: [end, 200] })
  const { bad, connections, once } = await child.report()
  expect(bad).toEqual([])
  expect(once).toBe(true)
  expect(connections).toBeGreaterThan(10)
  await child.expectExit({ code: 0, signal: null })
})

const linux = process.platform === 'linux' ? test : test.skip

linux('an open connection costs one descriptor', async () => {
  const child = runProgram(async (kit) => {
    const { server, wss, port } = await kit.serve(() => {})
    server.on('request', (req, res) => res.end(JSON.stringify({ descriptors: kit.countDescriptors(), clients: wss.clients.size })))
    kit.report(port)
  })
  const port = await child.report()
  const look = async () => (await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })).json()
  // The first connection may open what all others share.
  await RawClient.upgrade({ port })
  const before = await look()
  for (let i = 0; i < 100; i++) await RawClient.upgrade({ port })
  for (;;) {
    const now = await look()
    if (now.clients === 101 && now.descriptors - before.descriptors === 100) break
  }
})
