'use strict'

/**
 * What every file of the face agrees on: states, types of binary data, and the symbols that
 * mark sockets and listeners.
 */

/** The four ready states, in the order of their numbers. */
const READY_STATES = Object.freeze(['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'])
const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

const hasBlob = typeof Blob !== 'undefined'

/** What `binaryType` may be; the first is the default. */
const BINARY_TYPES = Object.freeze(
  ['nodebuffer', 'arraybuffer', 'fragments'].concat(hasBlob ? ['blob'] : [])
)

const EMPTY_BUFFER = Buffer.alloc(0)

/**
 * The class that Buffers are of; `Buffer` itself is a function in front of it. Made from an
 * ArrayBuffer, an offset and a length, one costs half of what `subarray()` of another takes.
 */
const BufferView = Buffer[Symbol.species]

/** The extensions of a connection that negotiated none: one object for all of them. */
const NO_EXTENSIONS = Object.freeze({})

module.exports = {
  BINARY_TYPES,
  BufferView,
  CLOSED,
  CLOSING,
  CONNECTING,
  EMPTY_BUFFER,
  NO_EXTENSIONS,
  OPEN,
  READY_STATES,
  hasBlob,
  /** On a listener made by `addEventListener`: it was set through an `on<event>` attribute. */
  kForOnEventAttribute: Symbol('kForOnEventAttribute'),
  /** On a listener made by `addEventListener`: what the user passed. */
  kListener: Symbol('kListener'),
  /** On a WebSocket: the server that tracks it. */
  kServer: Symbol('kServer'),
  /** On a socket: the WebSocket it was given to. */
  kWebSocket: Symbol('kWebSocket')
}
