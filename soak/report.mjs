/** What a soak has to hold, and the table that it ends with. */

import { quantile, trend } from './statistics.mjs'

const MEBIBYTE = 1024 * 1024

/** The share of a session that warms up: buffers, pools and compiled code stay, and may. */
const WARM_UP = 1 / 3

/** A trend over fewer looks at the memory says nothing. */
const FEWEST_LOOKS = 6

/** Memory grows if its slope is so many standard errors above none, and comes to more than the rest. */
const NOISE_ERRORS = 3
const NOISE_BYTES = 2 * MEBIBYTE

/** The canaries' p99 under attack, of that while it is quiet. */
const MOST_TIMES = 5

/**
 * Judges what a session found.
 *
 * @param {import('./session.mjs').Found} found what was found
 * @returns {object} the figures of the table, and `faults`: what did not hold
 */
export function judge(found) {
  const { driver, seconds, looks, attacks, canaries } = found
  const memory = memoryOf(looks, seconds)
  const quiet = quantile(found.quietMs.flat(), 0.99)
  const attacked = quantile(found.attackedMs.flat(), 0.99)
  const descriptors = { first: looks[0].descriptors, most: Math.max(...looks.slice(1).map((look) => look.descriptors)) }
  const times = Object.values(attacks).reduce((sum, attack) => sum + attack.times, 0)

  const faults = [...canaries.faults.slice(0, 5)]
  for (const [name, { faults: [fault] }] of Object.entries(attacks)) if (fault) faults.push(`${name}: ${fault}`)
  if (canaries.late) faults.push(`a message was under way for ${(canaries.oldestMs / 1000).toFixed(0)} s`)
  if (memory.grows) faults.push(`memory grows by ${memory.text}`)
  if (descriptors.most > descriptors.first) faults.push(`descriptors: ${descriptors.first} at first, then ${descriptors.most}`)
  if (attacked > MOST_TIMES * quiet) faults.push(`p99 is ${(attacked / quiet).toFixed(1)} times that of quiet spells`)

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    driver,
    faults,
    rows: {
      'soaked': `${(seconds / 60).toFixed(1)} min`,
      'attacks, of kinds': `${times}, ${Object.keys(attacks).length}`,
      'connections served': String(found.server.connections),
      'messages echoed': String(found.server.messages),
      'restarts seen by a canary': String(canaries.reconnects),
      'canaries: messages sent / verified': `${canaries.sent} / ${canaries.verified}`,
      'canaries: lost, reordered or cut off': String(canaries.faults.length),
      'canaries: p50, quiet / attacked': `${fixed(quantile(found.quietMs.flat(), 0.5))} / ${fixed(quantile(found.attackedMs.flat(), 0.5))} ms`,
      'canaries: p99, quiet / attacked': `${fixed(quiet)} / ${fixed(attacked)} ms`,
      'p99 attacked : quiet': `${(attacked / quiet).toFixed(2)}`,
      'slowest canary message': `${fixed(quantile(found.attackedMs.flat(), 1))} ms`,
      'memory, after the first look / at the end': `${inMebibytes(looks[0].rss)} / ${inMebibytes(looks.at(-1).rss)} MiB`,
      'memory trend after warm-up': memory.text,
      'descriptors, at first / most after an attack': `${descriptors.first} / ${descriptors.most}`,
      'cores used under attack: server / attackers': `${mean(found.load.server).toFixed(2)} / ${mean(found.load.attackers).toFixed(2)}`
    }
  }
}

/**
 * @param {object[]} looks at the server
 * @param {number} seconds how long the session took
 * @returns {{grows: boolean, text: string}} the trend of its memory
 */
function memoryOf(looks, seconds) {
  const points = looks.filter(({ at }) => at >= seconds * WARM_UP).map(({ at, rss }) => ({ x: at, y: rss }))
  if (points.length < FEWEST_LOOKS) return { grows: false, text: 'too short to tell' }
  const { slope, error } = trend(points)
  const span = points.at(-1).x - points[0].x
  const [growth, noise] = [slope * span, error * span]
  return {
    grows: growth > NOISE_ERRORS * noise && growth > NOISE_BYTES,
    text: `${signed(growth)} +- ${inMebibytes(noise)} MiB in ${(span / 60).toFixed(1)} min`
  }
}

/**
 * @param {object[]} sessions as `judge` returns them
 * @returns {string} a Markdown table, a column each
 */
export function table(sessions) {
  const lines = [
    ['', ...sessions.map(({ driver }) => driver)],
    ['---', ...sessions.map(() => '--:')],
    ...Object.keys(sessions[0].rows).map((name) => [name, ...sessions.map(({ rows }) => rows[name])])
  ]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/**
 * @param {number} milliseconds a time
 * @returns {string} it, readable
 */
function fixed(milliseconds) {
  return milliseconds.toFixed(milliseconds < 10 ? 2 : 1)
}

/**
 * @param {number} bytes an amount
 * @returns {string} it in MiB
 */
function inMebibytes(bytes) {
  return (bytes / MEBIBYTE).toFixed(1)
}

/**
 * @param {number} bytes an amount, maybe negative
 * @returns {string} it in MiB, with its sign
 */
function signed(bytes) {
  return `${bytes < 0 ? '' : '+'}${inMebibytes(bytes)}`
}
