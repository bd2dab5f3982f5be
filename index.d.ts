/// <reference types="node" />

// Types of offloop, by hand. A program that compiles with @types/ws compiles with these, unchanged:
// names, type parameters and the last overload of each method are the same there. What offloop adds
// is marked as such. For ES modules index.d.mts gives the same names.

import { EventEmitter } from 'node:events'
import {
  Agent,
  ClientRequest,
  ClientRequestArgs,
  IncomingMessage,
  OutgoingHttpHeaders,
  Server as HTTPServer,
} from 'node:http'
import { Server as HTTPSServer } from 'node:https'
import { createConnection } from 'node:net'
import { Duplex, DuplexOptions, Writable } from 'node:stream'
import { SecureContextOptions } from 'node:tls'
import { URL } from 'node:url'
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
  | { valueOf(): string }
  | { valueOf(): ArrayBuffer }
  | { valueOf(): SharedArrayBuffer }
  | { valueOf(): Uint8Array }
  | { valueOf(): readonly number[] }
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

  /** Bytes that wait to be given to the kernel, framing included. */
  readonly bufferedAmount: number
  /** offloop: why the connection has ended or is about to; null before that. */
  readonly closeCause: WebSocket.CloseCause | null
  /** offloop: what is counted of the connection; null before it was open. */
  readonly stats: WebSocket.ConnectionStats | null
  /** offloop: how long the heartbeat's last pong took, in milliseconds. */
  readonly latency: number | undefined
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
  /** Where a client connects to, behind redirects the last place; undefined on a server. */
  readonly url: string

  onopen: ((event: WebSocket.Event) => void) | null
  onmessage: ((event: WebSocket.MessageEvent) => void) | null
  onclose: ((event: WebSocket.CloseEvent) => void) | null
  onerror: ((event: WebSocket.ErrorEvent) => void) | null

  /** An end without a connection yet, for `setSocket()`. */
  constructor(address: null)
  constructor(address: null, protocols?: undefined, options?: object)
  /** A client that connects to an address. */
  constructor(address: string | URL, options?: WebSocket.ClientOptions | ClientRequestArgs)
  constructor(
    address: string | URL,
    protocols?: string | string[],
    options?: WebSocket.ClientOptions | ClientRequestArgs,
  )

  /**
   * Sends a message. The callback is called when the kernel has it (on the stream driver: when the
   * stream has written it), or with an error. Throws while the state is CONNECTING.
   */
  send(data: Sendable, cb?: SendCallback): void
  send(data: Sendable, options: WebSocket.SendOptions, cb?: SendCallback): void
  /**
   * offloop: sends a message. Resolves when there is room for more, at once or at `drain`; for a Blob,
   * and what is sent behind it while it is read, when `send()` would call back. Rejects if the
   * connection is not open, or ends before.
   */
  sendAsync(data: Sendable, options?: WebSocket.SendOptions): Promise<void>
  /** offloop: resolves when there is room for more, as `sendAsync()` does. */
  ready(): Promise<void>
  /** Sends a ping with at most 125 bytes. */
  ping(cb: (err: Error) => void): void
  ping(data: any, mask: boolean | ((err: Error) => void) | undefined, cb?: (err: Error) => void): void
  ping(data?: any, mask?: boolean, cb?: (err: Error) => void): void
  /** Sends a pong with at most 125 bytes. */
  pong(cb: (err: Error) => void): void
  pong(data: any, mask: boolean | ((err: Error) => void) | undefined, cb?: (err: Error) => void): void
  pong(data?: any, mask?: boolean, cb?: (err: Error) => void): void
  /** Starts the closing handshake. The reason has at most 123 bytes. */
  close(code?: number, reason?: string | Uint8Array): void
  close(code?: number, data?: string | Buffer): void
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
  addListener<K extends keyof WebSocket.Events>(
    event: K,
    listener: (...args: WebSocket.Events[K]) => void,
  ): this
  addListener(event: string | symbol, listener: (...args: any[]) => void): this
  removeListener<K extends keyof WebSocket.Events>(
    event: K,
    listener: (...args: WebSocket.Events[K]) => void,
  ): this
  removeListener(event: string | symbol, listener: (...args: any[]) => void): this
}

