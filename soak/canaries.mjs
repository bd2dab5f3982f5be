/**
 * The process of the healthy clients. They send numbered messages at a steady pace, want every one
 * back, in order and unchanged, and measure how long it takes. Those on the restarted server connect
 * again whenever it has closed them; what was under way then is not missed.
 */

import { once } from 'node:events'
import process from 'node:process'

import { WebSocket } from 'ws'

/** One message a canary and interval. */
const INTERVAL_MS = 25

/** Who sends what: bytes a message, and whether it is compressed. */
const KINDS = [
  { bytes: 20, perMessageDeflate: false },
  { bytes: 100, perMessageDeflate: false },
  { bytes: 100, perMessageDeflate: false },
  { bytes: 2000, perMessageDeflate: false },
  { bytes: 2000, perMessageDeflate: true },
  { bytes: 20_000, perMessageDeflate: false }
]

/** The code with which the restarted server sends its clients away. */
const SERVICE_RESTART = 1012

/** A healthy client. */
class Canary {
  /**
   * @param {number} port of its server
   * @param {object} kind one of KINDS
   * @param {boolean} mayReconnect whether its server is restarted
   */
  constructor(port, { bytes, perMessageDeflate }, mayReconnect) {
    this.port = port
    this.padding = '.'.repeat(bytes)
    this.perMessageDeflate = perMessageDeflate
    this.mayReconnect = mayReconnect
    this.sent = 0
    this.verified = 0
    this.faults = []
    this.reconnects = 0
    this.inFlight = []
    this.latencies = []
  }

  /** Connects; settles when it is open. */
  async connect() {
    this.inFlight = []
    this.wasOpen = false
    const { port, perMessageDeflate } = this
    const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate })
    client.on('message', (data) => this.#take(data.toString()))
    client.on('error', () => {})
    client.on('close', (code) => this.#closed(code))
    this.client = client
    await once(client, 'open').then(() => { this.wasOpen = true }, () => {})
  }

  /** Sends the next message. */
  send() {
    if (this.client.readyState !== WebSocket.OPEN) return
    const message = `${this.sent++} ${this.padding}`
    this.inFlight.push({ message, at: performance.now() })
    this.client.send(message)
  }

  /**
   * Checks a message that came back.
   *
   * @param {string} message the message
   */
  #take(message) {
    const first = this.inFlight.shift()
    if (first?.message !== message) {
      this.faults.push(`got ${message.slice(0, 20)} instead of ${first?.message.slice(0, 20)}`)
      return
    }
    this.verified++
    this.latencies.push(performance.now() - first.at)
  }

  /**
   * @param {number} code the close code
   */
  #closed(code) {
    const isExpected = this.mayReconnect && (code === SERVICE_RESTART || !this.wasOpen)
    if (!isExpected) this.faults.push(`closed with ${code}`)
    if (!this.mayReconnect) return
    if (this.wasOpen) this.reconnects++
    setTimeout(() => this.connect(), 50)
  }
}

let canaries = []

const orders = {
  async start({ stable, restarted }) {
    canaries = [
      ...KINDS.map((kind) => new Canary(stable, kind, false)),
      new Canary(restarted, KINDS[1], true)
    ]
    await Promise.all(canaries.map((canary) => canary.connect()))
    setInterval(() => { for (const canary of canaries) canary.send() }, INTERVAL_MS)
    return { canaries: canaries.length }
  },
  /** The latencies since the last call, of those whose server stays. */
  latencies() {
    return canaries.flatMap((canary) => {
      const latencies = canary.latencies.splice(0)
      return canary.mayReconnect ? [] : latencies
    })
  },
  totals() {
    return {
      sent: canaries.reduce((sum, { sent }) => sum + sent, 0),
      verified: canaries.reduce((sum, { verified }) => sum + verified, 0),
      oldestMs: Math.max(0, ...canaries.map(({ inFlight: [first] }) => (first ? performance.now() - first.at : 0))),
      reconnects: canaries.reduce((sum, { reconnects }) => sum + reconnects, 0),
      faults: canaries.flatMap(({ faults }) => faults)
    }
  }
}

process.on('message', async ({ order, number, given }) => {
  process.send({ number, result: await orders[order](given) })
})
process.on('disconnect', () => process.exit())
