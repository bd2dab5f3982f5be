/** The page of the chat room. What it says to the server, and hears from it, stands in ../room.js. */

import { Connection } from './connection.mjs'

const PING_MS = 2000
const BINARY_BYTES = 64 * 1024
const MOST_LINES = 500

const $ = (id) => document.getElementById(id)
const log = $('log')
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

let me = ''
let people = []
/** The last question to the server, while it is not answered. */
let pendingPing = null
/** The bytes that are on their way, and since when. */
let pendingBytes = null
let countdown = 0

// What others wrote is only ever set as text, never parsed as HTML.

/** Makes an element that holds a text. */
function element (tag, className, text = '') {
  const made = document.createElement(tag)
  made.className = className
  made.textContent = text
  return made
}

/** A colour for a name, always the same one. */
function hueOf (name) {
  let hash = 0
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 65_521
  // The golden angle: names that differ in one digit get colours far apart.
  return (hash * 137.508) % 360
}

/** Adds a line to the log and keeps the newest in sight for who is reading there. */
function addLine (line) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80
  log.append(line)
  while (log.children.length > MOST_LINES) log.firstChild.remove()
  if (atEnd) log.scrollTop = log.scrollHeight
}

/** Adds what the room or the page itself has to say. */
function addNote (text, kind = '') {
  addLine(element('li', `note ${kind}`, text))
}

/** Adds what somebody said. `where` names the audience when it is not everybody. */
function addMessage (from, text, where = '') {
  const mine = from === me
  const line = element('li', `message${mine ? ' mine' : ''}${where ? ' aside' : ''}`)
  line.style.setProperty('--hue', hueOf(from))
  const head = element('p', 'head')
  head.append(element('b', 'from', mine ? `${from} (you)` : from))
  if (where) head.append(element('span', 'where', where))
  head.append(element('time', '', time.format(new Date())))
  line.append(head, element('p', 'text', text))
  addLine(line)
}

/** Shows who is here. */
function showPeople (names) {
  people = names
  $('count').textContent = names.length
  $('people').replaceChildren(...names.map((name) => {
    const item = element('li', '', name === me ? `${name} (you)` : name)
    item.style.setProperty('--hue', hueOf(name))
    return item
  }))
}

/** Milliseconds as people read them; the space does not break. */
function inMs (ms) {
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)}\u00a0ms`
}

/** What the server can say, and what the page does about it. */
const heard = {
  welcome ({ name, text }) {
    me = name
    $('name').textContent = name
    addNote(text, 'welcome')
  },
  people ({ names, joined, left }) {
    showPeople(names)
    if (joined && joined !== me) addNote(`${joined} came in`)
    if (left) addNote(`${left} left`)
  },
  said ({ from, text }) {
    addMessage(from, text)
  },
  pong ({ id }) {
    if (pendingPing === null || pendingPing.id !== id) return
    $('round-trip').textContent = inMs(performance.now() - pendingPing.at)
    pendingPing = null
  },
  latency ({ ms }) {
    $('ping-frame').textContent = inMs(ms)
  }
}

/** Compares the bytes that came back with those that went out. */
function judgeBytes (buffer) {
  if (pendingBytes === null) return
  const { bytes, at } = pendingBytes
  const came = new Uint8Array(buffer)
  const same = came.length === bytes.length && came.every((byte, i) => byte === bytes[i])
  const took = inMs(performance.now() - at)
  const count = came.length.toLocaleString('en')
  showBytes(same ? 'good' : 'bad', same
    ? `${count} bytes back, unchanged, ${took}`
    : `${count} bytes back, and not the same`)
}

/** Ends a binary round trip. */
function showBytes (kind, text) {
  pendingBytes = null
  $('binary-result').textContent = text
  $('binary-result').dataset.kind = kind
  $('binary').disabled = !connection.isOpen
}

/** Empties what only a connection can fill, and counts down to the next attempt. */
function showLoss ({ code, reason, retryAt }) {
  pendingPing = null
  if (pendingBytes !== null) showBytes('bad', 'The connection was lost on the way')
  if (me !== '') addNote(`Connection lost: ${code}${reason ? `, ${reason}` : ''}`, 'bad')
  me = ''
  showPeople([])
  for (const id of ['name', 'count', 'round-trip', 'ping-frame']) $(id).textContent = '–'
  const tick = () => {
    const seconds = Math.max(Math.ceil((retryAt - performance.now()) / 1000), 1)
    $('retry').textContent = `Retry (${seconds} s)`
  }
  tick()
  countdown = setInterval(tick, 250)
}

/** Shows the state of the connection, and lets only those things be pressed that can work. */
function showState (state, detail) {
  const isOpen = state === 'open'
  $('state').dataset.state = state
  $('state').textContent = { connecting: 'Connecting', open: 'Connected', waiting: 'Offline' }[state]
  $('send').disabled = $('binary').disabled = !isOpen
  $('retry').hidden = state !== 'waiting'
  clearInterval(countdown)
  if (state === 'waiting') showLoss(detail)
  if (isOpen) askPing()
}

/** Asks the server for an answer, and times it. One that does not come means the line is dead. */
function askPing () {
  if (!connection.isOpen) return
  if (pendingPing !== null) {
    if (performance.now() - pendingPing.at > 5 * PING_MS) connection.abandon()
    return
  }
  pendingPing = { id: Math.random(), at: performance.now() }
  connection.send(JSON.stringify({ type: 'ping', id: pendingPing.id }))
}

$('composer').addEventListener('submit', (event) => {
  event.preventDefault()
  const text = $('text').value.trim()
  const echo = $('echo').checked
  if (text === '' || !connection.send(JSON.stringify({ type: 'say', text, echo }))) return
  const others = people.length - 1
  if (!echo) addMessage(me, text, `to ${others} ${others === 1 ? 'other' : 'others'}`)
  $('text').value = ''
  log.scrollTop = log.scrollHeight
})

$('echo').addEventListener('change', (event) => {
  $('audience').textContent = event.target.checked ? 'To everybody, me too' : 'To everybody but me'
})

$('binary').addEventListener('click', () => {
  const bytes = crypto.getRandomValues(new Uint8Array(BINARY_BYTES))
  if (!connection.send(bytes)) return
  pendingBytes = { bytes, at: performance.now() }
  $('binary').disabled = true
})

$('retry').addEventListener('click', () => connection.retryNow())

const url = new URL('chat', location.href)
url.protocol = url.protocol.replace('http', 'ws')
const connection = new Connection(url, {
  onState: (state, detail) => showState(state, detail),
  onMessage (data) {
    if (typeof data !== 'string') return judgeBytes(data)
    const message = JSON.parse(data)
    heard[message.type]?.(message)
  }
})
setInterval(askPing, PING_MS)
