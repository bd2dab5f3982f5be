//! Frames to messages, within the limits on size and fragments. RFC 6455, section 5.4.
//!
//! A message that came in one piece is passed through; any other grows in one vector by the bytes
//! that really came, or really were inflated. What a header declares is only compared with the
//! limits.

use std::borrow::Cow;
use std::mem;

use crate::deflate::Inflater;
use crate::frame::{FrameHeader, Opcode};
use crate::utf8::{self, Utf8Stream};
use crate::{Config, Error, Event, MaskingKey, MessageKind};

/// A plain message that is coming in, for a driver that reads on right behind what has come.
#[derive(Debug)]
pub struct Unfinished<'a> {
    /// What came so far, unmasked. To be appended to and nothing else; it may become a longer vector
    /// with the same beginning.
    pub bytes: &'a mut Vec<u8>,
    /// How much is missing of the present frame: the most that may be appended.
    pub missing: u64,
}

/// The message that is coming in.
#[derive(Debug)]
pub(crate) struct Assembler {
    /// What came so far, unmasked and inflated.
    bytes: Vec<u8>,
    /// Sum of the lengths that the message's frames declared.
    declared_bytes: u64,
    fragments: u32,
    /// Frames since somebody last asked.
    frames: u32,
    utf8: Utf8Stream,
    kind: MessageKind,
    ascii: bool,
    open: bool,
    compressed: bool,
}

impl Assembler {
    /// Whether a message has begun and not ended, so that only a continuation may follow.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the message goes through [`inflate`](Self::inflate), else through
    /// [`push`](Self::push).
    #[inline]
    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Judges a further frame of `length` bytes, before any of its payload.
    ///
    /// # Errors
    /// The message would be longer, or of more fragments, than `config` allows.
    #[inline]
    pub(crate) fn check_limits(&self, length: u64, config: &Config) -> Result<(), Error> {
        let limit = unless_zero(config.max_message_bytes, u64::MAX);
        if length > limit.saturating_sub(self.declared_bytes) {
            return Err(Error::MessageTooLong);
        }
        if self.fragments >= unless_zero(config.max_fragments, u32::MAX) {
            return Err(Error::TooManyFragments);
        }
        Ok(())
    }

    /// Begins a frame that [`check_limits`](Self::check_limits) has let through.
    #[inline]
    pub(crate) fn begin_frame(&mut self, header: &FrameHeader) {
        if header.opcode != Opcode::Continuation {
            self.open = true;
            self.compressed = header.compressed;
            self.ascii = header.opcode == Opcode::Text;
            self.kind = if self.ascii { MessageKind::Text } else { MessageKind::Binary };
        }
        self.declared_bytes += header.length;
        self.fragments += 1;
        self.frames = self.frames.wrapping_add(1);
    }

    /// How many frames have begun since the last call.
    #[inline]
    pub(crate) fn take_frames(&mut self) -> u32 {
        mem::take(&mut self.frames)
    }

    /// Takes the next unmasked bytes; `ascii` tells whether they all are, if the unmasking has
    /// looked, `last` whether they end the message, which then is returned.
    ///
    /// # Errors
    /// The message is a text and can no longer become UTF-8.
    #[inline]
    pub(crate) fn push<'a>(
        &mut self,
        piece: &'a [u8],
        ascii: Option<bool>,
        last: bool,
        config: &Config,
    ) -> Result<Option<Event<'a>>, Error> {
        self.judge(piece, ascii, last, config)?;
        if !last {
            self.bytes.extend_from_slice(piece);
            return Ok(None);
        }
        let payload = if self.bytes.is_empty() {
            Cow::Borrowed(piece)
        } else {
            // The end is in hand: no room for growth is needed any more.
            self.bytes.reserve_exact(piece.len());
            self.bytes.extend_from_slice(piece);
            Cow::Owned(mem::take(&mut self.bytes))
        };
        Ok(Some(self.finish(payload)))
    }

    /// Lets the driver append to a plain message.
    pub(crate) fn unfinished(&mut self, missing: u64) -> Unfinished<'_> {
        Unfinished { bytes: &mut self.bytes, missing }
    }

    /// The same as [`push`](Self::push), for the last `count` of the bytes that are here already,
    /// masked if there is a key.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn push_appended(
        &mut self,
        count: usize,
        key: Option<MaskingKey>,
        last: bool,
        config: &Config,
    ) -> Result<Option<Event<'static>>, Error> {
        let mut bytes = mem::take(&mut self.bytes);
        let piece = bytes.len().checked_sub(count).and_then(|start| bytes.get_mut(start..));
        let piece = piece.unwrap_or_default();
        let ascii = key.map(|key| key.apply(piece));
        self.judge(piece, ascii, last, config)?;
        if last {
            return Ok(Some(self.finish(Cow::Owned(bytes))));
        }
        self.bytes = bytes;
        Ok(None)
    }

    /// Validates a piece of a text.
    #[inline]
    fn judge(
        &mut self,
        piece: &[u8],
        ascii: Option<bool>,
        last: bool,
        config: &Config,
    ) -> Result<(), Error> {
        if self.kind == MessageKind::Text {
            let ascii = ascii.unwrap_or_else(|| piece.is_ascii());
            self.ascii &= ascii;
            if !config.skip_utf8_validation {
                self.validate(piece, ascii, last)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn finish<'a>(&mut self, payload: Cow<'a, [u8]>) -> Event<'a> {
        self.open = false;
        self.declared_bytes = 0;
        self.fragments = 0;
        Event::Message { kind: self.kind, ascii: self.ascii, payload }
    }

    /// Takes the next unmasked bytes of a compressed message and inflates them through `scratch`,
    /// where a message that fits into it stays; `last` tells whether they end the message.
    ///
    /// # Errors
    /// The data cannot be inflated, its text is not UTF-8, or there is more of it than `config`
    /// allows, of which at most one byte is inflated.
    pub(crate) fn inflate<'a>(
        &mut self,
        mut piece: &[u8],
        last: bool,
        inflater: &mut Inflater,
        scratch: &'a mut [u8],
        config: &Config,
    ) -> Result<Option<Event<'a>>, Error> {
        let limit = unless_zero(config.max_message_bytes, u64::MAX);
        let produced = loop {
            let left = limit.saturating_sub(self.bytes.len() as u64);
            let room = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX);
            let room = room.min(scratch.len());
            let output = scratch.get_mut(..room).unwrap_or_default();
            let (produced, sound) = inflater.inflate(&mut piece, output);
            let too_long = produced as u64 > left;
            if too_long || sound.is_err() {
                // Any split of the bytes has to find the same rule broken first.
                let allowed = produced - usize::from(too_long);
                let plain = scratch.get(..allowed).unwrap_or_default();
                self.push_inflated(plain, false, config)?;
                return if too_long { Err(Error::MessageTooLong) } else { sound.and(Ok(None)) };
            }
            if piece.is_empty() && produced < room {
                break produced;
            }
            let plain = scratch.get(..produced).unwrap_or_default();
            self.push_inflated(plain, false, config)?;
        };
        let plain = scratch.get(..produced).unwrap_or_default();
        let event = self.push_inflated(plain, last, config)?;
        if last {
            inflater.finish()?;
        }
        Ok(event)
    }

    /// Apart, so that plain messages have [`push`](Self::push) inlined.
    #[inline(never)]
    fn push_inflated<'a>(
        &mut self,
        plain: &'a [u8],
        last: bool,
        config: &Config,
    ) -> Result<Option<Event<'a>>, Error> {
        self.push(plain, None, last, config)
    }

    /// RFC 6455, 8.1: an endpoint that finds text not to be UTF-8 MUST fail the connection.
    #[inline]
    fn validate(&mut self, piece: &[u8], ascii: bool, last: bool) -> Result<(), Error> {
        let between_characters = self.utf8.is_complete();
        let valid = if between_characters && ascii {
            true
        } else if between_characters && last {
            utf8::is_valid(piece)
        } else {
            self.utf8.push(piece) && (!last || self.utf8.is_complete())
        };
        if valid { Ok(()) } else { Err(Error::InvalidUtf8) }
    }
}

