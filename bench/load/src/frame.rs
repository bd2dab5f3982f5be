//! The little of RFC 6455 5.2 that a benchmark needs: whole masked frames out, the headers of
//! unmasked frames in.

use crate::payload::Kind;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// In the length's place: the length is in the next two bytes.
const LENGTH_16: u8 = 126;
/// In the length's place: the length is in the next eight bytes.
const LENGTH_64: u8 = 127;

/// The first byte of a frame that holds a whole message of this kind.
pub(crate) fn first_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Text => FIN | 1,
        Kind::Binary => FIN | 2,
    }
}

/// Appends one masked frame; `append_payload` appends its `length` bytes, unmasked.
pub(crate) fn append_masked(
    out: &mut Vec<u8>,
    first_byte: u8,
    mask: [u8; 4],
    length: usize,
    append_payload: impl FnOnce(&mut Vec<u8>),
) {
    out.push(first_byte);
    match length {
        0..=125 => out.push(MASKED | length.to_le_bytes()[0]),
        126..=0xffff => {
            out.push(MASKED | LENGTH_16);
            let [.., high, low] = length.to_be_bytes();
            out.extend_from_slice(&[high, low]);
        }
        _ => {
            out.push(MASKED | LENGTH_64);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    let start = out.len();
    append_payload(out);
    debug_assert_eq!(out.len() - start, length);
    apply_mask(&mut out[start..], mask);
}

fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Keys for masking: cheap, and different for every message (nobody attacks this client).
pub(crate) struct Masks(u64);

impl Masks {
    /// Always the same sequence.
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// The next key (xorshift).
    pub(crate) fn next_key(&mut self) -> [u8; 4] {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        [a, b, c, d]
    }
}

/// The header of a frame from the server, gathered over as many reads as it takes.
#[derive(Default)]
pub(crate) struct HeaderReader {
    bytes: [u8; 10],
    filled: usize,
}

impl HeaderReader {
    /// Takes bytes from the front of `input` until the header is whole, and returns its first byte
    /// and the payload's length then. The caller skips a payload of that length before it comes
    /// here again.
    ///
    /// # Errors
    /// When the frame is masked, which a server must not do.
    pub(crate) fn advance(&mut self, input: &mut &[u8]) -> Result<Option<(u8, u64)>, &'static str> {
        while let Some((&byte, rest)) = input.split_first() {
            self.bytes[self.filled] = byte;
            self.filled += 1;
            *input = rest;
            if self.bytes[1] & MASKED != 0 {
                return Err("the server masked a frame");
            }
            let needed = match self.bytes[1] {
                LENGTH_16 => 4,
                LENGTH_64 => 10,
                _ => 2,
            };
            if self.filled >= 2 && self.filled == needed {
                let first = self.bytes[0];
                let length = self.length();
                *self = Self::default();
                return Ok(Some((first, length)));
            }
        }
        Ok(None)
    }

    fn length(&self) -> u64 {
        let [_, short, wide @ ..] = self.bytes;
        match short {
            LENGTH_16 => u64::from(u16::from_be_bytes([wide[0], wide[1]])),
            LENGTH_64 => u64::from_be_bytes(wide),
            _ => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderReader, append_masked, first_byte};
    use crate::payload::Kind;

    #[test]
    fn a_header_is_read_at_every_split() {
        let headers: [(&[u8], u64); 3] = [
            (&[0x81, 125], 125),
            (&[0x81, 126, 0x12, 0x34], 0x1234),
            (&[0x81, 127, 0, 0, 0, 0, 0, 1, 2, 3], 0x0001_0203),
        ];
        for (bytes, length) in headers {
            for split in 0..bytes.len() {
                let mut reader = HeaderReader::default();
                let (mut first, mut second) = bytes.split_at(split);
                assert_eq!(reader.advance(&mut first), Ok(None));
                assert_eq!(reader.advance(&mut second), Ok(Some((0x81, length))));
            }
        }
    }

    #[test]
    fn a_message_is_masked_with_its_key() {
        let (mut plain, mut masked) = (Vec::new(), Vec::new());
        let payload = b"a payload of 21 bytes";
        let append = |out: &mut Vec<u8>| out.extend_from_slice(payload);
        append_masked(&mut plain, first_byte(Kind::Text), [0; 4], payload.len(), append);
        append_masked(&mut masked, first_byte(Kind::Text), [1, 2, 3, 4], payload.len(), append);
        assert_eq!(masked[..6], [0x81, 0x95, 1, 2, 3, 4]);
        assert_eq!(plain[6..], *payload);
        for (index, (a, b)) in plain[6..].iter().zip(&masked[6..]).enumerate() {
            assert_eq!(a ^ b, [1, 2, 3, 4][index % 4]);
        }
    }
}
