//! The send half: commands to bytes. RFC 6455, sections 5 and 6.1.

use bytes::Bytes;

use crate::close::MAX_REASON_BYTES;
use crate::frame::{self, EncodedHeader, MAX_CONTROL_BYTES, Opcode};
use crate::{CloseCode, Error, MaskingKey, MessageKind, Role};

/// What a connection needs from whoever drives it: an outbox, and random bytes if it is a client.
pub trait Host {
    /// Appends to the outbox; the order of calls is the order on the wire.
    fn write(&mut self, bytes: &[u8]);

    /// The same, for bytes that need not be copied. \[calls `write`\]
    fn write_shared(&mut self, bytes: Bytes) {
        self.write(&bytes);
    }

    /// A fresh key that nobody can predict; asked of by [`Role::Client`] only. RFC 6455, 10.3.
    fn masking_key(&mut self) -> MaskingKey;

    /// An automatic pong goes into the outbox. Returns how many of them, this one included, the
    /// transport did not take yet although it was offered them. \[0\]
    fn pong_queued(&mut self) -> u32 {
        0
    }
}

/// A message, or a fragment of one, to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// Text or binary; of a message's first fragment only.
    pub kind: MessageKind,
    /// Ends the message. Without it the next `send_message` continues the message.
    pub fin: bool,
    /// Compress, if that was negotiated; of a message's first fragment only.
    pub compress: bool,
    /// The bytes. Text has to be UTF-8 already.
    pub payload: Payload<'a>,
}

/// Bytes to be sent.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Copied into the outbox.
    Slice(&'a [u8]),
    /// Handed to [`Host::write_shared`] by a server; a client has to mask and so copies.
    Shared(Bytes),
}

impl Payload<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Slice(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Whether a message is begun and not ended, and the role that decides on masking.
#[derive(Debug)]
pub(crate) struct Sender {
    role: Role,
    in_message: bool,
}

impl Sender {
    pub(crate) fn new(role: Role) -> Self {
        Self { role, in_message: false }
    }

    /// Sends a message or one of its fragments.
    #[inline]
    pub(crate) fn message<H: Host>(&mut self, message: Outgoing<'_>, host: &mut H) {
        let opcode = match (self.in_message, message.kind) {
            (true, _) => Opcode::Continuation,
            (false, MessageKind::Text) => Opcode::Text,
            (false, MessageKind::Binary) => Opcode::Binary,
        };
        self.in_message = !message.fin;
        self.frame(opcode, message.fin, message.payload, host);
    }

    /// Sends a ping or a pong.
    #[inline]
    pub(crate) fn ping_or_pong<H: Host>(
        &self,
        opcode: Opcode,
        payload: &[u8],
        host: &mut H,
    ) -> Result<(), Error> {
        if payload.len() > usize::from(MAX_CONTROL_BYTES) {
            return Err(Error::ControlPayloadTooLong);
        }
        self.frame(opcode, true, Payload::Slice(payload), host);
        Ok(())
    }

    /// Sends a close frame, with an empty body if `code` is `None`.
    pub(crate) fn close<H: Host>(
        &self,
        code: Option<CloseCode>,
        reason: &[u8],
        host: &mut H,
    ) -> Result<(), Error> {
        let Some(code) = code else {
            self.frame(Opcode::Close, true, Payload::Slice(&[]), host);
            return Ok(());
        };
        if !code.may_travel() {
            return Err(Error::UnsendableCloseCode(code.0));
        }
        if reason.len() > MAX_REASON_BYTES {
            return Err(Error::CloseReasonTooLong);
        }
        let mut body = [0; MAX_CONTROL_BYTES as usize];
        let bytes = code.0.to_be_bytes().into_iter().chain(reason.iter().copied());
        for (place, byte) in body.iter_mut().zip(bytes) {
            *place = byte;
        }
        let body = body.get(..reason.len() + 2).unwrap_or_default();
        self.frame(Opcode::Close, true, Payload::Slice(body), host);
        Ok(())
    }

    #[inline]
    fn frame<H: Host>(&self, opcode: Opcode, fin: bool, payload: Payload<'_>, host: &mut H) {
        let first = opcode as u8 | if fin { frame::FIN } else { 0 };
        let length = payload.as_slice().len();
        match self.role {
            Role::Server => {
                host.write(EncodedHeader::new(first, length, None).as_bytes());
                match payload {
                    _ if length == 0 => {}
                    Payload::Slice(bytes) => host.write(bytes),
                    Payload::Shared(bytes) => host.write_shared(bytes),
                }
            }
            Role::Client => {
                let key = host.masking_key();
                host.write(EncodedHeader::new(first, length, Some(key)).as_bytes());
                write_masked(payload.as_slice(), key, host);
            }
        }
    }
}

/// Masks a copy on the stack, block by block: the caller's bytes stay as they are.
fn write_masked<H: Host>(payload: &[u8], key: MaskingKey, host: &mut H) {
    let mut scratch = [0; MASKED_BLOCK_BYTES];
    for block in payload.chunks(MASKED_BLOCK_BYTES) {
        if let Some(masked) = scratch.get_mut(..block.len()) {
            masked.copy_from_slice(block);
            key.apply(masked);
            host.write(masked);
        }
    }
}

/// A multiple of the key's four bytes, so that every block begins with the key's first byte.
const MASKED_BLOCK_BYTES: usize = 1024;
