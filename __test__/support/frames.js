'use strict'

// WebSocket frames written and read by hand (RFC 6455, 5.2): the tests must not trust the codec
// they test, and must be able to write what no codec would.

/** A masking key with four different bytes, so that a wrong offset shows. */
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

const OPCODE = Object.freeze({ continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 })

/**
 * Writes one frame as a client would, or as no client should.
 *
 * @param {number} opcode 0 to 15
 * @param {string|Uint8Array} [payload] ['']
 * @param {object} [how]
 * @param {boolean} [how.fin] [true]
 * @param {number} [how.rsv] the three reserved bits as a number, RSV1 = 4 [0]
 * @param {Buffer|null} [how.mask] the masking key, null = unmasked [MASK]
 * @param {number|bigint} [how.declared] the length to declare, if not the true one
 * @param {7|16|64} [how.form] which length form to use, if not the shortest
 * @returns {Buffer}
 */
function frame(opcode, payload = '', { fin = true, rsv = 0, mask = MASK, declared, form } = {}) {
  const body = Buffer.from(payload)
  const length = BigInt(declared ?? body.length)
  const bits = form ?? (length < 126n ? 7 : length < 65536n ? 16 : 64)
  const masked = mask ? 0x80 : 0
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  let header
  if (bits === 7) {
    header = Buffer.from([first, masked | Number(length)])
  } else if (bits === 16) {
    header = Buffer.from([first, masked | 126, 0, 0])
    header.writeUInt16BE(Number(length), 2)
  } else {
    header = Buffer.from([first, masked | 127, 0, 0, 0, 0, 0, 0, 0, 0])
    header.writeBigUInt64BE(length, 2)
  }
  if (!mask) return Buffer.concat([header, body])
  for (let i = 0; i < body.length; i++) body[i] ^= mask[i % 4]
  return Buffer.concat([header, mask, body])
}

/**
 * Writes a close frame.
 *
 * @param {number} [code] none = an empty body
 * @param {string|Uint8Array} [reason] ['']
 * @param {object} [how] as for `frame`
 * @returns {Buffer}
 */
function closeFrame(code, reason = '', how = {}) {
  if (code === undefined) return frame(OPCODE.close, '', how)
  return frame(OPCODE.close, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]), how)
}

/**
 * Reads the first frame of some bytes.
 *
 * @param {Buffer} bytes
 * @returns {{fin: boolean, rsv: number, opcode: number, masked: boolean, payload: Buffer, size: number}|null}
 *   null when the frame is not yet complete; `size` counts its bytes, header included
 */
function parseFrame(bytes) {
  if (bytes.length < 2) return null
  let length = bytes[1] & 0x7f
  let offset = 2
  if (length === 126) {
    if (bytes.length < 4) return null
    length = bytes.readUInt16BE(2)
    offset = 4
  } else if (length === 127) {
    if (bytes.length < 10) return null
    length = Number(bytes.readBigUInt64BE(2))
    offset = 10
  }
  const masked = (bytes[1] & 0x80) !== 0
  const mask = bytes.subarray(offset, offset + (masked ? 4 : 0))
  offset += mask.length
  if (bytes.length < offset + length) return null
  const payload = Buffer.from(bytes.subarray(offset, offset + length))
  if (masked) for (let i = 0; i < length; i++) payload[i] ^= mask[i % 4]
  return { fin: bytes[0] >= 0x80, rsv: (bytes[0] >> 4) & 7, opcode: bytes[0] & 15, masked, payload, size: offset + length }
}

/**
 * Reads all frames of some bytes.
 *
 * @param {Buffer} bytes whole frames only
 * @returns {object[]} as `parseFrame` gives them
 */
function parseFrames(bytes) {
  const frames = []
  for (let rest = bytes; rest.length > 0;) {
    const next = parseFrame(rest)
    if (!next) throw new Error(`an incomplete frame at the end: ${rest.toString('hex')}`)
    frames.push(next)
    rest = rest.subarray(next.size)
  }
  return frames
}

module.exports = { MASK, OPCODE, closeFrame, frame, parseFrame, parseFrames }
