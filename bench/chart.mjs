/**
 * The chart for the README: CPU time a message, of the JavaScript thread and of the others.
 */

import { SERVERS } from './servers.mjs'

/** Which workloads, with how they are called in the chart; the first six that were run. */
const PANELS = {
  'ping-pong-64': 'echo, 64 B, 64 connections',
  'in-flight-16': 'echo, 64 B, 16 in flight on each',
  'binary-16k': 'echo, 16 KiB binary',
  'text-1m': 'echo, 1 MiB text',
  broadcast: 'broadcast, 64 B to 1000 connections',
  deflate: 'echo, 1 KiB, permessage-deflate'
}
const BARS = ['offloop', 'ws', 'uws', 'bun']

const COLUMNS = 2
const PANEL = { width: 410, gap: 30 }
const TITLE_HEIGHT = 26
const BAR = { height: 16, pitch: 22, left: 104, longest: 190 }
const MARGIN = 14
const LEGEND_HEIGHT = 34

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 13px }
  .subject { font-weight: 600 }
  .js { fill: #cf5c36 }
  .other { fill: #9fb4c7 }
  @media (prefers-color-scheme: dark) {
    text { fill: #d0d7de }
    .js { fill: #e07a5f }
    .other { fill: #5b7186 }
  }`

/**
 * Text that is safe in SVG.
 *
 * @param {string} text any
 * @returns {string} the same, escaped
 */
function escape(text) {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}

/**
 * A text element.
 *
 * @param {number} x where
 * @param {number} y where its line stands
 * @param {string} content what
 * @param {string} [attributes] more
 * @returns {string} SVG
 */
function text(x, y, content, attributes = '') {
  return `<text x="${x}" y="${y}"${attributes}>${escape(content)}</text>`
}

/**
 * A part of a bar.
 *
 * @param {string} kind class: js or other
 * @param {number} x where
 * @param {number} y where
 * @param {number} width how long
 * @returns {string} SVG
 */
function bar(kind, x, y, width) {
  const [left, long] = [x, Math.max(width, 0.5)].map((value) => value.toFixed(1))
  return `<rect class="${kind}" x="${left}" y="${y}" width="${long}" height="${BAR.height}"/>`
}

/**
 * Digits that say enough.
 *
 * @param {number} value microseconds
 * @returns {string} three digits or so
 */
function format(value) {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}

/**
 * The bars of one workload.
 *
 * @param {string} title how it is called
 * @param {Record<string, Record<string, { median: number }>>} servers server -> metric -> summary
 * @returns {string[]} SVG, from its own corner
 */
function panel(title, servers) {
  const names = BARS.filter((name) => name in servers)
  const longest = Math.max(...names.map((name) => servers[name].cpuAllUs.median))
  const parts = [text(0, 14, title, ' class="title"')]
  names.forEach((name, index) => {
    const all = servers[name].cpuAllUs.median
    // Both are medians of their own, so their difference may be a little below zero.
    const js = Math.min(all, servers[name].cpuJsUs.median)
    const y = TITLE_HEIGHT + index * BAR.pitch
    const scale = BAR.longest / longest
    const baseline = y + BAR.height - 4
    const emphasis = name === 'offloop' ? ' class="subject"' : ''
    parts.push(text(BAR.left - 8, baseline, SERVERS[name].title, `${emphasis} text-anchor="end"`))
    parts.push(bar('js', BAR.left, y, js * scale))
    parts.push(bar('other', BAR.left + js * scale, y, (all - js) * scale))
    const label = `${format(js)} of ${format(all)}`
    parts.push(text(BAR.left + all * scale + 6, baseline, label, emphasis))
  })
  return parts
}

/**
 * Draws the chart.
 *
 * @param {Record<string, { servers: object }>} workloads what was found
 * @returns {string|undefined} an SVG file; undefined when nothing of it was run
 */
export function drawChart(workloads) {
  const shown = Object.keys(PANELS).filter((name) => workloads[name]?.servers.offloop)
  if (shown.length === 0) return undefined
  const rows = Math.ceil(shown.length / COLUMNS)
  const panelHeight = TITLE_HEIGHT + BARS.length * BAR.pitch + 14
  const width = 2 * MARGIN + COLUMNS * PANEL.width + PANEL.gap
  const height = 2 * MARGIN + LEGEND_HEIGHT + rows * panelHeight
  const panels = shown.map((name, index) => {
    const x = MARGIN + (index % COLUMNS) * (PANEL.width + PANEL.gap)
    const y = MARGIN + LEGEND_HEIGHT + Math.floor(index / COLUMNS) * panelHeight
    const parts = panel(PANELS[name], workloads[name].servers)
    return `<g transform="translate(${x} ${y})">\n${parts.join('\n')}\n</g>`
  })
  const legend = [
    text(MARGIN, MARGIN + 12, 'CPU time a message, microseconds; less is better', ' class="title"'),
    bar('js', 400, MARGIN, BAR.height),
    text(422, MARGIN + 12, 'JavaScript thread'),
    bar('other', 550, MARGIN, BAR.height),
    text(572, MARGIN + 12, 'other threads')
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
      `height="${height}" role="img" aria-label="CPU time a message of offloop and its peers">`,
    `<style>${STYLE}\n</style>`,
    ...legend,
    ...panels,
    '</svg>',
    ''
  ].join('\n')
}
