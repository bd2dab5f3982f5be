//! The messages of a run, as frames: how each is sent, and whether what came back is it.

use crate::Failure;
use crate::deflate::{Inflater, Pool};
use crate::frame::{self, HeaderReader};
use crate::payload::{Kind, MessageNumber, Pattern};

/// RFC 7692 6: the frame's message is compressed.
const RSV1: u8 = 0x40;

/// What is sent, and what is expected back.
pub(crate) enum Messages {
    /// All of one size, different in their first digits.
    Plain {
        /// The payloads.
        pattern: Pattern,
        /// First byte of every frame, in both directions.
        first_byte: u8,
    },
    /// JSON texts, compressed.
    Compressed(Pool),
}

impl Messages {
    /// Uncompressed messages of `size` bytes.
    pub(crate) fn plain(kind: Kind, size: usize) -> Self {
        Self::Plain { pattern: Pattern::new(kind, size), first_byte: frame::first_byte(kind) }
    }

    /// Compressed JSON texts of `size` bytes.
    pub(crate) fn compressed(size: usize) -> Self {
        Self::Compressed(Pool::new(size))
    }

    /// Whether permessage-deflate must have been agreed on.
    pub(crate) fn need_deflate(&self) -> bool {
        matches!(self, Self::Compressed(_))
    }

    /// Appends the masked frame of one message.
    pub(crate) fn append_frame(&self, out: &mut Vec<u8>, mask: [u8; 4], number: MessageNumber) {
        let first_byte = self.first_byte();
        match self {
            Self::Plain { pattern, .. } => {
                frame::append_masked(out, first_byte, mask, pattern.size(), |out| {
                    pattern.append_to(out, number);
                });
            }
            Self::Compressed(pool) => {
                let payload = pool.compressed(number);
                frame::append_masked(out, first_byte, mask, payload.len(), |out| {
                    out.extend_from_slice(payload);
                });
            }
        }
    }

    fn first_byte(&self) -> u8 {
        match self {
            Self::Plain { first_byte, .. } => *first_byte,
            Self::Compressed(_) => frame::first_byte(Kind::Text) | RSV1,
        }
    }

    /// Whether a message can come in a frame whose payload has this length.
    fn may_have_length(&self, length: u64) -> bool {
        match self {
            Self::Plain { pattern, .. } => length == pattern.size() as u64,
            // More than that would be no compression; it is inflated as a whole, so it has a limit.
            Self::Compressed(pool) => length <= pool.size() as u64,
        }
    }
}

/// The receiving half of a connection: expects one message after the other.
pub(crate) struct Inbox {
    expected: MessageNumber,
    header: HeaderReader,
    /// Length of the payload that is being read, and how much of it is still to come.
    payload: Option<(usize, usize)>,
    /// What has come so far of a compressed payload that needs more than one read.
    gathered: Vec<u8>,
}

impl Inbox {
    /// Expects `first`, and then what follows it.
    pub(crate) fn new(first: MessageNumber) -> Self {
        Self {
            expected: first,
            header: HeaderReader::default(),
            payload: None,
            gathered: Vec::new(),
        }
    }

    /// Takes bytes from the front of `input` until a message is whole or the input is used up.
    /// Returns whether a message is whole.
    ///
    /// # Errors
    /// When what came is not the message that was due.
    pub(crate) fn next_message(
        &mut self,
        messages: &Messages,
        inflater: &mut Inflater,
        input: &mut &[u8],
    ) -> Result<bool, Failure> {
        let (length, remaining) = if let Some(payload) = self.payload.take() {
            payload
        } else {
            let Some((first, length)) = self.header.advance(input)? else { return Ok(false) };
            if first != messages.first_byte() || !messages.may_have_length(length) {
                let text = format!("unexpected frame: first byte {first:#04x}, length {length}");
                return Err(text.into());
            }
            let length = usize::try_from(length)?;
            (length, length)
        };
        let (chunk, rest) = input.split_at(remaining.min(input.len()));
        *input = rest;
        let is_last = chunk.len() == remaining;
        let matches = match messages {
            Messages::Plain { pattern, .. } => {
                pattern.matches(self.expected, length - remaining, chunk)
            }
            Messages::Compressed(pool) => self.gather(pool, inflater, chunk, is_last),
        };
        if !matches {
            return Err(format!("what came is not message {:?}", self.expected).into());
        }
        if !is_last {
            self.payload = Some((length, remaining - chunk.len()));
            return Ok(false);
        }
        self.expected = self.expected.next();
        Ok(true)
    }

