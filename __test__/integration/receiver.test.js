'use strict'

// What Receiver owes to the addon under it, beside what it has in common with the one of ws.

const { runProgram } = require('../support/child')
const { OPCODE, frame } = require('../support/frames')
const { implementation, testBeyondWs } = require('../support/implementation')

testBeyondWs('the events behind a listener that throws are not lost', async () => {
  const receiver = new implementation.Receiver({ isServer: true })
  const heard = []
  receiver.on('message', (data) => {
    heard.push(data.toString())
    if (heard.length === 1) throw new Error('mine')
  })
  const bytes = Buffer.concat(['a', 'b', 'c'].map((text) => frame(OPCODE.text, text)))
  expect(() => receiver.write(bytes)).toThrow('mine')
  expect(heard).toEqual(['a'])
  await new Promise((resolve) => receiver.write(frame(OPCODE.text, 'd'), resolve))
  expect(heard).toEqual(['a', 'b', 'c', 'd'])
})

test('a Receiver in the middle of a message, that nobody refers to any more, leaves nothing behind', async () => {
  const child = runProgram(async (kit) => {
    const part = kit.frame(kit.OPCODE.binary, Buffer.alloc(50_000), { declared: 60_000 })
    const dropMany = async () => {
      for (let count = 0; count < 1000; count++) {
        const receiver = new kit.implementation.Receiver({ isServer: true })
        receiver.write(Buffer.from(part))
        if (count % 2) receiver.destroy()
      }
      for (let round = 0; round < 10; round++) {
        global.gc()
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await dropMany()
    const before = process.memoryUsage().rss
    for (let round = 0; round < 8; round++) await dropMany()
    kit.report((process.memoryUsage().rss - before) / 2 ** 20)
  }, { execArgv: ['--expose-gc'] })
  // 400 MB came in after the first round.
  expect(await child.report()).toBeLessThan(64)
  await child.expectExit({ code: 0, signal: null })
})
