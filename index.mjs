import WebSocket from './index.js'

export const {
  createWebSocketStream,
  extension,
  handleUpgrade,
  PerMessageDeflate,
  Receiver,
  Sender,
  Server,
  setTotalBackpressure,
  subprotocol,
  WebSocketServer
} = WebSocket
export { WebSocket }
export default WebSocket
