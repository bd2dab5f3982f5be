'use strict'

// What tests have a page do: each function is sent to the browser as it stands here.

/** Leaves a mark that a page loses when it is loaded again. */
function mark() {
  window.kept = true
}

/** @returns {boolean} whether the page is still the one that was marked */
function isMarked() {
  return window.kept === true
}

/**
 * Sends a text to a server that echoes.
 *
 * @param {{url: string, text: string}} message
 * @returns {Promise<string>} what came back
 */
function echo({ url, text }) {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(url)
    webSocket.onopen = () => webSocket.send(text)
    webSocket.onmessage = ({ data }) => resolve(data)
    webSocket.onerror = () => reject(new Error(`no connection to ${url}`))
  })
}

module.exports = { echo, isMarked, mark }