    /// Inflates and compares a compressed payload when its last chunk is there.
    fn gather(
        &mut self,
        pool: &Pool,
        inflater: &mut Inflater,
        chunk: &[u8],
        is_last: bool,
    ) -> bool {
        if is_last && self.gathered.is_empty() {
            return inflater.inflate(chunk, pool.size()) == Some(pool.text(self.expected));
        }
        self.gathered.extend_from_slice(chunk);
        if !is_last {
            return true;
        }
        let matches =
            inflater.inflate(&self.gathered, pool.size()) == Some(pool.text(self.expected));
        self.gathered.clear();
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::{Inbox, Messages, RSV1};
    use crate::deflate::Inflater;
    use crate::payload::{Kind, MessageNumber};

    /// The frame that echoes a message: a masked one with the key zero, less its mask.
    fn echo(messages: &Messages, number: MessageNumber) -> Vec<u8> {
        let mut frame = Vec::new();
        messages.append_frame(&mut frame, [0; 4], number);
        frame[1] &= 0x7f;
        let header = if frame[1] < 126 { 2 } else { 4 };
        frame.drain(header..header + 4);
        frame
    }

    /// How many messages are taken from these reads, if all is as it should be.
    fn take(messages: &Messages, reads: &[&[u8]]) -> Option<usize> {
        let mut inbox = Inbox::new(MessageNumber::first(3));
        let mut inflater = Inflater::new();
        let mut taken = 0;
        for read in reads {
            let mut input = *read;
            while inbox.next_message(messages, &mut inflater, &mut input).ok()? {
                taken += 1;
            }
        }
        Some(taken)
    }

    fn both() -> [Messages; 2] {
        [Messages::plain(Kind::Text, 200), Messages::compressed(400)]
    }

    #[test]
    fn echoes_are_taken_at_every_split() {
        for messages in both() {
            let first = MessageNumber::first(3);
            let bytes = [echo(&messages, first), echo(&messages, first.next())].concat();
            for split in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(split);
                assert_eq!(take(&messages, &[head, tail]), Some(2));
            }
        }
    }

    #[test]
    fn a_changed_byte_is_seen_wherever_it_is() {
        let messages = Messages::plain(Kind::Text, 200);
        let good = echo(&messages, MessageNumber::first(3));
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 1;
            // A header that promises more than there is waits for it: that is no message either.
            assert_ne!(take(&messages, &[&bad]), Some(1), "{index}");
        }
    }

    #[test]
    fn another_message_or_a_doubled_one_is_seen() {
        for messages in both() {
            let first = MessageNumber::first(3);
            assert_eq!(take(&messages, &[&echo(&messages, first.next())]), None);
            assert_eq!(take(&messages, &[&echo(&messages, MessageNumber::first(4))]), None);
            let doubled = [echo(&messages, first), echo(&messages, first)].concat();
            assert_eq!(take(&messages, &[&doubled]), None);
        }
    }

    #[test]
    fn an_echo_must_be_compressed_exactly_when_its_message_was() {
        for messages in both() {
            let mut frame = echo(&messages, MessageNumber::first(3));
            frame[0] ^= RSV1;
            assert_eq!(take(&messages, &[&frame]), None);
        }
    }
}
