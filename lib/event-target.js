'use strict'

/**
 * The browser's face of a WebSocket: `addEventListener()`, `onmessage` and the like, on top of
 * an EventEmitter. Text arrives here as a string.
 */

const { kForOnEventAttribute, kListener } = require('./constants')

/** What is announced to a listener. */
class Event {
  #type
  #target

  /**
   * @param {string} type The name of the event
   * @param {object} [target=null] The WebSocket it happened to
   */
  constructor(type, target = null) {
    this.#type = type
    this.#target = target
  }

  /** @returns {object | null} The WebSocket it happened to */
  get target() {
    return this.#target
  }

  /** @returns {string} The name of the event */
  get type() {
    return this.#type
  }
}

/** A connection has ended. */
class CloseEvent extends Event {
  #code
  #reason
  #wasClean
  #cause

  /**
   * @param {object} target The WebSocket
   * @param {number} code The close code
   * @param {string} reason The reason
   * @param {boolean} wasClean Whether both peers had sent a close frame
   */
  constructor(target, code, reason, wasClean) {
    super('close', target)
    this.#code = code
    this.#reason = reason
    this.#wasClean = wasClean
    this.#cause = target.closeCause
  }

  /** @returns {object} Why: `closeCause` of the WebSocket */
  get cause() {
    return this.#cause
  }

  /** @returns {number} The close code */
  get code() {
    return this.#code
  }

  /** @returns {string} The reason */
  get reason() {
    return this.#reason
  }

  /** @returns {boolean} Whether both peers had sent a close frame */
  get wasClean() {
    return this.#wasClean
  }
}

/** Something failed. */
class ErrorEvent extends Event {
  #error

  /**
   * @param {object} target The WebSocket
   * @param {Error} error What failed
   */
  constructor(target, error) {
    super('error', target)
    this.#error = error
  }

  /** @returns {Error} What failed */
  get error() {
    return this.#error
  }

  /** @returns {string} The text of the error */
  get message() {
    return this.#error.message === undefined ? '' : this.#error.message
  }
}

/** A message has arrived. */
class MessageEvent extends Event {
  #data

  /**
   * @param {object} target The WebSocket
   * @param {string | Buffer | ArrayBuffer | Buffer[] | Blob} data The message
   */
  constructor(target, data) {
    super('message', target)
    this.#data = data
  }

  /** @returns {string | Buffer | ArrayBuffer | Buffer[] | Blob} The message */
  get data() {
    return this.#data
  }
}

for (const EventClass of [Event, CloseEvent, ErrorEvent, MessageEvent]) {
  for (const name of Object.getOwnPropertyNames(EventClass.prototype)) {
    if (name !== 'constructor') {
      Object.defineProperty(EventClass.prototype, name, { enumerable: true })
    }
  }
}

/** How the arguments of an EventEmitter's event become the event of a browser. */
const EVENT_MAKERS = {
  __proto__: null,
  open: (ws) => new Event('open', ws),
  message: (ws, data, isBinary) => new MessageEvent(ws, isBinary ? data : decodeText(data)),
  close: (ws, code, reason) =>
    new CloseEvent(ws, code, reason.toString(), ws._closeFrameReceived && ws._closeFrameSent),
  error: (ws, error) => new ErrorEvent(ws, error)
}

/** The text that is being emitted, if it is known to be plain ASCII. */
let asciiText = null

/**
 * Emits a text message. Whether it is ASCII is remembered for the listeners added by
 * `addEventListener()`, without an argument that an EventEmitter's listener could see.
 *
 * @param {object} ws The WebSocket
 * @param {Buffer} data The bytes
 * @param {boolean} isAscii Whether they are all below 0x80
 */
function emitText(ws, data, isAscii) {
  asciiText = isAscii ? data : null
  ws.emit('message', data, false)
  asciiText = null
}

/**
 * Makes a string of a text message.
 *
 * @param {Buffer} data The bytes
 * @returns {string} The text
 */