interface WebSocket {
  /** What binary messages arrive as. Set to `'blob'` they are Blobs, which `RawData` leaves out. */
  get binaryType(): 'nodebuffer' | 'arraybuffer' | 'fragments'
  set binaryType(type: 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob')
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
    /** Messages can be sent; on a server only for what `handleUpgrade()` returns. */
    open: []
    message: [data: RawData, isBinary: boolean]
    ping: [data: Buffer]
    pong: [data: Buffer]
    close: [code: number, reason: Buffer]
    error: [error: Error]
    /** Client: the response that ends the opening handshake. */
    upgrade: [request: IncomingMessage]
    /** Client: a redirect is being followed. */
    redirect: [url: string, request: ClientRequest]
    /** Client: a response that ends the opening handshake otherwise; the listener deals with it. */
    'unexpected-response': [request: ClientRequest, response: IncomingMessage]
    /** offloop: `bufferedAmount` has gone down again after it had been high. */
    drain: []
    /** offloop: messages were dropped, because more waits than `maxBackpressure` allows. */
    dropped: [count: number]
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
    /** The WebSocket. Any, since a listener may be written for that of @types/ws, which has less. */
    target: any
  }

  interface ErrorEvent extends Event {
    error: any
    message: string
  }

  interface CloseEvent extends Event {
    wasClean: boolean
    code: number
    reason: string
    /** offloop: `closeCause` of the WebSocket. */
    cause?: CloseCause
  }

  /**
   * offloop: what ended a connection.
   *
   * - `peer`: the peer's close frame; `local`: our `close()`
   * - `fin`: the peer ended its side without a close frame; `reset`, `transport`: the connection was
   *   lost
   * - `terminated`: `terminate()`, or Node's socket was destroyed
   * - `closeTimeout`: the closing handshake took too long
   * - `heartbeat`: no sign of life in answer to a ping
   * - `protocol`: the peer broke a rule; `detail` is the error's code
   * - `limit`: `detail` is the name of the option that set the limit
   * - `pressure`: the same, or `totalBackpressure` for that of `setTotalBackpressure()`
   * - `shutdown`: `server.shutdown()`
   * - `handshake`: there never was a connection
   * - `internal`: a fault of offloop
   */
  type CloseCauseType =
    | 'peer'
    | 'local'
    | 'fin'
    | 'reset'
    | 'transport'
    | 'terminated'
    | 'closeTimeout'
    | 'heartbeat'
    | 'protocol'
    | 'limit'
    | 'pressure'
    | 'shutdown'
    | 'handshake'
    | 'internal'

  /** offloop: why a connection has ended. */
  interface CloseCause {
    readonly type: CloseCauseType
    /** The code of an error, or the name of an option. */
    readonly detail?: string
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

  /** A certificate or a key. */
  type CertMeta = string | string[] | Buffer | Buffer[]

  /** Changes the request before it is sent, and then has to call `request.end()`. */
  type FinishRequestCallback = (request: ClientRequest, websocket: WebSocket) => void

  /** Compression of messages (RFC 7692). */
  interface PerMessageDeflateOptions {
    /** Whether the server compresses each message for itself. */
    serverNoContextTakeover?: boolean | undefined
    /** Whether the client does. */
    clientNoContextTakeover?: boolean | undefined
    /** How much the server may refer back to, 8 to 15: two to the power of it, in bytes. */
    serverMaxWindowBits?: number | undefined
    /** The same for the client. */
    clientMaxWindowBits?: number | undefined
    zlibDeflateOptions?:
      | {
          flush?: number | undefined
          finishFlush?: number | undefined
          chunkSize?: number | undefined
          windowBits?: number | undefined
          level?: number | undefined
          memLevel?: number | undefined
          strategy?: number | undefined
          dictionary?: Buffer | Buffer[] | DataView | undefined
          info?: boolean | undefined
        }
      | undefined
    zlibInflateOptions?: ZlibOptions | undefined
    /** Shorter messages are not compressed, in bytes [1024]. */
    threshold?: number | undefined
    concurrencyLimit?: number | undefined
  }

