/**
 * A WebSocket that comes back: when the connection is lost it tries again, at growing intervals.
 *
 * States: connecting -> open -> waiting -> connecting -> ...
 */

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 10_000

/** Calls `onState(state, detail)` and `onMessage(data)`; at most one socket is alive at a time. */
export class Connection {
  /**
   * @param {string} url where to
   * @param {{ onState: Function, onMessage: Function }} listener who hears of it
   */
  constructor (url, listener) {
    this.url = url
    this.listener = listener
    this.failures = 0
    this.socket = null
    this.timer = 0
    // The network is back, or the page is looked at again: no reason to wait any longer.
    window.addEventListener('online', () => this.retryNow())
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retryNow()
    })
    this.connect()
  }

  /** Opens a socket. */
  connect () {
    const socket = new WebSocket(this.url)
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    this.listener.onState('connecting')
    socket.onopen = () => {
      this.failures = 0
      this.listener.onState('open')
    }
    socket.onmessage = (event) => this.listener.onMessage(event.data)
    socket.onclose = (event) => this.lost(event.code, event.reason)
  }

  /** Waits before the next attempt: twice as long each time, and never all pages at once. */
  lost (code, reason) {
    this.socket = null
    const longest = Math.min(FIRST_DELAY_MS * 2 ** this.failures, LONGEST_DELAY_MS)
    const delay = longest * (0.5 + Math.random() / 2)
    this.failures += 1
    this.timer = setTimeout(() => this.connect(), delay)
    this.listener.onState('waiting', { code, reason, retryAt: performance.now() + delay })
  }

  /** Ends the wait, when there is one. */
  retryNow () {
    if (this.socket !== null) return
    clearTimeout(this.timer)
    this.connect()
  }

  /** Gives up on a socket that has gone silent; its closing handshake would go unanswered too. */
  abandon () {
    const socket = this.socket
    if (socket === null) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
    this.lost(1006, 'no answer')
  }

  /**
   * @returns {boolean} whether a message sent now would leave
   */
  get isOpen () {
    return this.socket !== null && this.socket.readyState === WebSocket.OPEN
  }

  /**
   * @param {string | ArrayBufferView | Blob} data what to send; dropped while there is no connection
   * @returns {boolean} whether it was sent
   */
  send (data) {
    if (!this.isOpen) return false
    this.socket.send(data)
    return true
  }
}
