'use strict'

// Clients that keep an echo server busy for as long as it answers: bare sockets, cheap enough for
// many of them beside the server on one machine.

const net = require('net')

const { frame, OPCODE } = require('./frames')
const { upgradeRequest } = require('./raw-client')

const IN_FLIGHT = 8
const MESSAGE = frame(OPCODE.binary, Buffer.alloc(100, 'busy'))
const BURST = Buffer.concat(Array.from({ length: IN_FLIGHT }, () => MESSAGE))
const ANSWER_BYTES = IN_FLIGHT * 102

/**
 * Connects clients that each send a burst whenever the last one has come back.
 *
 * @param {number} port of an echo server
 * @param {number} count
 * @returns {{sockets: Set, bursts: Function, ended: Promise<void>, destroy: Function}} `bursts()` counts
 *   the answered bursts of all; `ended` resolves when the last connection is gone
 */
function startBusyClients(port, count) {
  const sockets = new Set()
  let answered = 0
  const ends = Array.from({ length: count }, () => new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' })
    sockets.add(socket)
    let missing = -1
    let head = ''
    socket.setNoDelay()
    socket.write(upgradeRequest())
    socket.on('data', (chunk) => {
      let bytes = chunk.length
      if (missing < 0) {
        head += chunk.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        bytes = head.length - end - 4
        missing = 0
      }
      missing -= bytes
      if (missing > 0) return
      if (bytes > 0) answered++
      missing += ANSWER_BYTES
      socket.write(BURST)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      resolve()
    })
  }))
  return {
    sockets,
    bursts: () => answered,
    ended: Promise.all(ends).then(() => {}),
    destroy: () => { for (const socket of sockets) socket.destroy() }
  }
}

module.exports = { startBusyClients }
