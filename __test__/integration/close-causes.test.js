'use strict'

// What `closeCause` says of each way in which a connection can end.

const { once } = require('events')

const { closeFrame, frame, OPCODE } = require('../support/frames')
const { testBeyondWs } = require('../support/implementation')
const { RawClient } = require('../support/raw-client')
const { serve } = require('../support/servers')
const { closeOf } = require('../support/waiting')

/**
 * Connects a raw client and gives both ends.
 *
 * @param {object} [options] options of the server
 * @returns {Promise<{peer: RawClient, webSocket: object}>}
 */
async function open(options) {
  const { port, wss } = await serve((webSocket) => webSocket.on('error', () => {}), { options })
  const connection = once(wss, 'connection')
  const peer = await RawClient.upgrade({ port })
  const [webSocket] = await connection
  return { peer, webSocket }
}

const WAYS = [
  ['the peer’s close frame', { type: 'peer' }, ({ peer }) => peer.socket.end(closeFrame(1000))],
  ['a FIN without a close frame', { type: 'fin' }, ({ peer }) => peer.socket.end()],
  ['a reset', { type: 'reset', detail: 'ECONNRESET' }, ({ peer }) => peer.socket.resetAndDestroy()],
  ['terminate()', { type: 'terminated' }, ({ webSocket }) => webSocket.terminate()],
  ['the destruction of Node’s socket', { type: 'terminated' }, ({ webSocket }) => webSocket._socket.destroy()],
  [
    'a broken rule',
    { type: 'protocol', detail: 'WS_ERR_INVALID_OPCODE' },
    ({ peer }) => peer.socket.end(frame(3, 'x'))
  ]
]

describe('closeCause', () => {
  testBeyondWs.each(WAYS)('tells of %s', async (name, cause, end) => {
    const both = await open()
    expect(both.webSocket.closeCause).toBe(null)
    const closed = closeOf(both.webSocket)
    await end(both)
    await closed
    expect(both.webSocket.closeCause).toEqual(cause)
  })

  testBeyondWs('tells of close(), whatever the peer answers', async () => {
    const { peer, webSocket } = await open()
    webSocket.close(1001)
    expect(webSocket.closeCause).toEqual({ type: 'local' })
    expect((await peer.readFrame()).opcode).toBe(OPCODE.close)
    const closed = closeOf(webSocket)
    peer.socket.end(closeFrame(1001))
    await closed
    expect(webSocket.closeCause).toEqual({ type: 'local' })
  })

  testBeyondWs('tells what kept close() from being answered', async () => {
    const { webSocket } = await open({ closeTimeout: 20 })
    webSocket.close()
    await closeOf(webSocket)
    expect(webSocket.closeCause).toEqual({ type: 'closeTimeout' })
  })

  testBeyondWs('is in the event of the browser’s face', async () => {
    const { peer, webSocket } = await open()
    const event = new Promise((resolve) => { webSocket.onclose = resolve })
    peer.socket.end()
    expect(await event).toMatchObject({ code: 1006, cause: { type: 'fin' } })
  })
})
