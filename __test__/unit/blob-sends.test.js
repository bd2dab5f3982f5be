'use strict'

const { loadFace, nextTurn, openWebSocket, recordEvents, takeSent } = require('./fake-layers')

/**
 * Makes a Blob that is read when the test says so.
 *
 * @param {string} text What it holds
 * @returns {Blob} With `finish()` and `fail(error)`
 */
function slowBlob (text) {
  const blob = new Blob([text])
  blob.arrayBuffer = () => new Promise((resolve, reject) => {
    blob.finish = () => resolve(new TextEncoder().encode(text).buffer)
    blob.fail = reject
  })
  return blob
}

let face
let ws
beforeEach(() => {
  face = loadFace()
  ws = openWebSocket(face)
})

test('a Blob goes out when it has been read, as binary', async () => {
  const blob = slowBlob('blob')
  ws.send(blob)
  expect(takeSent(face)).toEqual([])
  blob.finish()
  await nextTurn()
  expect(takeSent(face)).toEqual([['message', Buffer.from('blob'), true, true, false]])
})

test('everything keeps the order of the calls', async () => {
  const [first, second, third] = ['1', '4', '6'].map(slowBlob)
  ws.send(first)
  ws.send('2')
  ws.ping('3')
  ws.send(second, { binary: false, fin: false })
  ws.pong('5')
  ws.pong(third)
  ws.close(1000, '7')
  first.finish()
  await nextTurn()
  expect(takeSent(face).map(([kind, data]) => [kind, data.toString()])).toEqual([['message', '1'], ['message', '2'], ['ping', '3']])
  second.finish()
  await nextTurn()
  expect(takeSent(face)).toEqual([['message', Buffer.from('4'), false, false, false], ['pong', '5']])
  third.finish()
  await nextTurn()
  expect(takeSent(face)).toEqual([['pong', Buffer.from('6')], ['close', 1000, Buffer.from('7'), 0]])
})

test('when all has gone out, sends go straight again', async () => {
  const blob = slowBlob('1')
  ws.send(blob)
  blob.finish()
  await nextTurn()
  ws.send('2')
  expect(takeSent(face).map(([, data]) => data.toString())).toEqual(['1', '2'])
})

test('bytes that wait are those of the call, whatever happens to them later', async () => {
  const blob = slowBlob('1')
  const bytes = Buffer.from('as it was')
  ws.send(blob)
  ws.send(bytes)
  bytes.fill('x')
  blob.finish()
  await nextTurn()
  expect(takeSent(face)[1][1].toString()).toBe('as it was')
})

test('what waits counts as buffered', async () => {
  const blob = slowBlob('12345')
  ws.send(blob)
  ws.send('é')
  ws.ping(Buffer.alloc(3))
  ws.close(1000, 'ab')
  expect(ws.bufferedAmount).toBe(5 + 2 + 3 + 4)
  blob.finish()
  await nextTurn()
  expect(ws.bufferedAmount).toBe(0)
})

test('an empty Blob is an empty message', async () => {
  ws.send(new Blob([]))
  while (face.queue.length === 0) await nextTurn()
  expect(takeSent(face)).toEqual([['message', Buffer.alloc(0), true, true, false]])
})

test('a Blob that cannot be read ends the connection, and the callbacks get the error', async () => {
  const events = recordEvents(ws)
  const blob = slowBlob('1')
  const callback = jest.fn()
  const unreadable = new Error('unreadable')
  ws.send(blob, callback)
  ws.send('2', callback)
  blob.fail(unreadable)
  await nextTurn()
  expect(callback.mock.calls).toEqual([[unreadable], [unreadable]])
  expect(events).toEqual([['error', unreadable]])
  expect(ws.readyState).toBe(ws.CLOSING)
  const [{ driver }] = face.opened
  expect(driver.end).toHaveBeenCalledTimes(1)
  expect(driver.startCloseTimer).toHaveBeenCalledTimes(1)
  expect(takeSent(face)).toEqual([])
})

test('if the connection goes meanwhile, the callbacks get an error and nothing is sent', async () => {
  const blob = slowBlob('1')
  const callback = jest.fn()
  ws.send(blob, callback)
  ws.send('2', callback)
  ws.terminate()
  face.listeners.closed(ws, 0, 0)
  blob.finish()
  await nextTurn()
  const messages = callback.mock.calls.map(([error]) => error.message)
  expect(messages).toEqual(Array(2).fill('The socket was closed while the blob was being read'))
  expect(takeSent(face)).toEqual([])
})

test('a Blob that fails after the end is nobody’s error', async () => {
  const events = recordEvents(ws)
  const blob = slowBlob('1')
  ws.send(blob)
  face.listeners.closed(ws, 0, 0)
  blob.fail(new Error('unreadable'))
  await nextTurn()
  expect(events.map(([name]) => name)).toEqual(['close'])
})