  /** offloop: what a connection is watched for. All of it is off by default. */
  interface GuardOptions {
    /** Pings that the peer must answer; `true` stands for the defaults. */
    heartbeat?: boolean | HeartbeatOptions | null | undefined
    /** How long there may be no message, in milliseconds. */
    idleTimeout?: number | undefined
    /** How many bytes may wait to be sent. */
    maxBackpressure?: number | BackpressureOptions | null | undefined
    /** How long a message may take to arrive, in milliseconds. */
    messageTimeout?: number | undefined
    /** How much may come in. */
    rateLimit?: RateLimitOptions | null | undefined
  }

  interface HeartbeatOptions {
    /** From one ping to the next, in milliseconds [30000]. */
    interval?: number
    /** From a ping to the latest sign of life, in milliseconds [10000]. */
    timeout?: number
  }

  interface BackpressureOptions {
    /** How many bytes may wait to be sent; 0 is no limit. */
    bytes: number
    /** What is done with a message that would go past it [close]. */
    policy?: 'close' | 'dropNewest' | 'dropOldest'
    /** The close code of the policy `close` [1013]. */
    code?: number
  }

  interface RateLimitOptions {
    /** Messages, pings and pongs an interval; 0 is no limit [0]. */
    messages?: number
    /** Bytes on the wire an interval; 0 is no limit [0]. */
    bytes?: number
    /** Milliseconds [1000]. */
    interval?: number
    /** How many intervals' worth can be saved up by silence [1]. */
    burst?: number
    /** What is done past the limit: close with 1008, or stop reading for a while [close]. */
    policy?: 'close' | 'pause'
  }

  /** Options of a client; besides these it takes those of `http.request()`. */
  interface ClientOptions extends SecureContextOptions, GuardOptions {
    agent?: Agent | undefined
    /** Whether several events may be emitted in one turn [true]. */
    allowSynchronousEvents?: boolean | undefined
    /** Whether pings are answered [true]. */
    autoPong?: boolean | undefined
    checkServerIdentity?(servername: string, cert: CertMeta): boolean
    /** How long a closing handshake may take, in milliseconds [30000]. */
    closeTimeout?: number | undefined
    createConnection?: typeof createConnection | undefined
    /** offloop: the driver to use where the socket allows it [shard]; TLS is always a stream. */
    driver?: 'shard' | 'stream' | undefined
    family?: number | undefined
    finishRequest?: FinishRequestCallback | undefined
    /** Whether redirects are followed [false]. */
    followRedirects?: boolean | undefined
    /** Fills in the masking key of a frame. */
    generateMask?(mask: Buffer): void
    /** How long the opening handshake may take, in milliseconds [no limit]. */
    handshakeTimeout?: number | undefined
    headers?: { [key: string]: string } | undefined
    host?: string | undefined
    localAddress?: string | undefined
    maxBufferedChunks?: number | undefined
    /** The most fragments of a message; 0 is no limit [16384]. */
    maxFragments?: number | undefined
    /** The most bytes of a message; 0 is no limit [100 MiB]. */
    maxPayload?: number | undefined
    /**
     * How many pongs may wait to be written; 0 is no limit [60]. On the stream driver only with
     * `generateMask`.
     */
    maxPendingAutoPongs?: number | undefined
    /** The most redirects that are followed [10]. */
    maxRedirects?: number | undefined
    origin?: string | undefined
    perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined
    protocol?: string | undefined
    /** Sub-protocols, unless the second argument gives them. */
    protocols?: string | string[] | undefined
    /** 13, or 8 [13]. */
    protocolVersion?: number | undefined
    rejectUnauthorized?: boolean | undefined
    /** Whether text is taken as it comes [false]. */
    skipUTF8Validation?: boolean | undefined
  }

