'use strict'

// undici's WebSocket: the browser's interface, by an implementation that shares no code with ours.

const { WebSocket } = require('undici')

const { defer } = require('./cleanup')

/**
 * Connects a browser-style client.
 *
 * @param {string} url
 * @param {object} [options]
 * @param {string[]} [options.protocols] [none]
 * @param {'blob'|'arraybuffer'} [options.binaryType] ['arraybuffer']
 * @param {object} [options.dispatcher] undici's, for a TLS certificate of one's own
 * @returns {Promise<BrowserClient>} open
 */
async function connectBrowser(url, { protocols = [], binaryType = 'arraybuffer', dispatcher } = {}) {
  const client = new BrowserClient(new WebSocket(url, dispatcher ? { protocols, dispatcher } : protocols))
  client.webSocket.binaryType = binaryType
  defer(() => client.webSocket.close())
  await client.opened
  return client
}

class BrowserClient {
  /**
   * @param {WebSocket} webSocket undici's
   */
  constructor(webSocket) {
    this.webSocket = webSocket
    this.messages = []
    this.waiting = []
    this.opened = new Promise((resolve, reject) => {
      webSocket.onopen = resolve
      webSocket.onerror = ({ error }) => reject(error)
    })
    this.closed = new Promise((resolve) => {
      webSocket.onclose = ({ code, reason, wasClean }) => {
        for (const { reject } of this.waiting.splice(0)) reject(new Error(`closed with ${code}`))
        resolve({ code, reason, wasClean })
      }
    })
    webSocket.onmessage = ({ data }) => {
      if (this.waiting.length > 0) this.waiting.shift().resolve(data)
      else this.messages.push(data)
    }
  }

  /** @returns {Promise<string|ArrayBuffer|Blob>} the next message's data */
  next() {
    if (this.messages.length > 0) return Promise.resolve(this.messages.shift())
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }
}

module.exports = { connectBrowser }
