/**
 * What is measured: how the metrics are called in tables, and with how many digits they are shown.
 */

/**
 * @typedef {object} Metric
 * @property {string} label how tables call it
 * @property {number} digits after the point
 */

/** @type {Record<string, Metric>} */
export const METRICS = {
  cpuAllUs: { label: 'CPU all us/msg', digits: 2 },
  cpuJsUs: { label: 'CPU JS us/msg', digits: 2 },
  messagesPerSecond: { label: 'msg/s', digits: 0 },
  p50Us: { label: 'p50 us', digits: 0 },
  p99Us: { label: 'p99 us', digits: 0 },
  p999Us: { label: 'p99.9 us', digits: 0 },
  httpP50Us: { label: 'HTTP p50 us', digits: 0 },
  httpP99Us: { label: 'HTTP p99 us', digits: 0 },
  httpP999Us: { label: 'HTTP p99.9 us', digits: 0 },
  delayP50Us: { label: 'loop delay p50 us', digits: 0 },
  delayP99Us: { label: 'loop delay p99 us', digits: 0 },
  connections: { label: 'connections', digits: 0 },
  rssFoundKib: { label: 'RSS as found KiB/conn', digits: 2 },
  rssCollectedKib: { label: 'RSS after GC KiB/conn', digits: 2 },
  descriptors: { label: 'descriptors/conn', digits: 3 }
}
