/**
 * What clients do to the server under test. Each attack is one bounded unit, a second or two of mischief;
 * attacker.mjs repeats them. What can be judged from outside is: an attack returns what went wrong.
 */

import { fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { deflateRawSync } from 'node:zlib'

import { closeFrame, DEFLATE_REQUEST, frame, OPCODE, Raw, REQUEST } from './raw.mjs'

const { binary, continuation, ping, pong, text } = OPCODE
const KIBIBYTE = 1024
const MEBIBYTE = 1024 * KIBIBYTE

const VICTIM = fileURLToPath(new URL('victim.mjs', import.meta.url))

/** Bytes of a frame's header from the server, for payloads of at most 125 bytes. */
const SHORT_HEADER = 2

/** A message of 100 bytes, and the bytes of its echo. */
const MESSAGE = frame(text, 'm'.repeat(100))
const ECHO_BYTES = SHORT_HEADER + 100

/** Zeros that inflate to 64 MiB, of which the server takes one. */
const BOMB = frame(binary, deflateRawSync(Buffer.alloc(64 * MEBIBYTE)), { rsv: 4 })

/** How a connection may end. */
const ENDINGS = [
  (raw) => raw.socket.end(closeFrame(1000)),
  (raw) => raw.socket.end(),
  (raw) => raw.reset(),
  (raw) => raw.socket.end(frame(3)),
  (raw) => raw.socket.write(closeFrame(4000), () => raw.socket.end()),
  (raw) => { raw.socket.destroy() }
]

/** Stages of a connection's life at which it is reset, each with what was sent before. */
const RESET_STAGES = [
  Buffer.alloc(0),
  Buffer.from(REQUEST.slice(0, 40)),
  Buffer.from(REQUEST),
  Buffer.concat([Buffer.from(REQUEST), MESSAGE]),
  Buffer.concat([Buffer.from(REQUEST), MESSAGE.subarray(0, 3)]),
  Buffer.concat([Buffer.from(REQUEST), MESSAGE.subarray(0, 50)]),
  Buffer.concat([Buffer.from(REQUEST), frame(text, 'part', { fin: false })]),
  Buffer.concat([Buffer.from(REQUEST), closeFrame(1000)]),
  Buffer.concat([Buffer.from(REQUEST), MESSAGE, closeFrame(1000), MESSAGE])
]

/**
 * Does something with so many connections at once.
 *
 * @param {number} count how many
 * @param {Function} live what one does, given its number
 * @returns {Promise<Array>} what they returned
 */
function together(count, live) {
  return Promise.all(Array.from({ length: count }, (_, i) => live(i)))
}

/**
 * Sends a burst whose echoes or pongs have a known length, and waits for all of them.
 *
 * @param {number} port where
 * @param {Buffer} bytes what
 * @param {number} answerBytes how much has to come back
 * @returns {Promise<string|undefined>} what went wrong
 */
async function burst(port, bytes, answerBytes) {
  const raw = await Raw.upgrade(port)
  raw.socket.write(bytes)
  const isWhole = await raw.received(answerBytes)
  const { bytes: came } = raw
  raw.socket.end(closeFrame(1000))
  await raw.leave()
  return isWhole ? undefined : `${came} of ${answerBytes} bytes came back`
}

/**
 * Sends what no server may put up with, and waits for the end.
 *
 * @param {number} port where
 * @param {Buffer} bytes what
 * @param {string} [request] what to ask before
 * @returns {Promise<string|undefined>} what went wrong
 */
async function offend(port, bytes, request) {
  const raw = await Raw.upgrade(port, request)
  raw.socket.write(bytes)
  const isEnded = await raw.ended()
  raw.socket.destroy()
  return isEnded ? undefined : 'the server did not end the connection'
}

/** The attacks by name. Each is given the port and random numbers. */
export const ATTACKS = {
  /** Connections that come, talk and go, in every way. */
  async churn(port, random) {
    const results = await together(20, async () => {
      const raw = await Raw.upgrade(port)
      raw.socket.write(Buffer.concat([MESSAGE, MESSAGE, MESSAGE]))
      const isWhole = await raw.received(3 * ECHO_BYTES)
      random.pick(ENDINGS)(raw)
      await raw.leave()
      return isWhole ? undefined : 'an echo is missing'
    })
    return results.find(Boolean)
  },

  /** Small messages in one burst. */
  'small messages': (port) =>
    burst(port, Buffer.concat(Array(5000).fill(frame(binary, 'x'))), 5000 * (SHORT_HEADER + 1)),

  /** Pings in one burst, whose pongs are read. */
  pings: (port) =>
    burst(port, Buffer.concat(Array(5000).fill(frame(ping, 'p'))), 5000 * (SHORT_HEADER + 1)),

  /** Pings whose pongs are not read, until the server has had enough. */
  async 'deaf pinger'(port) {
    const raw = await Raw.upgrade(port)
    raw.socket.pause()
    const pings = Buffer.concat(Array(500).fill(frame(ping, 'p'.repeat(125))))
    for (let i = 0; i < 60 && !raw.isClosed; i++) {
      if (raw.socket.writableLength < MEBIBYTE) raw.socket.write(pings)
      await sleep(10)
    }
    raw.reset()
  },

  /** Pongs that nobody asked for. */
  pongs: (port) =>
    burst(port, Buffer.concat([...Array(5000).fill(frame(pong, 'p')), MESSAGE]), ECHO_BYTES),

  /** More fragments of one message than are allowed. */
  fragments: (port) => offend(port, Buffer.concat([
    frame(text, 'x', { fin: false }),
    ...Array(17_000).fill(frame(continuation, 'x', { fin: false }))
  ])),

  /** A compressed message that is far too long. */
  bomb: (port) => offend(port, BOMB, DEFLATE_REQUEST),

  /** Messages of 256 KiB. */
  'long messages': (port) => burst(
    port,
    Buffer.concat(Array(4).fill(frame(binary, Buffer.alloc(256 * KIBIBYTE)))),
    4 * (10 + 256 * KIBIBYTE)
  ),

  /** Lengths that are declared and not sent. */
  async 'empty promises'(port) {
    const start = frame(binary, Buffer.alloc(16), { declared: MEBIBYTE })
    await together(30, async () => {
      const raw = await Raw.upgrade(port)
      await raw.write(start)
      await sleep(500)
      raw.reset()
    })
  },

  /** Echoes that are asked for and read late, or never. */
  async 'slow readers'(port, random) {
    const results = await together(4, async (i) => {
      const raw = await Raw.upgrade(port)
      raw.socket.pause()
      raw.socket.write(Buffer.concat(Array(32).fill(frame(binary, Buffer.alloc(64 * KIBIBYTE)))))
      await sleep(500 + random.below(1000))
      if (i % 2 === 0) return raw.reset()
      raw.socket.resume()
      const isWhole = await raw.received(32 * (10 + 64 * KIBIBYTE))
      raw.socket.end(closeFrame(1000))
      await raw.leave()
      return isWhole ? undefined : 'a slow reader lost something'
    })
    return results.find(Boolean)
  },

  /** Handshakes that come byte by byte and never end. */
  slowloris: (port) => together(20, async () => {
    const raw = await Raw.connect(port)
    for (const byte of REQUEST.slice(0, 20)) {
      await raw.write(byte)
      await sleep(50)
    }
    raw.reset()
  }).then(() => {}),

  /** Resets at every stage of a connection's life. */
  async resets(port, random) {
    await together(RESET_STAGES.length * 3, async (i) => {
      const raw = await Raw.connect(port)
      await raw.write(RESET_STAGES[i % RESET_STAGES.length])
      await sleep(random.below(20))
      raw.reset()
    })
  },

  /** Connections that are ended on one side only, with echoes under way. */
  async 'half-closed'(port) {
    await together(10, async () => {
      const raw = await Raw.upgrade(port)
      raw.socket.pause()
      raw.socket.end(Buffer.concat([...Array(50).fill(MESSAGE), closeFrame(1000)]))
      await sleep(300)
      raw.socket.resume()
      await raw.leave()
    })
  },

  /** Random bytes, and good frames with faults in them. */
  async garbage(port, random) {
    const good = Buffer.concat([MESSAGE, frame(ping, 'p'), frame(binary, Buffer.alloc(300))])
    const results = await together(20, async (i) => {
      const bytes = i % 2 ? random.bytes(random.below(2000)) : Buffer.from(good)
      for (let fault = 0; fault < 3 && i % 2 === 0; fault++) {
        bytes[random.below(bytes.length)] = random.below(256)
      }
      const raw = await Raw.upgrade(port)
      raw.socket.end(bytes)
      const isEnded = await raw.ended()
      raw.socket.destroy()
      return isEnded ? undefined : 'a connection of garbage did not end'
    })
    return results.find(Boolean)
  },

  /** Messages behind a close frame, and close frames behind that. */
  'close flood': (port) =>
    offend(port, Buffer.concat([closeFrame(1000), ...Array(200).fill(MESSAGE), closeFrame(1000)])),

  /** A process full of clients that is killed with SIGKILL. */
  async 'killed processes'(port, random) {
    const victim = fork(VICTIM, [String(port)], { stdio: 'ignore' })
    const ended = new Promise((resolve) => victim.once('exit', resolve))
    await new Promise((resolve) => victim.once('message', resolve).once('exit', resolve))
    await sleep(random.below(500))
    victim.kill('SIGKILL')
    await ended
  }
}