  /** Options of `handleUpgrade()`. */
  interface UpgradeOptions<
    U extends typeof WebSocket.WebSocket = typeof WebSocket.WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage,
  > extends GuardOptions {
    /** Whether several events of a connection may be emitted in one turn [true]. */
    allowSynchronousEvents?: boolean | undefined
    /** Whether pings are answered [true]. */
    autoPong?: boolean | undefined
    /** How long a closing handshake may take, in milliseconds [30000]. */
    closeTimeout?: number | undefined
    /** offloop: the driver to use where the socket allows it [shard]; TLS is always a stream. */
    driver?: 'shard' | 'stream' | undefined
    /**
     * offloop: the origins that are let in [any]; others get 403. An origin may begin with `*.` behind
     * its scheme, for all hosts below one; null stands for a request without an origin.
     */
    allowedOrigins?:
      | string
      | readonly (string | null)[]
      | ((origin: string | undefined, request: InstanceType<V>) => boolean)
      | null
      | undefined
    /** Chooses one of the sub-protocols that the client offers [the first]. */
    handleProtocols?: (protocols: Set<string>, request: InstanceType<V>) => string | false
    /** Taken for the sake of ws; offloop keeps no list of chunks. */
    maxBufferedChunks?: number | undefined
    /** The most fragments of a message; 0 is no limit [16384]. */
    maxFragments?: number | undefined
    /** The most bytes of a message; 0 is no limit [100 MiB]. */
    maxPayload?: number | undefined
    /** How many pongs may wait to be written; 0 is no limit [60]. On the shard driver only. */
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
    /** offloop: how many connections there may be; the next gets 503. 0 is no limit [0]. */
    maxConnections?: number | undefined
    /** offloop: how many of one address; the next gets 429. 0 is no limit [0]. */
    maxConnectionsPerAddress?: number | undefined
    /** offloop: whose a connection is [the address of its socket]. */
    clientAddress?: ((request: InstanceType<V>) => string | undefined) | null | undefined
    /** Whether `clients` holds the connections [true]. */
    clientTracking?: boolean | undefined
  }

  /** offloop: how `shutdown()` closes connections. */
  interface ShutdownOptions {
    /** The close code [1001]. */
    code?: number
    reason?: string
    /** Who is still there after so many milliseconds is dropped [10000]. */
    deadline?: number
    /** The connections are closed at random within so many milliseconds [0]. */
    jitter?: number
  }

  /** offloop: how many connections have ended how. */
  interface ShutdownCounts {
    /** With both close frames. */
    closed: number
    /** Otherwise, before the deadline. */
    lost: number
    /** Dropped at the deadline. */
    terminated: number
  }

  /** offloop: what is counted of one connection. */
  interface ConnectionStats {
    messagesIn: number
    messagesOut: number
    /** Bytes read from the transport and written to it, framing included. */
    bytesIn: number
    bytesOut: number
    bufferedAmount: number
    /** Messages dropped because of `maxBackpressure`. */
    dropped: number
    latency: number | undefined
  }

  /** offloop: what is counted of a server's connections since it was made. */
  interface ServerStats {
    /** How many are open. */
    connections: number
    accepted: number
    /** Requests that were refused. */
    refused: number
    /** How many have ended for which cause. */
    closes: { [type in CloseCauseType]?: number }
    /** Messages dropped because of `maxBackpressure`. */
    dropped: number
    /** Bytes that wait to be sent. */
    bufferedAmount: number
    messagesIn: number
    messagesOut: number
    /** Payloads, uncompressed. */
    messageBytesIn: number
    messageBytesOut: number
    /** All that was read; frames of messages that were sent. */
    wireBytesIn: number
    wireBytesOut: number
    framesIn: number
    framesOut: number
    pingsIn: number
    pingsOut: number
    pongsIn: number
    pongsOut: number
    /** Payloads of the messages that were compressed, and their frames. */
    compressibleBytesOut: number
    compressedBytesOut: number
    /** The first by the second; undefined while nothing was compressed. */
    compressionRatio: number | undefined
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
  > = (this: Server<T>, ...args: ServerEvents<T, U>[K]) => void

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
    /** offloop: accepts no further connection, and closes those there are. */
    shutdown(options?: ShutdownOptions): Promise<ShutdownCounts>
    /** offloop: what is counted of all its connections. */
    stats(): ServerStats

