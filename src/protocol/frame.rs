//! The frame header, both ways. RFC 6455, section 5.2.
//!
//! ```text
//! byte 0   FIN RSV1 RSV2 RSV3 opcode(4)
//! byte 1   MASK length(7): 0-125, 126 = two more bytes, 127 = eight more bytes, big-endian
//! then     the longer length, then the masking key (4 bytes) if MASK is set
//! ```
//! It knows where the bits are; which of them are allowed when is receive.rs's matter.

use crate::MaskingKey;

/// Longest header: two bytes, an eight-byte length, a masking key.
pub(crate) const MAX_HEADER_BYTES: usize = 14;
/// Most payload bytes of a control frame.
pub(crate) const MAX_CONTROL_BYTES: u8 = 125;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const RSV2_RSV3: u8 = 0x30;
pub(crate) const OPCODE_BITS: u8 = 0x0f;
pub(crate) const MASK: u8 = 0x80;
pub(crate) const LENGTH_BITS: u8 = 0x7f;
/// In place of a length: it follows as two bytes.
const LENGTH_16: u8 = 126;
/// In place of a length: it follows as eight bytes.
const LENGTH_64: u8 = 127;

/// The six opcodes that have a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    /// Control frames may stand between the fragments of a message and are never fragmented.
    #[inline]
    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A decoded and accepted header. While the payload comes in, `length` and `key` are those of what
/// is still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHeader {
    pub(crate) opcode: Opcode,
    pub(crate) fin: bool,
    /// RSV1: the message that this frame begins is compressed.
    pub(crate) compressed: bool,
    /// All zeros when the frame is not masked.
    pub(crate) key: MaskingKey,
    pub(crate) length: u64,
}

/// The payload length and the offset of what follows it, or `None` when bytes are missing.
/// Longer forms of a short length are taken, as `ws` does.
#[inline]
pub(crate) fn decode_length(header: &[u8]) -> Option<(u64, usize)> {
    match *header {
        [_, second, ref rest @ ..] => match second & LENGTH_BITS {
            LENGTH_16 => rest.first_chunk().map(|bytes| (u64::from(u16::from_be_bytes(*bytes)), 4)),
            LENGTH_64 => rest.first_chunk().map(|bytes| (u64::from_be_bytes(*bytes), 10)),
            short => Some((u64::from(short), 2)),
        },
        _ => None,
    }
}

/// The masking key at `offset`, or `None` when bytes are missing.
#[inline]
pub(crate) fn decode_key(header: &[u8], offset: usize) -> Option<MaskingKey> {
    header.get(offset..)?.first_chunk().copied().map(MaskingKey)
}

/// A header on its way out.
#[derive(Debug)]
pub(crate) struct EncodedHeader {
    bytes: [u8; MAX_HEADER_BYTES],
    len: usize,
}

impl EncodedHeader {
    /// `first` is byte 0; `key` is given by a client only.
    #[inline]
    pub(crate) fn new(first: u8, length: usize, key: Option<MaskingKey>) -> Self {
        let mut header = Self { bytes: [0; MAX_HEADER_BYTES], len: 0 };
        let mask = if key.is_some() { MASK } else { 0 };
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..=125), _) => header.push([first, mask | short]),
            (_, Ok(medium)) => {
                header.push([first, mask | LENGTH_16]);
                header.push(medium.to_be_bytes());
            }
            _ => {
                header.push([first, mask | LENGTH_64]);
                header.push((length as u64).to_be_bytes());
            }
        }
        if let Some(key) = key {
            header.push(key.0);
        }
        header
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    #[inline]
    fn push<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) {
            *place = bytes;
            self.len += N;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_decoded_as_it_was_encoded() {
        for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 0xffff_ffff, usize::MAX] {
            for key in [None, Some(MaskingKey([1, 2, 3, 4]))] {
                let header = EncodedHeader::new(FIN | 2, length, key);
                let bytes = header.as_bytes();
                assert_eq!(bytes[0], 0x82);
                assert_eq!(bytes[1] & MASK != 0, key.is_some());
                let (decoded, offset) = decode_length(bytes).unwrap();
                assert_eq!(decoded, length as u64);
                assert_eq!(decode_key(bytes, offset), key);
                assert_eq!(bytes.len(), offset + key.map_or(0, |key| key.0.len()));
                assert!((0..offset).all(|end| end == 0 || decode_length(&bytes[..end]).is_none()));
            }
        }
    }
}
