//! The masking key and its XOR. RFC 6455, section 5.3.

/// Four bytes that a client XORs its payload with; fresh and unpredictable for every frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskingKey(pub [u8; 4]);

impl MaskingKey {
    /// Masks or unmasks `bytes` in place, eight at a time, and tells whether the result is all
    /// ASCII. The first byte meets the first byte of the key; see [`advanced`](Self::advanced).
    #[inline]
    pub(crate) fn apply(self, bytes: &mut [u8]) -> bool {
        let [a, b, c, d] = self.0;
        let word_key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, tail) = bytes.as_chunks_mut::<8>();
        let mut seen = 0;
        for word in words {
            let plain = u64::from_ne_bytes(*word) ^ word_key;
            seen |= plain;
            *word = plain.to_ne_bytes();
        }
        let mut seen_in_tail = 0;
        for (byte, key) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
            *byte ^= key;
            seen_in_tail |= *byte;
        }
        seen & HIGH_BITS == 0 && seen_in_tail.is_ascii()
    }

    /// The key for the bytes that follow after `count` bytes of the same frame.
    pub(crate) fn advanced(mut self, count: usize) -> Self {
        self.0.rotate_left(count & 3);
        self
    }
}

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: MaskingKey = MaskingKey([0x00, 0xff, 0x5a, 0x81]);

    /// Byte by byte, as RFC 6455, 5.3 says it.
    fn expected(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().enumerate().map(|(index, byte)| byte ^ KEY.0[index % 4]).collect()
    }

    #[test]
    fn masks_as_the_rfc_says_at_every_length_and_alignment() {
        let bytes: Vec<u8> = (0..=255).collect();
        for start in 0..9 {
            for end in start..bytes.len() {
                let mut masked = bytes.clone();
                KEY.apply(&mut masked[start..end]);
                assert_eq!(masked[start..end], expected(&bytes[start..end]));
                assert_eq!(masked[..start], bytes[..start]);
                assert_eq!(masked[end..], bytes[end..]);
            }
        }
    }

    #[test]
    fn resumes_behind_any_number_of_bytes() {
        let bytes: Vec<u8> = (0..64).collect();
        for cut in 0..=bytes.len() {
            let mut masked = bytes.clone();
            let (front, back) = masked.split_at_mut(cut);
            KEY.apply(front);
            KEY.advanced(cut).apply(back);
            assert_eq!(masked, expected(&bytes));
        }
    }

    #[test]
    fn tells_ascii_from_the_rest_wherever_it_stands() {
        for length in 0..40 {
            let mut bytes = vec![b'a'; length];
            KEY.apply(&mut bytes);
            assert!(KEY.apply(&mut bytes.clone()));
            for place in 0..length {
                let mut changed = bytes.clone();
                changed[place] ^= 0x80;
                assert!(!KEY.apply(&mut changed));
            }
        }
    }
}
