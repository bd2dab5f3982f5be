//! The receive half: bytes to events. RFC 6455, sections 5 and 6.2.

#[cfg(test)]
mod tests;

use std::mem;

use crate::close;
use crate::deflate::{Inflater, Shared};
use crate::frame::{self, FrameHeader, MAX_CONTROL_BYTES, MAX_HEADER_BYTES, Opcode};
use crate::message::{Assembler, Unfinished};
use crate::{Config, Error, Event, MaskingKey, Role};

/// What is expected next.
///
/// ```text
///            header complete
///   Header ───────────────────> Payload
///     ^                            │
///     └────────────────────────────┘ payload complete
/// ```
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Header,
    /// The rest of this frame's payload.
    Payload(FrameHeader),
}

/// What the next bytes came to.
#[derive(Debug)]
pub(crate) enum Step<'e, 'a> {
    Event(Event<'e>),
    /// Unmasked bytes of a compressed message, for [`Receiver::inflate`]; `last` ends the message.
    Compressed {
        piece: &'a [u8],
        last: bool,
    },
}

/// Bytes that the transport read and nobody has looked at yet.
#[derive(Debug)]
pub(crate) struct Input<'a>(pub(crate) &'a mut [u8]);

impl<'a> Input<'a> {
    /// Splits off the first `count` bytes, or all when there are fewer.
    #[inline]
    fn take(&mut self, count: u64) -> &'a mut [u8] {
        match usize::try_from(count).ok().and_then(|count| self.0.split_off_mut(..count)) {
            Some(front) => front,
            None => mem::take(&mut self.0),
        }
    }
}

/// Everything that has come in and is not yet an event.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    stage: Stage,
    message: Assembler,
    /// A control payload of which a part has come. Also holds the last one while its event is out.
    control: Vec<u8>,
    /// Holds what a compressed message may refer to: between the pieces of one, and between
    /// messages if the peer keeps its context.
    inflater: Option<Box<Inflater>>,
    /// A header of which a part has come.
    header: [u8; MAX_HEADER_BYTES],
    header_len: u8,
}

impl Receiver {
    /// Whether a frame or a message has begun and not ended.
    pub(crate) fn is_receiving(&self) -> bool {
        self.header_len > 0 || self.message.is_open() || matches!(self.stage, Stage::Payload(_))
    }

    /// How many frames of messages have begun since the last call.
    #[inline]
    pub(crate) fn take_frames(&mut self) -> u32 {
        self.message.take_frames()
    }

