import WebSocket from './index.js'

export const { handleUpgrade, Server, subprotocol, WebSocketServer } = WebSocket
export { WebSocket }
export default WebSocket
