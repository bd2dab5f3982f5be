'use strict'

/**
 * The chat room: who is in it and who hears what. It knows WebSockets and nothing of HTTP.
 *
 * What travels, as JSON in text messages:
 *
 *   page to room:  { type: 'say', text, echo }     to everybody; `echo: false` leaves the sender out
 *                  { type: 'ping', id }            answered with `{ type: 'pong', id }`
 *   room to page:  { type: 'welcome', name, text } once, first
 *                  { type: 'people', names, joined | left }
 *                  { type: 'said', from, text }
 *                  { type: 'latency', ms }         how long the page took to answer a ping frame
 *
 * A binary message, whatever it holds, goes back to its sender unchanged.
 */

const MAX_TEXT_LENGTH = 2000
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024
const HEARTBEAT_MS = 5000

const POLICY_VIOLATION = 1008
const GOING_AWAY = 1001

/**
 * @typedef {object} Member
 * @property {import('../..').WebSocket} client the connection
 * @property {string} name address and port
 * @property {number | undefined} pingedAt when the ping frame left that is not yet answered
 */

/** A room that forgets: it holds its members and no messages. */
class Room {
  constructor () {
    /** @type {Set<Member>} */
    this.members = new Set()
    this.heartbeat = undefined
  }

  /**
   * Welcomes a client and tells the others.
   *
   * @param {import('../..').WebSocket} client an open connection
   * @param {string} name what the others call it
   */
  enter (client, name) {
    const member = { client, name, pingedAt: undefined }
    client.on('message', (data, isBinary) => {
      if (isBinary) client.send(data, { binary: true })
      else this.hear(member, data)
    })
    client.on('pong', () => this.measure(member))
    client.on('close', () => this.leave(member))
    // What the peer did wrong; 'close' follows.
    client.on('error', (error) => console.error(`${name}: ${error.message}`))

    this.members.add(member)
    send(client, { type: 'welcome', name, text: `Welcome, ${name}. Say something.` })
    this.broadcast({ type: 'people', names: this.names(), joined: name })
    ping(member)
    this.heartbeat ??= setInterval(() => this.beat(), HEARTBEAT_MS)
  }

  /**
   * Acts on a text message. The text comes from outside: it is judged before it is believed.
   *
   * @param {Member} member who sent it
   * @param {Buffer} data the text
   */
  hear (member, data) {
    const message = parse(data)
    if (message?.type === 'say' && typeof message.text === 'string') {
      const text = message.text.slice(0, MAX_TEXT_LENGTH)
      const leftOut = message.echo === false ? member : undefined
      this.broadcast({ type: 'said', from: member.name, text }, leftOut)
    } else if (message?.type === 'ping') {
      send(member.client, { type: 'pong', id: message.id })
    } else {
      member.client.close(POLICY_VIOLATION, 'not a message of this chat')
    }
  }

  /**
   * Sends to everybody in the room.
   *
   * @param {object} message what to send
   * @param {Member} [leftOut] the one who shall not get it
   */
  broadcast (message, leftOut) {
    const text = JSON.stringify(message)
    for (const member of this.members) {
      if (member === leftOut) continue
      // One who does not read must not fill the memory of the server.
      if (member.client.bufferedAmount > MAX_BUFFERED_BYTES) member.client.terminate()
      else member.client.send(text)
    }
  }

  /** Drops who has not answered since the last beat, and pings the others. */
  beat () {
    for (const member of this.members) {
      if (member.pingedAt === undefined) ping(member)
      else member.client.terminate()
    }
  }

  /**
   * A pong frame came: tells the page how long it took.
   *
   * @param {Member} member whose it is
   */
  measure (member) {
    // A peer may send pongs nobody asked for.
    if (member.pingedAt === undefined) return
    send(member.client, { type: 'latency', ms: performance.now() - member.pingedAt })
    member.pingedAt = undefined
  }

  /**
   * Forgets a member whose connection is gone and tells the others.
   *
   * @param {Member} member who left
   */
  leave (member) {
    this.members.delete(member)
    this.broadcast({ type: 'people', names: this.names(), left: member.name })
    if (this.members.size === 0) {
      clearInterval(this.heartbeat)
      this.heartbeat = undefined
    }
  }

  /** Sends everybody home. */
  close () {
    for (const { client } of this.members) client.close(GOING_AWAY, 'the server is going away')
  }

  /**
   * @returns {string[]} the names of all members
   */
  names () {
    return Array.from(this.members, (member) => member.name)
  }
}

/**
 * @param {import('../..').WebSocket} client the one to send to
 * @param {object} message what to send, as JSON
 */
function send (client, message) {
  client.send(JSON.stringify(message))
}

/**
 * Sends a ping frame; the browser answers it by itself, the page does not see it.
 *
 * @param {Member} member the one to ping
 */
function ping (member) {
  member.pingedAt = performance.now()
  member.client.ping()
}

/**
 * @param {Buffer} data a text message
 * @returns {any} what it says, or null when it is not JSON
 */
function parse (data) {
  try {
    return JSON.parse(data.toString())
  } catch {
    return null
  }
}

module.exports = { Room }
