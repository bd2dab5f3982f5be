//! UTF-8 validation of a text that comes in pieces. RFC 6455, section 8.1.
//!
//! A piece may end inside a character; the one to three bytes of such a tail wait for the next
//! piece. An invalid byte is reported with the piece that holds it, not at the end of the message.

/// Whether `bytes` is UTF-8 from end to end.
#[inline]
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    simdutf8::basic::from_utf8(bytes).is_ok()
}

/// The validator of one message.
#[derive(Debug, Default)]
pub(crate) struct Utf8Stream {
    /// The beginning of a character, zeros behind it.
    pending: [u8; 3],
    pending_len: u8,
}

impl Utf8Stream {
    /// Takes the next piece; false as soon as the text can no longer become valid.
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> bool {
        while self.pending_len > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return true };
            if !self.complete_with(byte) {
                return false;
            }
            piece = rest;
        }
        let (whole, tail) = split_before_open_character(piece);
        is_valid(whole) && self.keep(tail)
    }

    /// Whether the text may end here.
    pub(crate) fn is_complete(&self) -> bool {
        self.pending_len == 0
    }

    /// Adds one byte to the waiting character.
    fn complete_with(&mut self, byte: u8) -> bool {
        let [a, b, c] = self.pending;
        let (bytes, len) = match self.pending_len {
            1 => ([a, byte, 0, 0], 2),
            2 => ([a, b, byte, 0], 3),
            _ => ([a, b, c, byte], 4),
        };
        let character = bytes.get(..len).unwrap_or_default();
        if std::str::from_utf8(character).is_ok() {
            *self = Self::default();
            return true;
        }
        self.keep(character)
    }

    /// Lets `tail` wait, if it is the beginning of some character.
    fn keep(&mut self, tail: &[u8]) -> bool {
        let could_continue =
            std::str::from_utf8(tail).err().is_none_or(|error| error.error_len().is_none());
        match *tail {
            [] => (self.pending, self.pending_len) = ([0; 3], 0),
            [a] => (self.pending, self.pending_len) = ([a, 0, 0], 1),
            [a, b] => (self.pending, self.pending_len) = ([a, b, 0], 2),
            [a, b, c] => (self.pending, self.pending_len) = ([a, b, c], 3),
            _ => return false,
        }
        could_continue
    }
}

/// Cuts off a character at the end that lacks bytes, judged by its first byte alone.
fn split_before_open_character(piece: &[u8]) -> (&[u8], &[u8]) {
    for (back, &byte) in (1..=3).zip(piece.iter().rev()) {
        let needed = match byte {
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            0x80.. => continue,
            _ => break,
        };
        if needed > back {
            return piece.split_at_checked(piece.len() - back).unwrap_or((piece, &[]));
        }
        break;
    }
    (piece, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the standard library says: fine so far, unless some byte cannot be right.
    fn can_become_valid(bytes: &[u8]) -> bool {
        std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none())
    }

    /// The limits of every class of bytes that the definition of UTF-8 makes.
    const EDGES: [u8; 24] = [
        0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
        0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff,
    ];

    fn every_four_bytes() -> impl Iterator<Item = [u8; 4]> {
        EDGES.into_iter().flat_map(|a| {
            EDGES.into_iter().flat_map(move |b| {
                EDGES.into_iter().flat_map(move |c| EDGES.into_iter().map(move |d| [a, b, c, d]))
            })
        })
    }

    #[test]
    fn agrees_with_the_standard_library_byte_by_byte() {
        for bytes in every_four_bytes() {
            let mut stream = Utf8Stream::default();
            for end in 1..=bytes.len() {
                let so_far = &bytes[..end];
                let accepted = stream.push(&so_far[end - 1..]);
                assert_eq!(accepted, can_become_valid(so_far), "{so_far:02x?}");
                if !accepted {
                    break;
                }
                assert_eq!(stream.is_complete(), std::str::from_utf8(so_far).is_ok());
            }
        }
    }

    #[test]
    fn agrees_with_the_standard_library_at_every_split() {
        for bytes in every_four_bytes() {
            for cut in 0..=bytes.len() {
                let mut stream = Utf8Stream::default();
                let accepted = stream.push(&bytes[..cut]) && stream.push(&bytes[cut..]);
                assert_eq!(accepted, can_become_valid(&bytes), "{bytes:02x?} cut at {cut}");
                assert!(!accepted || stream.is_complete() == std::str::from_utf8(&bytes).is_ok());
            }
        }
    }

    #[test]
    fn looks_at_all_of_a_long_piece() {
        let text = "\u{1f980}".repeat(100);
        for cut in 0..text.len() {
            let mut stream = Utf8Stream::default();
            let (front, back) = text.as_bytes().split_at(cut);
            assert!(stream.push(front) && stream.push(back) && stream.is_complete());
            let mut broken = text.clone().into_bytes();
            broken[cut] = 0xff;
            assert!(!Utf8Stream::default().push(&broken));
        }
    }
}
