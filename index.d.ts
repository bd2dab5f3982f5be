/// <reference types="node" />

// Types of offloop, by hand. Names follow @types/ws, so that a program written for a server of
// ws compiles unchanged; what offloop adds is marked as such.

import { EventEmitter } from 'node:events'
import { IncomingMessage, OutgoingHttpHeaders, Server as HTTPServer } from 'node:http'
import { Server as HTTPSServer } from 'node:https'
import { Duplex } from 'node:stream'
import { ZlibOptions } from 'node:zlib'

/** What can be sent: strings, numbers, and whatever has bytes or turns into one of those. */
type Sendable =
  | string
  | number
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | readonly any[]
  | { valueOf(): string | ArrayBuffer | SharedArrayBuffer | Uint8Array | readonly number[] }
  | { [Symbol.toPrimitive](hint: string): string }

type SendCallback = (err?: Error) => void

/** A listener of the browser's face: a function, or an object with `handleEvent`. */
type Handler<E> = ((event: E) => void) | { handleEvent(event: E): void }

/**
 * One end of a WebSocket connection.
 *
 * `message` listeners get `(data, isBinary)`: text comes as a Buffer there, and as a string to
 * listeners added by `addEventListener()` and `onmessage`.
 */
declare class WebSocket extends EventEmitter {
  /** The opening handshake is not done yet. */
  static readonly CONNECTING: 0
  /** Messages can be sent and arrive. */
  static readonly OPEN: 1
  /** The closing handshake is going on, or the connection is being dropped. */
  static readonly CLOSING: 2
  /** The connection has ended, or never began. */
  static readonly CLOSED: 3

  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSING: 2
  readonly CLOSED: 3

  /** What binary messages arrive as. With `'blob'` they are Blobs, which `RawData` leaves out. */
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob'
  /** Bytes that wait to be given to the kernel, framing included. */
  readonly bufferedAmount: number
  /** The names of the extensions in use, with commas between them. */
  readonly extensions: string
  readonly isPaused: boolean
  /** The sub-protocol in use, or an empty string. */
  readonly protocol: string
  readonly readyState:
    | typeof WebSocket.CONNECTING
    | typeof WebSocket.OPEN
    | typeof WebSocket.CLOSING
    | typeof WebSocket.CLOSED
  /** Where a client connected to; undefined on a server. */
  readonly url: string

  onopen: ((event: WebSocket.Event) => void) | null
  onmessage: ((event: WebSocket.MessageEvent) => void) | null
  onclose: ((event: WebSocket.CloseEvent) => void) | null
  onerror: ((event: WebSocket.ErrorEvent) => void) | null

  /** The server's end of a connection. Clients are not there yet. */
  constructor(address: null, protocols?: undefined, options?: object)

  /**
   * Sends a message. The callback is called when it has been handed on to be written, or with
   * an error. Throws while the state is CONNECTING.
   */
  send(data: Sendable, cb?: SendCallback): void
  send(data: Sendable, options: WebSocket.SendOptions, cb?: SendCallback): void
  /** Sends a ping with at most 125 bytes. */
  ping(cb: (err: Error) => void): void
  ping(data: any, cb: (err: Error) => void): void
  ping(data?: any, mask?: boolean, cb?: (err: Error) => void): void
  /** Sends a pong with at most 125 bytes. */
  pong(cb: (err: Error) => void): void
  pong(data: any, cb: (err: Error) => void): void
  pong(data?: any, mask?: boolean, cb?: (err: Error) => void): void
  /** Starts the closing handshake. The reason has at most 123 bytes. */
  close(code?: number, reason?: string | Uint8Array): void
  /** Drops the connection at once; only `close` is emitted after it. */
  terminate(): void
  /** Stops reading. Messages that were under way are held back until `resume()`. */
  pause(): void
  resume(): void

  addEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener: Handler<WebSocket.WebSocketEventMap[K]>,
    options?: WebSocket.EventListenerOptions,
  ): void
  removeEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener: Handler<WebSocket.WebSocketEventMap[K]>,
  ): void

  on<K extends keyof WebSocket.Events>(event: K, listener: WebSocket.Listener<K>): this
  on(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this
  once<K extends keyof WebSocket.Events>(event: K, listener: WebSocket.Listener<K>): this
  once(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this
  off<K extends keyof WebSocket.Events>(event: K, listener: WebSocket.Listener<K>): this
  off(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this
  addListener<K extends keyof WebSocket.Events>(event: K, listener: WebSocket.Listener<K>): this
  addListener(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this
  removeListener<K extends keyof WebSocket.Events>(
    event: K,
    listener: WebSocket.Listener<K>,
  ): this
  removeListener(
    event: string | symbol,
    listener: (this: WebSocket, ...args: any[]) => void,
  ): this
}

declare const WebSocketAlias: typeof WebSocket
interface WebSocketAlias extends WebSocket {}

declare namespace WebSocket {
  /** A message as `message` listeners get it. */
  type RawData = Buffer | ArrayBuffer | Buffer[]

  /** A message as a `MessageEvent` has it. */
  type Data = string | Buffer | ArrayBuffer | Buffer[]

  /** The events of a WebSocket and the arguments of their listeners. */
  interface Events {
    /** Emitted on what `handleUpgrade()` returns, in a later turn and before any message. */
    open: []
    message: [data: RawData, isBinary: boolean]
    ping: [data: Buffer]
    pong: [data: Buffer]
    close: [code: number, reason: Buffer]
    error: [error: Error]
    /** offloop: `bufferedAmount` has gone down again after it had been high. */
    drain: []
  }

  type Listener<K extends keyof Events> = (this: WebSocket, ...args: Events[K]) => void

  interface SendOptions {
    /** Ignored: whether frames are masked depends on the role. */
    mask?: boolean | undefined
    /** Whether the message is binary. Without it, strings and numbers are text. */
    binary?: boolean | undefined
    compress?: boolean | undefined
    /** `false`: more fragments of this message follow. */
    fin?: boolean | undefined
  }

  interface Event {
    type: string
    target: WebSocket
  }

  interface ErrorEvent extends Event {
    error: any
    message: string
  }

  interface CloseEvent extends Event {
    wasClean: boolean
    code: number
    reason: string
  }

  interface MessageEvent extends Event {
    data: Data
  }

  interface WebSocketEventMap {
    open: Event
    error: ErrorEvent
    close: CloseEvent
    message: MessageEvent
  }

  interface EventListenerOptions {
    once?: boolean | undefined
  }

  /** Accepts or refuses a request. */
  type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (info: {
    origin: string
    secure: boolean
    req: Request
  }) => boolean

  /** Accepts or refuses a request by calling back. Must be declared with two parameters. */
  type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
    info: { origin: string; secure: boolean; req: Request },
    callback: (
      res: boolean,
      code?: number,
      message?: string,
      headers?: OutgoingHttpHeaders,
    ) => void,
  ) => void

  /** Taken and kept; compression is not negotiated yet. */
  interface PerMessageDeflateOptions {
    serverNoContextTakeover?: boolean | undefined
    clientNoContextTakeover?: boolean | undefined
    serverMaxWindowBits?: number | undefined
    clientMaxWindowBits?: number | undefined
    zlibDeflateOptions?: ZlibOptions | undefined
    zlibInflateOptions?: ZlibOptions | undefined
    threshold?: number | undefined
    concurrencyLimit?: number | undefined
  }

  /** Options of `handleUpgrade()`. */
  interface UpgradeOptions<
    U extends typeof WebSocket.WebSocket = typeof WebSocket.WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage,
  > {
    /** Whether several events of a connection may be emitted in one turn [true]. */
    allowSynchronousEvents?: boolean | undefined
    /** Whether pings are answered [true]. */
    autoPong?: boolean | undefined
    /** How long a closing handshake may take, in milliseconds [30000]. */
    closeTimeout?: number | undefined
    /** offloop: the driver to use where the socket allows it [shard]; TLS is always a stream. */
    driver?: 'shard' | 'stream' | undefined
    /** Chooses one of the sub-protocols that the client offers [the first]. */
    handleProtocols?:
      | ((protocols: Set<string>, request: InstanceType<V>) => string | false)
      | undefined
    /** Taken for the sake of ws; offloop keeps no list of chunks. */
    maxBufferedChunks?: number | undefined
    /** The most fragments of a message; 0 is no limit [16384]. */
    maxFragments?: number | undefined
    /** The most bytes of a message; 0 is no limit [100 MiB]. */
    maxPayload?: number | undefined
    /** How many pongs may wait to be written; 0 is no limit [60]. */
    maxPendingAutoPongs?: number | undefined
    /** The only path to accept [any]. */
    path?: string | undefined
    perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined
    /** Whether text is taken as it comes [false]. */
    skipUTF8Validation?: boolean | undefined
    verifyClient?:
      | VerifyClientCallbackAsync<InstanceType<V>>
      | VerifyClientCallbackSync<InstanceType<V>>
      | undefined
    /** The class to instantiate [WebSocket]. */
    WebSocket?: U | undefined
  }

  /** Options of a `WebSocketServer`: exactly one of `port`, `server` and `noServer`. */
  interface ServerOptions<
    U extends typeof WebSocket.WebSocket = typeof WebSocket.WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage,
  > extends UpgradeOptions<U, V> {
    host?: string | undefined
    port?: number | undefined
    backlog?: number | undefined
    server?: HTTPServer<V> | HTTPSServer<V> | undefined
    noServer?: boolean | undefined
    /** Whether `clients` holds the connections [true]. */
    clientTracking?: boolean | undefined
  }

  interface AddressInfo {
    address: string
    family: string
    port: number
  }

  /** The events of a WebSocketServer and the arguments of their listeners. */
  interface ServerEvents<
    T extends typeof WebSocket.WebSocket = typeof WebSocket.WebSocket,
    U extends typeof IncomingMessage = typeof IncomingMessage,
  > {
    connection: [websocket: InstanceType<T>, request: InstanceType<U>]
    /** The lines of the 101 response, which may be changed. */
    headers: [headers: string[], request: InstanceType<U>]
    /** A request that broke the handshake; the listener answers it. */
    wsClientError: [error: Error, socket: Duplex, request: InstanceType<U>]
    listening: []
    error: [error: Error]
    close: []
  }

  type ServerListener<
    T extends typeof WebSocket.WebSocket,
    U extends typeof IncomingMessage,
    K extends keyof ServerEvents,
  > = (this: Server<T, U>, ...args: ServerEvents<T, U>[K]) => void

  class Server<
    T extends typeof WebSocket.WebSocket = typeof WebSocket.WebSocket,
    U extends typeof IncomingMessage = typeof IncomingMessage,
  > extends EventEmitter {
    /** Read at each upgrade; may be changed. */
    options: ServerOptions<T, U>
    path: string
    /** The open connections, unless `clientTracking` is off. */
    clients: Set<InstanceType<T>>

    constructor(options?: ServerOptions<T, U>, callback?: () => void)

    address(): AddressInfo | string | null
    /** Accepts no further connection. Those there are stay open; `close` waits for them. */
    close(cb?: (err?: Error) => void): void
    handleUpgrade(
      request: InstanceType<U>,
      socket: Duplex,
      upgradeHead: Buffer,
      callback: (client: InstanceType<T>, request: InstanceType<U>) => void,
    ): void
    shouldHandle(request: InstanceType<U>): boolean | Promise<boolean>

    on<K extends keyof ServerEvents>(event: K, listener: ServerListener<T, U, K>): this
    on(event: string | symbol, listener: (this: Server<T, U>, ...args: any[]) => void): this
    once<K extends keyof ServerEvents>(event: K, listener: ServerListener<T, U, K>): this
    once(event: string | symbol, listener: (this: Server<T, U>, ...args: any[]) => void): this
    off<K extends keyof ServerEvents>(event: K, listener: ServerListener<T, U, K>): this
    off(event: string | symbol, listener: (this: Server<T, U>, ...args: any[]) => void): this
    addListener<K extends keyof ServerEvents>(event: K, listener: ServerListener<T, U, K>): this
    addListener(
      event: string | symbol,
      listener: (this: Server<T, U>, ...args: any[]) => void,
    ): this
    removeListener<K extends keyof ServerEvents>(
      event: K,
      listener: ServerListener<T, U, K>,
    ): this
    removeListener(
      event: string | symbol,
      listener: (this: Server<T, U>, ...args: any[]) => void,
    ): this
  }

  const WebSocketServer: typeof Server
  interface WebSocketServer extends Server {}
  const WebSocket: typeof WebSocketAlias
  interface WebSocket extends WebSocketAlias {}

  /** The grammar of `Sec-WebSocket-Protocol`. */
  const subprotocol: {
    /** The names in their order. Throws a SyntaxError if the value is no list of tokens. */
    parse(header: string): Set<string>
  }

  /** offloop: what `error` tells when an opening handshake was refused. */
  interface HandshakeError extends Error {
    /** The HTTP status of the answer; absent if the connection was lost before it. */
    statusCode?: number
  }

  /**
   * offloop: upgrades one connection, without a server object.
   *
   * It returns the WebSocket at once. Normally that is OPEN: the callback has been called, and
   * `open` follows in a later turn, before any message. While an asynchronous `verifyClient`
   * decides it is CONNECTING. If the request was refused, the refusal has been answered as ws
   * does, and the WebSocket is CLOSED: in a later turn it emits `error` (a `HandshakeError`),
   * but only if somebody listens, and `close` with 1006, so that a stranger's bad request
   * cannot end the process. The callback is not called then.
   */
  function handleUpgrade<U extends typeof IncomingMessage = typeof IncomingMessage>(
    request: InstanceType<U>,
    socket: Duplex,
    head: Buffer,
    callback: (client: WebSocket, request: InstanceType<U>) => void,
  ): WebSocket
  function handleUpgrade<
    T extends typeof WebSocket.WebSocket = typeof WebSocket.WebSocket,
    U extends typeof IncomingMessage = typeof IncomingMessage,
  >(
    request: InstanceType<U>,
    socket: Duplex,
    head: Buffer,
    options?: UpgradeOptions<T, U>,
    callback?: (client: InstanceType<T>, request: InstanceType<U>) => void,
  ): InstanceType<T>
}

export = WebSocket
