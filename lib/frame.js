'use strict'

/**
 * Frames, made in JavaScript: for `Sender` alone, whose users want to see them. The frames of
 * offloop's connections are made by the core.
 */

const { randomFillSync } = require('node:crypto')

const { MASKING_KEY_BYTES, frameBytes } = require('./border')

/** RFC 6455 5.2: bits of the first and of the second byte. */
const FIN = 0x80
const RSV1 = 0x40
const MASK = 0x80

/** RFC 6455 5.2: what stands for a length that has 16 or 64 bits of its own. */
const LENGTH_16 = 126
const LENGTH_64 = 127

/** On the options of `frame()`: how many bytes a string has. Then it can stay one. */
const kByteLength = Symbol('kByteLength')

/**
 * What `frame()` needs to know of a frame besides its payload.
 *
 * @typedef {object} FrameOptions
 * @property {boolean} [fin=false] Whether it ends the message
 * @property {Function} [generateMask] Fills a Buffer of four bytes with the masking key
 * @property {boolean} [mask=false] Whether it is masked
 * @property {Buffer} [maskBuffer] Where the masking key is put
 * @property {number} opcode The opcode
 * @property {boolean} [readOnly=false] Whether the payload must not be masked in place
 * @property {boolean} [rsv1=false] Whether the bit RSV1 is set
 */

/**
 * Makes a frame (RFC 6455 5.2).
 *
 * @param {Buffer | string} data The payload
 * @param {FrameOptions} options The rest
 * @returns {(Buffer | string)[]} The header and the payload, or one Buffer with both; of an
 *   empty payload there is only the header
 */
function frame(data, options) {
  const key = options.mask ? maskingKey(options) : null
  const isMasked = key !== null && (key[0] | key[1] | key[2] | key[3]) !== 0
  const isText = typeof data === 'string'
  const staysText = isText && !isMasked && options[kByteLength] !== undefined
  const payload = isText && !staysText ? Buffer.from(data) : data
  const length = staysText ? options[kByteLength] : payload.length

  const copies = isMasked && !isText && Boolean(options.readOnly)
  const size = frameBytes(length, key !== null) - length
  const target = Buffer.allocUnsafe(copies ? size + length : size)
  writeHeader(target, options, length, key, size)
  if (length === 0) return [target]
  if (!isMasked) return [target, payload]
  if (copies) {
    applyMask(payload, key, target, size)
    return [target]
  }
  applyMask(payload, key, payload, 0)
  return [target, payload]
}

/**
 * Makes a masking key.
 *
 * @param {FrameOptions} options The frame's options
 * @returns {Buffer} Four bytes
 */
function maskingKey({ generateMask, maskBuffer = Buffer.allocUnsafe(MASKING_KEY_BYTES) }) {
  if (generateMask) generateMask(maskBuffer)
  else randomFillSync(maskBuffer, 0, MASKING_KEY_BYTES)
  return maskBuffer
}

/**
 * Writes a header.
 *
 * @param {Buffer} target Where to
 * @param {FrameOptions} options The frame's options
 * @param {number} length The payload's length in bytes
 * @param {Buffer | null} key The masking key
 * @param {number} size The size of the header
 */
function writeHeader(target, { fin, opcode, rsv1 }, length, key, size) {
  target[0] = (fin ? FIN : 0) | (rsv1 ? RSV1 : 0) | opcode
  target[1] = key === null ? 0 : MASK
  if (length > 0xffff) {
    target[1] |= LENGTH_64
    target.writeBigUInt64BE(BigInt(length), 2)
  } else if (length > 125) {
    target[1] |= LENGTH_16
    target.writeUInt16BE(length, 2)
  } else {
    target[1] |= length
  }
  if (key !== null) target.set(key.subarray(0, MASKING_KEY_BYTES), size - MASKING_KEY_BYTES)
}

/**
 * Masks a payload (RFC 6455 5.3).
 *
 * @param {Uint8Array} source The payload
 * @param {Buffer} key The masking key
 * @param {Uint8Array} target Where to put it; may be the payload
 * @param {number} offset Where to begin there
 */
function applyMask(source, key, target, offset) {
  for (let at = 0; at < source.length; at++) target[offset + at] = source[at] ^ key[at & 3]
}

module.exports = { frame, kByteLength }
