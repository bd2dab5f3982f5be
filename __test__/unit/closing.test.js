'use strict'

const { loadFace, nextTurn, openWebSocket, recordEvents, takeSent } = require('./fake-layers')

let face
let ws
let events
let driver
beforeEach(() => {
  face = loadFace()
  ws = openWebSocket(face)
  events = recordEvents(ws)
  ;[{ driver }] = face.opened
})

/** Says that what was queued is on its way. */
function flush () {
  for (const { callback } of face.queue.splice(0)) callback?.()
}

test('close() sends the close frame and starts the timer', () => {
  ws.close(3000, 'bye')
  expect(takeSent(face)).toEqual([['close', 3000, Buffer.from('bye'), 0]])
  expect(ws.readyState).toBe(ws.CLOSING)
  expect(driver.startCloseTimer).toHaveBeenCalledTimes(1)
})

test('without a code the close frame is empty', () => {
  ws.close()
  expect(takeSent(face)).toEqual([['close', 0, Buffer.alloc(0), 0]])
})

test('after a refused argument the connection is open as before', () => {
  expect(() => ws.close(999)).toThrow(TypeError)
  expect(ws.readyState).toBe(ws.OPEN)
  expect(driver.startCloseTimer).not.toHaveBeenCalled()
})

test('a second close() sends nothing', () => {
  ws.close(1000)
  ws.close(1001)
  expect(takeSent(face)).toHaveLength(1)
})

test('the transport ends when both close frames have gone, whichever came first', () => {
  ws.close(1000)
  flush()
  expect(driver.end).not.toHaveBeenCalled()
  face.listeners.closeFrame(ws, 1000, Buffer.from('ok'))
  expect(driver.end).toHaveBeenCalledTimes(1)
  ws.close()
  expect(driver.end).toHaveBeenCalledTimes(1)
})

test.each([[3001, 'why', 3001], [1005, '', 0]])('a close frame with %d is answered with the same', (code, reason, answer) => {
  face.listeners.closeFrame(ws, code, Buffer.from(reason))
  expect(takeSent(face)).toEqual([['close', answer, Buffer.from(reason), 0]])
  expect(ws.readyState).toBe(ws.CLOSING)
})

test('the transport ends right behind the answer', () => {
  let sentBefore
  driver.end.mockImplementation(() => { sentBefore = takeSent(face) })
  face.listeners.closeFrame(ws, 1000, Buffer.alloc(0))
  expect(sentBefore).toEqual([['close', 1000, Buffer.alloc(0), 0]])
  expect(driver.end).toHaveBeenCalledTimes(1)
  expect([ws._closeFrameSent, ws._closeFrameReceived]).toEqual([true, true])
})

test('a close frame that could not be sent ends nothing', () => {
  ws.close(1000)
  face.queue[0].callback(new Error('lost'))
  face.listeners.closeFrame(ws, 1000, Buffer.alloc(0))
  expect(ws._closeFrameSent).toBe(false)
  expect(driver.end).not.toHaveBeenCalled()
})

test('close tells the code and the reason of the peer, in memory of its own', () => {
  const buffer = Buffer.from('xxwhyxx')
  face.listeners.closeFrame(ws, 3000, buffer.subarray(2, 5))
  buffer.fill(0)
  face.listeners.closed(ws, 0, 0)
  expect(events).toEqual([['close', 3000, Buffer.from('why')]])
  expect(events[0][2].buffer.byteLength).toBe(3)
  expect(ws.readyState).toBe(ws.CLOSED)
})

test('a protocol error sends its close code, emits error, and then close with 1006', () => {
  const error = Object.assign(new RangeError('bad'), { closeCode: 1002 })
  face.listeners.failed(ws, error)
  expect(face.queue[0].args.slice(0, 2)).toEqual([1002, Buffer.alloc(0)])
  expect(events).toEqual([['error', error]])
  flush()
  expect(driver.end).toHaveBeenCalledTimes(1)
  face.listeners.closed(ws, 0, 0)
  expect(events.at(-1)).toEqual(['close', 1006, Buffer.alloc(0)])
})

test('a protocol error after our close frame ends the transport at once', () => {
  ws.close(1000)
  flush()
  face.listeners.failed(ws, Object.assign(new RangeError('bad'), { closeCode: 1002 }))
  expect(takeSent(face)).toEqual([])
  expect(driver.end).toHaveBeenCalledTimes(1)
})

test('the end of the peer’s side ends ours', () => {
  face.listeners.peerEnded(ws)
  expect(ws.readyState).toBe(ws.CLOSING)
  expect(driver.end).toHaveBeenCalledTimes(1)
  face.listeners.closed(ws, 0, 0)
  expect(events).toEqual([['close', 1006, Buffer.alloc(0)]])
})

test('terminate() drops the connection; what is sent after it fails', () => {
  const callback = jest.fn()
  ws.terminate()
  expect(driver.destroy).toHaveBeenCalledTimes(1)
  expect(ws.readyState).toBe(ws.CLOSING)
  ws.send('x', callback)
  expect(takeSent(face)).toEqual([])
  face.listeners.closed(ws, 0, 0)
  ws.terminate()
  expect(driver.destroy).toHaveBeenCalledTimes(1)
})

describe('before the opening handshake is done', () => {
  beforeEach(() => {
    ws = new face.WebSocket(null)
    events = recordEvents(ws)
  })

  test.each(['close', 'terminate'])('%s() gives it up', async (method) => {
    const abort = jest.fn()
    ws._handshake = { abort }
    ws[method]()
    ws[method]()
    expect(ws.readyState).toBe(ws.CLOSING)
    expect(events).toEqual([])
    await nextTurn()
    expect(abort).toHaveBeenCalledTimes(1)
    expect(events.map(([name, first]) => [name, first.message ?? first])).toEqual([
      ['error', 'WebSocket was closed before the connection was established'],
      ['close', 1006]
    ])
    expect(ws.readyState).toBe(ws.CLOSED)
  })

  test('on a server nobody needs to listen to its error', async () => {
    const quiet = new face.WebSocket(null)
    const closed = new Promise((resolve) => quiet.on('close', resolve))
    quiet.terminate()
    expect(await closed).toBe(1006)
  })
})