    /// Takes bytes from the front of `input`, unmasking them in place, until they make a step or
    /// there are none left. To be called again until it returns `None`.
    ///
    /// # Errors
    /// The peer broke a rule: the connection fails, and the receiver is not to be used any more.
    #[inline]
    pub(crate) fn next_step<'e, 'a: 'e>(
        &'e mut self,
        input: &mut Input<'a>,
        role: Role,
        config: &Config,
    ) -> Result<Option<Step<'e, 'a>>, Error> {
        loop {
            let frame = match self.stage {
                Stage::Payload(frame) => frame,
                Stage::Header => match self.take_header(input, role, config)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let inflates = self.message.is_compressed() && !frame.opcode.is_control();
            let wanted = if inflates { frame.length.min(INFLATED_AT_ONCE) } else { frame.length };
            let piece = input.take(wanted);
            let ascii = match role {
                Role::Server => Some(frame.key.apply(piece)),
                Role::Client => None,
            };
            let missing = self.advance(frame, piece.len());
            if frame.opcode.is_control() {
                let event = self.control_event(frame.opcode, piece, missing == 0, config)?;
                return Ok(event.map(Step::Event));
            }
            let last = frame.fin && missing == 0;
            if self.message.is_compressed() {
                if last || !piece.is_empty() {
                    return Ok(Some(Step::Compressed { piece, last }));
                }
            } else if let Some(event) = self.message.push(piece, ascii, last, config)? {
                return Ok(Some(Step::Event(event)));
            }
            if missing > 0 {
                return Ok(None);
            }
        }
    }

    /// Takes note that `count` bytes of a frame's payload have come. Returns how many are missing.
    #[inline]
    fn advance(&mut self, frame: FrameHeader, count: usize) -> u64 {
        let missing = frame.length.saturating_sub(count as u64);
        self.stage = if missing == 0 {
            Stage::Header
        } else {
            let key = frame.key.advanced(count);
            Stage::Payload(FrameHeader { length: missing, key, ..frame })
        };
        missing
    }

    /// The plain message of whose frame bytes are missing, if there is one.
    pub(crate) fn unfinished(&mut self) -> Option<Unfinished<'_>> {
        let Stage::Payload(frame) = self.stage else { return None };
        let plain = !frame.opcode.is_control() && !self.message.is_compressed();
        plain.then(|| self.message.unfinished(frame.length))
    }

    /// Takes the last `count` bytes of the [`unfinished`](Self::unfinished) message.
    ///
    /// # Errors
    /// As of [`next_step`](Self::next_step).
    pub(crate) fn take_appended(
        &mut self,
        count: usize,
        role: Role,
        config: &Config,
    ) -> Result<Option<Event<'static>>, Error> {
        let Stage::Payload(frame) = self.stage else { return Ok(None) };
        let key = (role == Role::Server).then_some(frame.key);
        let last = self.advance(frame, count) == 0 && frame.fin;
        self.message.push_appended(count, key, last, config)
    }

    /// Inflates what [`next_step`](Self::next_step) came to. The message, if this ends it, lies in
    /// `shared` when it is short.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn inflate<'s>(
        &mut self,
        piece: &[u8],
        last: bool,
        config: &Config,
        shared: &'s mut Shared,
    ) -> Result<Option<Event<'s>>, Error> {
        let Shared { inflaters, scratch, inflated_bytes, .. } = shared;
        let mut inflater = self.inflater.take().unwrap_or_else(|| inflaters.take());
        let before = inflater.produced();
        let event = self.message.inflate(piece, last, &mut inflater, scratch.get(), config)?;
        *inflated_bytes += inflater.produced() - before;
        let over = last && config.deflate.is_none_or(|deflate| deflate.receive_no_context_takeover);
        if over {
            inflaters.put_back(inflater);
        } else {
            self.inflater = Some(inflater);
        }
        Ok(event)
    }

    /// A control frame's event, if `piece` completes its payload. Data opcodes never come here.
    #[inline]
    fn control_event<'e>(
        &'e mut self,
        opcode: Opcode,
        piece: &'e [u8],
        last: bool,
        config: &Config,
    ) -> Result<Option<Event<'e>>, Error> {
        let whole_in_piece = last && self.control.is_empty();
        if !whole_in_piece {
            self.control.extend_from_slice(piece);
        }
        if !last {
            return Ok(None);
        }
        let payload = if whole_in_piece { piece } else { &self.control };
        Ok(Some(match opcode {
            Opcode::Ping => Event::Ping { payload },
            Opcode::Pong => Event::Pong { payload },
            Opcode::Close | Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                let (code, reason) = close::parse_body(payload, config.skip_utf8_validation)?;
                Event::Close { code, reason }
            }
        }))
    }

    /// Takes a header from the front of `input`; `None` when bytes of it are missing.
    #[inline]
    fn take_header(
        &mut self,
        input: &mut Input<'_>,
        role: Role,
        config: &Config,
    ) -> Result<Option<FrameHeader>, Error> {
        if !self.control.is_empty() {
            // The event that showed it is over; an idle connection holds no memory.
            self.control = Vec::new();
        }
        if input.0.is_empty() {
            return Ok(None);
        }
        let taken =
            if self.header_len == 0 { self.read_header(input.0, role, config)? } else { None };
        let Some((frame, size)) = taken else {
            return self.take_split_header(input, role, config);
        };
        input.take(size as u64);
        if !frame.opcode.is_control() {
            self.message.begin_frame(&frame);
        }
        Ok(Some(frame))
    }

    /// The same, when the header is cut by the end of the input or began in an earlier one.
    #[cold]
    fn take_split_header(
        &mut self,
        input: &mut Input<'_>,
        role: Role,
        config: &Config,
    ) -> Result<Option<FrameHeader>, Error> {
        let known = usize::from(self.header_len);
        let room = self.header.get_mut(known..).unwrap_or_default();
        for (place, byte) in room.iter_mut().zip(input.0.iter()) {
            *place = *byte;
            self.header_len += 1;
        }
        let header = self.header.get(..usize::from(self.header_len)).unwrap_or_default();
        let Some((frame, size)) = self.read_header(header, role, config)? else {
            input.0 = &mut [];
            return Ok(None);
        };
        self.header_len = 0;
        input.take((size - known) as u64);
        if !frame.opcode.is_control() {
            self.message.begin_frame(&frame);
        }
        Ok(Some(frame))
    }

    /// Decodes and judges the header at the front of `bytes`, and tells its size. What is there is
    /// judged at once, so that nobody waits for the rest of a frame that is refused anyway.
    #[inline]
    fn read_header(
        &self,
        bytes: &[u8],
        role: Role,
        config: &Config,
    ) -> Result<Option<(FrameHeader, usize)>, Error> {
        let Some(&[first, second]) = bytes.first_chunk() else { return Ok(None) };
        let opcode = self.check_first_bytes(first, second, role, config)?;
        let Some((length, offset)) = frame::decode_length(bytes) else { return Ok(None) };
        if !opcode.is_control() {
            if length > MAX_FRAME_BYTES {
                return Err(Error::UnsupportedPayloadLength);
            }
            self.message.check_limits(length, config)?;
        }
        let fin = first & frame::FIN != 0;
        let compressed = first & frame::RSV1 != 0;
        if role == Role::Client {
            let key = MaskingKey::default();
            return Ok(Some((FrameHeader { opcode, fin, compressed, key, length }, offset)));
        }
        let Some(key) = frame::decode_key(bytes, offset) else { return Ok(None) };
        let header = FrameHeader { opcode, fin, compressed, key, length };
        Ok(Some((header, offset + key.0.len())))
    }

    /// Judges the two bytes that every header has, in the order of `ws`.
    #[inline]
    fn check_first_bytes(
        &self,
        first: u8,
        second: u8,
        role: Role,
        config: &Config,
    ) -> Result<Opcode, Error> {
        if first & (frame::RSV1 | frame::RSV2_RSV3) != 0 {
            check_reserved_bits(first, config)?;
        }
        let number = first & frame::OPCODE_BITS;
        let opcode = match (number, self.message.is_open()) {
            (0, true) => Opcode::Continuation,
            (1, false) => Opcode::Text,
            (2, false) => Opcode::Binary,
            (8, _) => Opcode::Close,
            (9, _) => Opcode::Ping,
            (10, _) => Opcode::Pong,
            // RFC 6455, 5.2: an unknown opcode MUST fail the connection.
            _ => return Err(Error::InvalidOpcode(number)),
        };
        if opcode.is_control() {
            // RFC 6455, 5.5: control frames MUST NOT be fragmented nor be longer than 125 bytes.
            if first & frame::FIN == 0 {
                return Err(Error::ExpectedFin);
            }
            let length = second & frame::LENGTH_BITS;
            if length > MAX_CONTROL_BYTES || (opcode == Opcode::Close && length == 1) {
                return Err(Error::InvalidControlPayloadLength(length));
            }
        }
        // RFC 6455, 5.1: what a client sends MUST be masked, what a server sends MUST NOT.
        match (role, second & frame::MASK != 0) {
            (Role::Server, false) => Err(Error::ExpectedMask),
            (Role::Client, true) => Err(Error::UnexpectedMask),
            (Role::Server, true) | (Role::Client, false) => Ok(opcode),
        }
    }
}

/// RFC 6455, 5.2: RSV bits MUST be 0 unless an extension is negotiated that defines them. RFC 7692,
/// 6: RSV1 is set in the first frame of a compressed message, and in no other.
fn check_reserved_bits(first: u8, config: &Config) -> Result<(), Error> {
    if first & frame::RSV2_RSV3 != 0 {
        return Err(Error::UnexpectedRsv23);
    }
    match first & frame::OPCODE_BITS {
        _ if config.deflate.is_none() => Err(Error::UnexpectedRsv1),
        8..=10 if first & frame::FIN == 0 => Err(Error::ExpectedFin),
        0 | 8..=10 => Err(Error::UnexpectedRsv1),
        // A reserved opcode is what will be complained of.
        _ => Ok(()),
    }
}

/// The longest frame that `ws` takes: JavaScript counts no further exactly.
const MAX_FRAME_BYTES: u64 = (1 << 53) - 1;

/// Compressed bytes that are inflated before anybody asks how much has come of them: at most 1032
/// times as many.
pub(crate) const INFLATED_AT_ONCE: u64 = 4096;
