/**
 * What Linux tells about another process: CPU time by thread, memory, descriptors.
 */

import { readdirSync, readFileSync } from 'node:fs'

/** Nanoseconds in one tick of /proc/PID/stat (USER_HZ is 100 on every Linux that Node runs on). */
const TICK_NS = 10_000_000

/**
 * @typedef {object} CpuReading
 * @property {Map<string, number>} threads nanoseconds that each living thread has run, by its id
 * @property {number} processNs nanoseconds of the whole process, ended threads included; coarse
 */

/**
 * Reads the CPU time of a process.
 *
 * @param {number} pid the process
 * @returns {CpuReading} the time used so far
 */
export function readCpu(pid) {
  const threads = new Map()
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const text = readIfThere(`/proc/${pid}/task/${id}/schedstat`)
    if (text !== undefined) threads.set(id, Number(text.split(' ')[0]))
  }
  // The name in parentheses may hold spaces; user and system time are the 12th and 13th after it.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { threads, processNs: (Number(fields[11]) + Number(fields[12])) * TICK_NS }
}

/**
 * The CPU time between two readings.
 *
 * A thread that ended in between took its own count with it. The process's count still has it, but
 * only in ticks of 10 ms: it is used in this case alone, and never to make the sum smaller.
 *
 * @param {number} pid the process: in Node, the thread of that id is the one that runs JavaScript
 * @param {CpuReading} before the earlier reading
 * @param {CpuReading} after the later reading
 * @returns {{ allNs: number, mainNs: number, threadsEnded: number }} of all threads, and of
 *   JavaScript's
 */
export function cpuBetween(pid, before, after) {
  const used = (id) => after.threads.get(id) - (before.threads.get(id) ?? 0)
  const sum = [...after.threads.keys()].reduce((total, id) => total + used(id), 0)
  const threadsEnded = [...before.threads.keys()].filter((id) => !after.threads.has(id)).length
  const coarse = after.processNs - before.processNs
  return {
    allNs: threadsEnded > 0 ? Math.max(sum, coarse) : sum,
    mainNs: used(String(pid)),
    threadsEnded
  }
}

/**
 * The CPU time of everything that runs on this machine.
 *
 * @returns {number} nanoseconds since it was started, in ticks of 10 ms
 */
export function busyNs() {
  // user, nice, system, idle, iowait, irq, softirq: all but the two in which nothing runs.
  const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/\s+/)
  const [user, nice, system, , , irq, softirq] = fields.map(Number)
  return (user + nice + system + irq + softirq) * TICK_NS
}

/**
 * Resident memory of a process.
 *
 * @param {number} pid the process
 * @returns {number} bytes
 */
export function readRss(pid) {
  // smaps_rollup is exact; the counters in status may lag behind by some pages per core.
  const rollup = readIfThere(`/proc/${pid}/smaps_rollup`)
  const text = rollup ?? readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^(?:Rss|VmRSS):\s+(\d+) kB$/m.exec(text)[1]) * 1024
}

/**
 * Open file descriptors of a process.
 *
 * @param {number} pid the process
 * @returns {number} how many
 */
export function countDescriptors(pid) {
  return readdirSync(`/proc/${pid}/fd`).length
}

/**
 * How many descriptors a process started by this one may have. Node has raised its own soft limit
 * to the hard one at its start, and children inherit it.
 *
 * @returns {number} the limit
 */
export function descriptorLimit() {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(limits)
  return soft === 'unlimited' ? Infinity : Number(soft)
}

/**
 * The cores that this process may use.
 *
 * @returns {number[]} core numbers
 */
export function allowedCores() {
  const status = readFileSync('/proc/self/status', 'utf8')
  const [, list] = /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

/**
 * A file's text, or undefined when the file (a thread that just ended) is gone or may not be read.
 *
 * @param {string} path file
 * @returns {string|undefined} its content
 */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
