//! Frames of RFC 6455 5.2: masked ones in, unmasked ones out.

const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
const KEY_BYTES: usize = 4;

/// A frame's header, and where its payload is.
pub(crate) struct Header {
    /// The frame's first byte: it says all that an answer must repeat.
    pub(crate) first_byte: u8,
    key: [u8; KEY_BYTES],
    /// Bytes of the header itself.
    pub(crate) length: usize,
    /// Bytes of the payload.
    pub(crate) payload: usize,
}

/// Reads the header at the front of `input`, if all of it is there.
pub(crate) fn read_header(input: &[u8]) -> Option<Header> {
    let [first_byte, second, rest @ ..] = input else { return None };
    let (payload, extended) = match second & !MASKED {
        LENGTH_16 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
        LENGTH_64 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
        length => (u64::from(length), 0),
    };
    let key = *rest[extended..].first_chunk()?;
    let payload = usize::try_from(payload).ok()?;
    Some(Header { first_byte: *first_byte, key, length: 2 + extended + KEY_BYTES, payload })
}

/// Appends the frame that has the same payload, unmasked. `payload` is still masked.
pub(crate) fn append_answer(out: &mut Vec<u8>, header: &Header, payload: &[u8]) {
    out.push(header.first_byte);
    match payload.len() {
        length @ 0..=125 => out.push(length.to_le_bytes()[0]),
        length @ 126..=0xffff => {
            let [.., high, low] = length.to_be_bytes();
            out.extend_from_slice(&[LENGTH_16, high, low]);
        }
        length => {
            out.push(LENGTH_64);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], header.key);
}

fn unmask(payload: &mut [u8], key: [u8; KEY_BYTES]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
    // At most seven bytes are left, and the key has four.
    for (byte, key) in rest.iter_mut().skip(KEY_BYTES).zip(key) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::{append_answer, read_header};

    #[test]
    fn an_answer_has_the_payload_of_its_message() {
        for size in [0, 1, 7, 8, 125, 126, 0xffff, 0x1_0000] {
            let payload: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
            let key = [1, 2, 3, 4];
            let mut masked = vec![0x82];
            match size {
                0..=125 => masked.push(0x80 | size.to_le_bytes()[0]),
                126..=0xffff => masked.extend_from_slice(&[0xfe, 0, 0]),
                _ => masked.extend_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
            }
            if size > 125 {
                let digits = masked.len() - 2;
                masked[2..].copy_from_slice(&size.to_be_bytes()[8 - digits..]);
            }
            let before_key = masked.clone();
            masked.extend_from_slice(&key);
            assert!(read_header(&masked[..masked.len() - 1]).is_none());
            masked.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
            let header = read_header(&masked).unwrap_or_else(|| unreachable!("whole"));
            assert_eq!(header.length + header.payload, masked.len());
            let mut answer = Vec::new();
            append_answer(&mut answer, &header, &masked[header.length..]);
            assert_eq!(answer[0], 0x82);
            assert_eq!(answer[1], before_key[1] & 0x7f);
            assert_eq!(answer[2..before_key.len()], before_key[2..]);
            assert_eq!(answer[before_key.len()..], payload);
        }
    }
}
