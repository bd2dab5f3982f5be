/**
 * Clients that are busy until their process is killed: they send, and read half of the time.
 */

import process from 'node:process'

import { frame, OPCODE, Raw } from './raw.mjs'

const CONNECTIONS = 20
const BURST = Buffer.concat(Array(8).fill(frame(OPCODE.binary, Buffer.alloc(2000))))

const port = Number(process.argv[2])
const all = await Promise.all(Array.from({ length: CONNECTIONS }, () => Raw.upgrade(port)))
process.on('disconnect', () => process.exit())
all.forEach((raw, i) => {
  if (i % 2 === 0) raw.socket.pause()
})
setInterval(() => {
  for (const raw of all) if (raw.socket.writableLength === 0) raw.socket.write(BURST)
}, 20)
process.send('busy')