impl Default for Assembler {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            declared_bytes: 0,
            fragments: 0,
            frames: 0,
            utf8: Utf8Stream::default(),
            kind: MessageKind::Binary,
            ascii: false,
            open: false,
            compressed: false,
        }
    }
}

/// A limit whose zero means "none".
fn unless_zero<T: Default + PartialEq>(limit: T, none: T) -> T {
    if limit == T::default() { none } else { limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MaskingKey;
    use crate::deflate::{Compressor, DeflateConfig};

    fn declared(opcode: Opcode, length: u64) -> FrameHeader {
        FrameHeader { opcode, fin: true, compressed: false, key: MaskingKey::default(), length }
    }

    #[test]
    fn declared_length_allocates_nothing() {
        let config = Config { max_message_bytes: 0, ..Config::default() };
        let mut message = Assembler::default();
        message.check_limits(1 << 50, &config).unwrap();
        message.begin_frame(&declared(Opcode::Binary, 1 << 50));
        assert_eq!(message.bytes.capacity(), 0);
        message.push(&[7; 16], None, false, &config).unwrap();
        assert!(message.bytes.capacity() <= 32);
    }

    #[test]
    fn memory_stays_below_twice_what_came() {
        let config = Config::default();
        let mut message = Assembler::default();
        message.begin_frame(&declared(Opcode::Binary, 1 << 20));
        for count in 1..=1000 {
            message.push(&[7; 100], None, false, &config).unwrap();
            assert!(message.bytes.capacity() <= 2 * 100 * count);
        }
    }

    #[test]
    fn delivered_message_leaves_no_memory_behind() {
        let config = Config::default();
        let mut message = Assembler::default();
        message.begin_frame(&declared(Opcode::Binary, 6));
        message.push(b"abc", None, false, &config).unwrap();
        let event = message.push(b"def", None, true, &config).unwrap();
        assert!(matches!(event, Some(Event::Message { payload: Cow::Owned(_), .. })));
        assert_eq!(message.bytes.capacity(), 0);
        assert!(!message.is_open());
    }

    #[test]
    fn bomb_takes_no_more_memory_than_the_limit_allows() {
        let megabytes = vec![0; 20 << 20];
        let config = DeflateConfig {
            send_no_context_takeover: true,
            receive_no_context_takeover: true,
            send_window_bits: 15,
            level: 6,
            mem_level: 8,
            threshold_bytes: 0,
        };
        let bomb = Compressor::new(&config).compress(&megabytes, true, Vec::new()).unwrap();
        let config = Config { max_message_bytes: 1 << 20, ..Config::default() };
        let mut message = Assembler::default();
        message.begin_frame(&declared(Opcode::Binary, 1 << 15));
        let (mut inflater, mut scratch) = (Inflater::new(), vec![0; 4096]);
        let failed = message.inflate(bomb.as_slice(), true, &mut inflater, &mut scratch, &config);
        assert_eq!(failed, Err(Error::MessageTooLong));
        assert!(message.bytes.len() <= 1 << 20);
        assert!(message.bytes.capacity() <= 2 << 20);
    }
}