    on<K extends keyof ServerEvents>(event: K, listener: ServerListener<T, U, K>): this
    on(event: string | symbol, listener: (this: Server<T>, ...args: any[]) => void): this
    once<K extends keyof ServerEvents>(event: K, listener: ServerListener<T, U, K>): this
    once(event: string | symbol, listener: (this: Server<T>, ...args: any[]) => void): this
    off<K extends keyof ServerEvents>(event: K, listener: ServerListener<T, U, K>): this
    off(event: string | symbol, listener: (this: Server<T>, ...args: any[]) => void): this
    addListener<K extends keyof ServerEvents>(
      event: K,
      listener: (...args: ServerEvents<T, U>[K]) => void,
    ): this
    addListener(event: string | symbol, listener: (...args: any[]) => void): this
    removeListener<K extends keyof ServerEvents>(
      event: K,
      listener: (...args: ServerEvents<T, U>[K]) => void,
    ): this
    removeListener(event: string | symbol, listener: (...args: any[]) => void): this
  }

  const WebSocketServer: typeof Server
  interface WebSocketServer extends Server {}
  const WebSocket: typeof WebSocketAlias
  interface WebSocket extends WebSocketAlias {}

  /** Makes a stream of a WebSocket: who reads it gets messages, what is written is sent. */
  function createWebSocketStream(websocket: WebSocket, options?: DuplexOptions): Duplex

  /** The parameters of permessage-deflate that were agreed on. */
  interface PerMessageDeflateParams {
    server_no_context_takeover?: true
    client_no_context_takeover?: true
    server_max_window_bits?: number
    client_max_window_bits?: number | true
  }

  /** The extensions in use, by name. */
  interface Extensions {
    [name: string]: PerMessageDeflate | undefined
  }

  /** Options of the class `PerMessageDeflate`. */
  interface PerMessageDeflateClassOptions
    extends Omit<PerMessageDeflateOptions, 'serverMaxWindowBits' | 'clientMaxWindowBits'> {
    serverMaxWindowBits?: number | boolean | undefined
    clientMaxWindowBits?: number | boolean | undefined
    /** Whether this is the server's end [false]. */
    isServer?: boolean | undefined
    /** The most bytes to inflate at once; 0 is no limit [0]. */
    maxPayload?: number | undefined
  }

  /** permessage-deflate (RFC 7692), for those who negotiate and compress by themselves. */
  class PerMessageDeflate {
    static readonly extensionName: 'permessage-deflate'
    /** What was agreed on; null before `accept()`. */
    params: PerMessageDeflateParams | null

    constructor(options?: PerMessageDeflateClassOptions)

    /** The parameters of a client's offer. */
    offer(): { [param: string]: number | true }
    /** Judges what `extension.parse()` has read. Throws if nothing can be agreed on. */
    accept(configurations: ExtensionParams[]): PerMessageDeflateParams
    compress(
      data: Buffer | string,
      fin: boolean,
      callback: (err: Error | null, result: Buffer) => void,
    ): void
    decompress(
      data: Buffer,
      fin: boolean,
      callback: (err: Error | null, result: Buffer) => void,
    ): void
    /** Frees the memory of zlib. */
    cleanup(): void
  }