function decodeText(data) {
  // Several times faster than decoding UTF-8, and the same for ASCII.
  return data === asciiText ? data.latin1Slice(0, data.length) : data.toString()
}

/**
 * Makes a listener of an EventEmitter that calls a listener of a browser.
 *
 * @param {string} type The name of the event
 * @param {Function | {handleEvent: Function}} handler What the user passed
 * @param {boolean} forAttribute Whether it was set through an `on<event>` attribute
 * @returns {Function} The listener
 */
function wrap(type, handler, forAttribute) {
  const makeEvent = EVENT_MAKERS[type]

  /**
   * Called with the WebSocket as `this`.
   *
   * @param {*} first The first argument of the event
   * @param {*} second The second argument of the event
   */
  function listener(first, second) {
    const event = makeEvent(this, first, second)
    if (typeof handler === 'object' && handler.handleEvent) handler.handleEvent(event)
    else handler.call(this, event)
  }

  listener[kForOnEventAttribute] = forAttribute
  listener[kListener] = handler
  return listener
}

/** The methods of the browser's EventTarget, to be put on the class WebSocket. */
const eventTargetMethods = {
  /**
   * Adds a listener for `open`, `message`, `close` or `error`; other types are ignored, and so
   * is a listener that is there already.
   *
   * @param {string} type The name of the event
   * @param {Function | {handleEvent: Function}} handler The listener
   * @param {object} [options] Options
   * @param {boolean} [options.once=false] Whether it is taken off when it is called
   */
  addEventListener(type, handler, options) {
    if (EVENT_MAKERS[type] === undefined || !handler) return
    if (findListener(this, type, handler) !== undefined) return
    const listener = wrap(type, handler, false)
    if (options && options.once) this.once(type, listener)
    else this.on(type, listener)
  },

  /**
   * Takes off a listener that `addEventListener()` added.
   *
   * @param {string} type The name of the event
   * @param {Function | {handleEvent: Function}} handler The listener
   */
  removeEventListener(type, handler) {
    const listener = findListener(this, type, handler)
    if (listener !== undefined) this.removeListener(type, listener)
  }
}

/**
 * Finds a listener that `addEventListener()` made.
 *
 * @param {object} ws The WebSocket
 * @param {string} type The name of the event
 * @param {Function | {handleEvent: Function}} handler What the user passed
 * @returns {Function | undefined} The listener
 */
function findListener(ws, type, handler) {
  return ws
    .listeners(type)
    .find((listener) => listener[kListener] === handler && !listener[kForOnEventAttribute])
}

/**
 * Finds the listener that an `on<event>` attribute made.
 *
 * @param {object} ws The WebSocket
 * @param {string} type The name of the event
 * @returns {Function | undefined} The listener
 */
function findAttribute(ws, type) {
  return ws.listeners(type).find((listener) => listener[kForOnEventAttribute])
}

/**
 * Puts `addEventListener()`, `removeEventListener()` and the four `on<event>` attributes on a
 * class.
 *
 * @param {Function} WebSocket The class, an EventEmitter
 */
function mixInEventTarget(WebSocket) {
  Object.assign(WebSocket.prototype, eventTargetMethods)
  for (const type of Object.keys(EVENT_MAKERS)) {
    Object.defineProperty(WebSocket.prototype, `on${type}`, {
      enumerable: true,
      configurable: true,
      /** @returns {Function | null} The listener */
      get() {
        const listener = findAttribute(this, type)
        return listener === undefined ? null : listener[kListener]
      },
      /** @param {*} handler The listener; what is no function only takes the old one off */
      set(handler) {
        const former = findAttribute(this, type)
        if (former !== undefined) this.removeListener(type, former)
        if (typeof handler === 'function') this.on(type, wrap(type, handler, true))
      }
    })
  }
}

module.exports = { emitText, mixInEventTarget }
