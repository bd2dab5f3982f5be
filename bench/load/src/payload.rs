//! What messages say: sixteen hexadecimal digits that name the message, then a fixed pattern.
//! A reply to the wrong message, or on the wrong connection, is therefore seen.

use std::str::FromStr;

/// Digits in front of every payload that has room for them.
const DIGITS: usize = 16;

/// Text or binary messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// ASCII letters and digits.
    Text,
    /// All byte values (after the digits).
    Binary,
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "text" => Ok(Self::Text),
            "binary" => Ok(Self::Binary),
            _ => Err(()),
        }
    }
}

/// Names a message: the connection that sends it, and which of its messages it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageNumber {
    /// Index of the connection.
    pub(crate) connection: u32,
    /// How many messages this connection sent before; wraps.
    pub(crate) sequence: u32,
}

impl MessageNumber {
    /// The first message of a connection.
    pub(crate) fn first(connection: u32) -> Self {
        Self { connection, sequence: 0 }
    }

    /// The message after this one, of the same connection.
    pub(crate) fn next(self) -> Self {
        Self { sequence: self.sequence.wrapping_add(1), ..self }
    }

    /// Lower-case hexadecimal, the most significant digit first.
    fn digits(self) -> [u8; DIGITS] {
        let number = u64::from(self.connection) << 32 | u64::from(self.sequence);
        let mut digits = [0; DIGITS];
        for (position, digit) in digits.iter_mut().rev().enumerate() {
            let nibble = number >> (4 * position) & 0xf;
            *digit = b"0123456789abcdef"[usize::from(nibble.to_le_bytes()[0])];
        }
        digits
    }
}

/// All payloads of a run: they differ in their digits only.
pub(crate) struct Pattern {
    /// What follows the digits.
    rest: Vec<u8>,
    /// How many digits there is room for; the last ones are kept.
    digits: usize,
}

impl Pattern {
    /// Payloads of `size` bytes.
    pub(crate) fn new(kind: Kind, size: usize) -> Self {
        let alphabet: Vec<u8> = match kind {
            Kind::Text => (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'8').collect(),
            Kind::Binary => (0..=u8::MAX).rev().chain(128..=u8::MAX).collect(),
        };
        let digits = size.min(DIGITS);
        let rest = alphabet.iter().copied().cycle().take(size - digits).collect();
        Self { rest, digits }
    }

    /// Bytes of each payload.
    pub(crate) fn size(&self) -> usize {
        self.digits + self.rest.len()
    }

    /// Appends the payload of one message.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>, number: MessageNumber) {
        out.extend_from_slice(&number.digits()[DIGITS - self.digits..]);
        out.extend_from_slice(&self.rest);
    }

    /// Whether `chunk` is what stands at `offset` of the message's payload.
    /// A chunk that reaches past the end of the payload does not match.
    pub(crate) fn matches(&self, number: MessageNumber, offset: usize, chunk: &[u8]) -> bool {
        let in_digits = self.digits.saturating_sub(offset).min(chunk.len());
        let (head, tail) = chunk.split_at(in_digits);
        let start = DIGITS - self.digits + offset.min(self.digits);
        let rest_at = (offset + in_digits).saturating_sub(self.digits);
        number.digits()[start..start + in_digits] == *head
            && self.rest.get(rest_at..rest_at + tail.len()) == Some(tail)
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, MessageNumber, Pattern};

    #[test]
    fn a_payload_matches_itself_at_every_split() {
        for size in [0, 1, 15, 16, 17, 64, 700] {
            let pattern = Pattern::new(Kind::Binary, size);
            let number = MessageNumber { connection: 7, sequence: 0xabcd };
            let mut payload = Vec::new();
            pattern.append_to(&mut payload, number);
            assert_eq!((payload.len(), pattern.size()), (size, size));
            for split in 0..=size {
                assert!(pattern.matches(number, 0, &payload[..split]));
                assert!(pattern.matches(number, split, &payload[split..]));
            }
        }
    }

    #[test]
    fn another_message_or_a_changed_byte_does_not_match() {
        let pattern = Pattern::new(Kind::Text, 64);
        let number = MessageNumber { connection: 1, sequence: 2 };
        let mut payload = Vec::new();
        pattern.append_to(&mut payload, number);
        assert!(!pattern.matches(number.next(), 0, &payload));
        assert!(!pattern.matches(MessageNumber { connection: 2, sequence: 2 }, 0, &payload));
        payload[63] ^= 1;
        assert!(!pattern.matches(number, 0, &payload));
        payload.extend_from_slice(b"x");
        assert!(!pattern.matches(number, 64, &payload[64..]));
    }
}