  /** Options of the class `Receiver`. */
  interface ReceiverOptions {
    /** Whether several events may be emitted in one turn [true]. */
    allowSynchronousEvents?: boolean | undefined
    /** What binary messages arrive as ['nodebuffer']. */
    binaryType?: 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob' | undefined
    extensions?: Extensions | undefined
    /** Whether a client's frames are read [false]. */
    isServer?: boolean | undefined
    /** Taken for the sake of ws; offloop keeps no list of chunks. */
    maxBufferedChunks?: number | undefined
    /** The most fragments of a message; 0 is no limit [0]. */
    maxFragments?: number | undefined
    /** The most bytes of a message; 0 is no limit [0]. */
    maxPayload?: number | undefined
    /** Whether text is taken as it comes [false]. */
    skipUTF8Validation?: boolean | undefined
  }

  /** The events of a `Receiver` and the arguments of their listeners. */
  interface ReceiverEvents {
    message: [data: RawData | Blob, isBinary: boolean]
    ping: [data: Buffer]
    pong: [data: Buffer]
    /** A close frame has come; 1005 stands for none. */
    conclude: [code: number, reason: Buffer]
    /** The peer broke a rule. */
    error: [error: Error]
    close: []
    drain: []
    finish: []
  }

  /** Makes events of the bytes that a peer sends behind the opening handshake. */
  class Receiver extends Writable {
    constructor(options?: ReceiverOptions)

    on<K extends keyof ReceiverEvents>(
      event: K,
      listener: (this: Receiver, ...args: ReceiverEvents[K]) => void,
    ): this
    on(event: string | symbol, listener: (...args: any[]) => void): this
    once<K extends keyof ReceiverEvents>(
      event: K,
      listener: (this: Receiver, ...args: ReceiverEvents[K]) => void,
    ): this
    once(event: string | symbol, listener: (...args: any[]) => void): this
  }

  /** What a frame has besides its payload. */
  interface FrameOptions {
    /** Whether it ends the message [false]. */
    fin?: boolean | undefined
    /** Fills in the masking key [random bytes]. */
    generateMask?: ((mask: Buffer) => void) | undefined
    /** Whether it is masked [false]. */
    mask?: boolean | undefined
    /** Where the masking key is put. */
    maskBuffer?: Buffer | undefined
    opcode: number
    /** Whether the payload must not be masked in place [false]. */
    readOnly?: boolean | undefined
    /** Whether the bit RSV1 is set [false]. */
    rsv1?: boolean | undefined
  }

  /** Writes frames to a stream behind the opening handshake. */
  class Sender {
    /** Makes a frame: header and payload, or both in one Buffer. */
    static frame(data: Buffer | string, options: FrameOptions): Buffer[]

    constructor(
      socket: Duplex,
      extensions?: Extensions,
      generateMask?: (mask: Buffer) => void,
    )

    /** Called with the error if a Blob cannot be read. */
    onerror: (err: Error) => void

    send(data: Sendable, options: SendOptions, cb?: SendCallback): void
    ping(data: Sendable, mask?: boolean, cb?: SendCallback): void
    pong(data: Sendable, mask?: boolean, cb?: SendCallback): void
    close(code?: number, data?: string | Uint8Array, mask?: boolean, cb?: SendCallback): void
    /** Writes what `frame()` has made. */
    sendFrame(list: readonly (Buffer | string)[], cb?: SendCallback): void
  }

  /** The values of an extension's parameters, by name; `true` stands for none. */
  interface ExtensionParams {
    [param: string]: (string | true)[]
  }

  /** The grammar of `Sec-WebSocket-Extensions`. */
  const extension: {
    /** Offers by the extension's name. Throws a SyntaxError if the value is wrong. */
    parse(header: string): { [name: string]: ExtensionParams[] }
    /** Makes a header's value. A list of one element may be the element. */
    format(extensions: { [name: string]: object | readonly object[] }): string
  }

  /** The grammar of `Sec-WebSocket-Protocol`. */
  const subprotocol: {
    /** The names in their order. Throws a SyntaxError if the value is no list of tokens. */
    parse(header: string): Set<string>
  }

  /**
   * offloop: bounds what waits to be sent on all connections of this thread; past it those with the
   * most are closed with 1013. 0 is no bound.
   */
  function setTotalBackpressure(bytes: number): void

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
