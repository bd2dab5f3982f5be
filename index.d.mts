// The types of index.mjs: the names of index.d.ts as exports. Programs may add to an interface
// through either.

import WebSocket from './index.js'

export import AddressInfo = WebSocket.AddressInfo
export import BackpressureOptions = WebSocket.BackpressureOptions
export import CertMeta = WebSocket.CertMeta
export import ClientOptions = WebSocket.ClientOptions
export import CloseCause = WebSocket.CloseCause
export import CloseCauseType = WebSocket.CloseCauseType
export import CloseEvent = WebSocket.CloseEvent
export import ConnectionStats = WebSocket.ConnectionStats
export import Data = WebSocket.Data
export import ErrorEvent = WebSocket.ErrorEvent
export import Event = WebSocket.Event
export import EventListenerOptions = WebSocket.EventListenerOptions
export import Events = WebSocket.Events
export import ExtensionParams = WebSocket.ExtensionParams
export import Extensions = WebSocket.Extensions
export import FinishRequestCallback = WebSocket.FinishRequestCallback
export import FrameOptions = WebSocket.FrameOptions
export import GuardOptions = WebSocket.GuardOptions
export import HandshakeError = WebSocket.HandshakeError
export import HeartbeatOptions = WebSocket.HeartbeatOptions
export import MessageEvent = WebSocket.MessageEvent
export import PerMessageDeflateClassOptions = WebSocket.PerMessageDeflateClassOptions
export import PerMessageDeflateOptions = WebSocket.PerMessageDeflateOptions
export import PerMessageDeflateParams = WebSocket.PerMessageDeflateParams
export import RawData = WebSocket.RawData
export import RateLimitOptions = WebSocket.RateLimitOptions
export import ReceiverEvents = WebSocket.ReceiverEvents
export import ReceiverOptions = WebSocket.ReceiverOptions
export import SendOptions = WebSocket.SendOptions
export import ServerEvents = WebSocket.ServerEvents
export import ServerOptions = WebSocket.ServerOptions
export import ServerStats = WebSocket.ServerStats
export import ShutdownCounts = WebSocket.ShutdownCounts
export import ShutdownOptions = WebSocket.ShutdownOptions
export import UpgradeOptions = WebSocket.UpgradeOptions
export import VerifyClientCallbackAsync = WebSocket.VerifyClientCallbackAsync
export import VerifyClientCallbackSync = WebSocket.VerifyClientCallbackSync
export import WebSocketEventMap = WebSocket.WebSocketEventMap

export import createWebSocketStream = WebSocket.createWebSocketStream
export import extension = WebSocket.extension
export import handleUpgrade = WebSocket.handleUpgrade
export import PerMessageDeflate = WebSocket.PerMessageDeflate
export import Receiver = WebSocket.Receiver
export import Sender = WebSocket.Sender
export import Server = WebSocket.Server
export import setTotalBackpressure = WebSocket.setTotalBackpressure
export import subprotocol = WebSocket.subprotocol
export import WebSocketServer = WebSocket.WebSocketServer

export default WebSocket
export { WebSocket }
