'use strict'

// Clients of Unix sockets.

const fs = require('fs')
const os = require('os')
const path = require('path')

const { defer } = require('../support/cleanup')
const { openClient, startClient } = require('../support/client-log')
const { OPCODE, frame } = require('../support/frames')
const { implementations } = require('../support/implementation')
const { serveRaw } = require('../support/raw-server')

const onUnix = process.platform === 'win32' ? describe.skip : describe

onUnix.each(implementations)('%s', (name, of) => {
  /** @returns {string} the path of a Unix socket that does not exist yet */
  function socketPath() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'offloop-'))
    defer(() => fs.rmSync(folder, { recursive: true }))
    return path.join(folder, 's.sock')
  }

  test.each([
    ['', 'GET / HTTP/1.1'],
    [':/', 'GET / HTTP/1.1'],
    [':/a/b?c=d', 'GET /a/b?c=d HTTP/1.1'],
    [':/a:b', 'GET /a:b HTTP/1.1']
  ])('ws+unix:<path>%s', async (rest, line) => {
    const file = socketPath()
    const raw = await serveRaw({ path: file })
    const opened = openClient(of, `ws+unix:${file}${rest}`)
    const { peer, request } = await raw.upgrade()
    const { client, log } = await opened
    expect([request.line, request.headers.host]).toEqual([line, 'localhost'])
    expect(client.url).toBe(`ws+unix:${file}${rest}`)
    client.send('to and')
    expect((await peer.readFrame()).payload.toString()).toBe('to and')
    const heard = new Promise((resolve) => client.once('message', resolve))
    await peer.write(frame(OPCODE.text, 'fro', { mask: null }))
    await heard
    expect(log).toEqual(['0 upgrade 101', '1 open 0', '1 message text fro'])
  })

  test('nobody listens', async () => {
    const file = socketPath()
    const { log, closed } = startClient(of, `ws+unix:${file}`)
    await closed
    expect(log).toEqual([`2 error Error: connect ENOENT ${file} (ENOENT)`, '3 close 1006'])
  })

  test('the option socketPath does not count', async () => {
    const raw = await serveRaw()
    const opened = openClient(of, raw.url, { socketPath: socketPath() })
    await raw.upgrade()
    expect((await opened).log).toEqual(['0 upgrade 101', '1 open 0'])
  })
})
