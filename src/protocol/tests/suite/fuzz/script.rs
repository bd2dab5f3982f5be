//! Bytes read as a script: the next number, the next payload. Behind the end everything is zero.

use arbitrary::Unstructured;
use offloop_protocol::deflate::DeflateConfig;
use offloop_protocol::{Config, Role};

use crate::support::{
    BINARY, CLOSE, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, PING, PONG, TEXT, masked,
    unmasked,
};

/// The bytes that are left.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    rest: Unstructured<'a>,
    /// What all long payloads together may still have, so that a run takes no time.
    long_bytes: usize,
}

impl<'a> Script<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: Unstructured::new(input), long_bytes: 70_000 }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.rest.arbitrary().unwrap_or_default()
    }

    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next `count` bytes, or fewer at the end.
    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let count = count.min(self.rest.len());
        self.rest.bytes(count).unwrap_or_default()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest.take_rest()
    }

    /// A length and the bytes, or one byte many times over, for the lengths at which something
    /// changes.
    pub(crate) fn payload(&mut self) -> Vec<u8> {
        let length = self.byte();
        match length.checked_sub(FIRST_LONG) {
            None => self.bytes(usize::from(length)).to_vec(),
            Some(which) => {
                let length = LONG[usize::from(which) % LONG.len()].min(self.long_bytes);
                self.long_bytes -= length;
                vec![self.byte(); length]
            }
        }
    }

    /// A payload that is UTF-8.
    pub(crate) fn text(&mut self) -> Vec<u8> {
        String::from_utf8_lossy(&self.payload()).into_owned().into_bytes()
    }

    pub(crate) fn role(&mut self) -> Role {
        if self.byte() & 1 == 0 { Role::Server } else { Role::Client }
    }

    /// Limits, small ones as well as those of the default.
    pub(crate) fn config(&mut self) -> Config {
        let flags = self.byte();
        let max_message_bytes = match self.byte() {
            u8::MAX => Config::default().max_message_bytes,
            small => u64::from(small) * 4,
        };
        Config {
            max_message_bytes,
            max_fragments: u32::from(flags >> 4),
            skip_utf8_validation: flags & 1 != 0,
            auto_pong: flags & 2 == 0,
            max_pending_auto_pongs: if flags & 4 == 0 { 2 } else { 0 },
            deflate: (flags & 8 != 0).then(|| self.deflate()),
        }
    }

    /// Any parameters that can be negotiated, and any compressor.
    pub(crate) fn deflate(&mut self) -> DeflateConfig {
        let flags = self.byte();
        let compressor = self.number();
        DeflateConfig {
            send_no_context_takeover: flags & 1 != 0,
            receive_no_context_takeover: flags & 2 != 0,
            send_window_bits: 8 + (flags >> 2) % 8,
            level: i8::try_from(compressor % 11).unwrap_or_default() - 1,
            mem_level: u8::try_from(1 + compressor / 11 % 9).unwrap_or_default(),
            threshold_bytes: u32::from(flags >> 5) * 8,
        }
    }

    /// A frame as a peer of `role` gets it: mostly one that may stand there, `open` telling whether
    /// a message is begun; sometimes one of any kind, or no frame at all.
    pub(crate) fn frame(&mut self, role: Role, open: &mut bool) -> Vec<u8> {
        let build = if role == Role::Server { masked } else { unmasked };
        let kind = self.byte();
        let fin = kind & 0x80 != 0;
        match kind & 0x0f {
            kind @ 0..=7 => {
                let text = kind < 4;
                let first = match (*open, text, fin) {
                    (true, _, true) => FIN_CONTINUATION,
                    (true, _, false) => CONTINUATION,
                    (false, true, true) => FIN_TEXT,
                    (false, true, false) => TEXT,
                    (false, false, true) => FIN_BINARY,
                    (false, false, false) => BINARY,
                };
                *open = !fin;
                build(first, &if kind & 1 == 0 { self.payload() } else { self.text() })
            }
            kind @ (8 | 9) => build(if kind == 8 { PING } else { PONG }, self.short()),
            10 => {
                let code = CODES[usize::from(self.byte()) % CODES.len()].to_be_bytes();
                build(CLOSE, &[&code, self.short()].concat())
            }
            11 => build(CLOSE, self.short()),
            12 => {
                let first = self.byte();
                *open = first & 0x80 == 0;
                build(first, &self.payload())
            }
            13 => self.longer_form(role, open),
            14 => self.payload(),
            _ => {
                let build = if role == Role::Server { unmasked } else { masked };
                build(self.byte(), &self.payload())
            }
        }
    }

    /// A control frame's payload, which may be one byte too long.
    fn short(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte() % 127);
        self.bytes(length)
    }

    /// A frame whose length stands in more bytes than it needs; its masking key is zero.
    fn longer_form(&mut self, role: Role, open: &mut bool) -> Vec<u8> {
        let first = self.byte();
        *open = first & 0x80 == 0;
        let payload = self.payload();
        let mask: (u8, &[u8]) = if role == Role::Server { (0x80, &[0; 4]) } else { (0, &[]) };
        let length = u64::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        let length = match payload.len() {
            0..=0xffff if first & 0x20 == 0 => [&[mask.0 | 0x7e], &length[6..]].concat(),
            _ => [&[mask.0 | 0x7f], &length[..]].concat(),
        };
        [&[first & 0x8f], &length[..], mask.1, &payload].concat()
    }
}

/// From this length byte on, the others stand for [`LONG`].
const FIRST_LONG: u8 = 224;
const LONG: [usize; 8] = [125, 126, 127, 128, 1000, 5000, 65_535, 65_536];

/// Close codes at the edges of what may travel.
const CODES: [u16; 16] =
    [0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65_535];

/// `wire` cut after every `stride` bytes; 0 does not cut it.
pub(crate) fn strides(wire: &[u8], stride: u8) -> Vec<usize> {
    match stride {
        0 => Vec::new(),
        stride => (usize::from(stride)..wire.len()).step_by(stride.into()).collect(),
    }
}
