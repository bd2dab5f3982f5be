//! The send half: commands to bytes. RFC 6455, sections 5 and 6.1.

use bytes::Bytes;

use crate::close::MAX_REASON_BYTES;
use crate::deflate::{Compressor, DeflateConfig, Shared};
use crate::frame::{self, EncodedHeader, MAX_CONTROL_BYTES, Opcode};
use crate::{CloseCode, Error, MaskingKey, MessageKind, Role};

/// What a connection needs from whoever drives it: an outbox, what compression works with, and
/// random bytes if it is a client.
pub trait Host {
    /// Appends to the outbox; the order of calls is the order on the wire.
    fn write(&mut self, bytes: &[u8]);

    /// The same, for bytes that need not be copied. \[calls `write`\]
    fn write_shared(&mut self, bytes: Bytes) {
        self.write(&bytes);
    }

    /// A fresh key that nobody can predict; asked of by [`Role::Client`] only. RFC 6455, 10.3.
    fn masking_key(&mut self) -> MaskingKey;

    /// What the connections of one driver share to compress and to inflate; always the same. Asked
    /// for only where [`Config::deflate`](crate::Config::deflate) is set.
    fn deflate(&mut self) -> &mut Shared;

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
    /// Handed to [`Host::write_shared`], except by a client that has to mask and so copies.
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
    /// The begun message is being compressed.
    compressing: bool,
}

/// What a connection needs to compress; the compressor is there only if it keeps its context.
#[derive(Debug)]
pub(crate) struct Compression<'a> {
    pub(crate) config: &'a DeflateConfig,
    pub(crate) compressor: &'a mut Option<Box<Compressor>>,
}

impl Sender {
    pub(crate) fn new(role: Role) -> Self {
        Self { role, in_message: false, compressing: false }
    }

    /// Sends a message or one of its fragments; returns the length of the frame.
    #[inline]
    pub(crate) fn message<H: Host>(
        &mut self,
        message: Outgoing<'_>,
        compression: Option<Compression<'_>>,
        host: &mut H,
    ) -> Result<usize, Error> {
        let opcode = match (self.in_message, message.kind) {
            (true, _) => Opcode::Continuation,
            (false, MessageKind::Text) => Opcode::Text,
            (false, MessageKind::Binary) => Opcode::Binary,
        };
        let Outgoing { fin, compress, payload, .. } = message;
        let first = opcode as u8 | if fin { frame::FIN } else { 0 };
        let begins = !self.in_message;
        self.in_message = !fin;
        let Some(compression) = compression else {
            return Ok(write_frame(self.role, first, payload, host));
        };
        if begins {
            self.compressing = compress && compression.config.compresses(payload.as_slice().len());
        }
        if !self.compressing {
            return Ok(write_frame(self.role, first, payload, host));
        }
        // RFC 7692, 6.1: RSV1 MUST be set in the first frame of a compressed message only.
        let first = first | if begins { frame::RSV1 } else { 0 };
        self.compressed_frame(first, payload.as_slice(), compression, host)
    }

    #[inline(never)]
    fn compressed_frame<H: Host>(
        &self,
        first: u8,
        payload: &[u8],
        compression: Compression<'_>,
        host: &mut H,
    ) -> Result<usize, Error> {
        let Compression { config, compressor } = compression;
        let fin = first & frame::FIN != 0;
        if payload.is_empty() {
            // RFC 7692, 7.2.3.6: an empty block without its tail. In between nothing is needed.
            let block: &[u8] = if fin { &[0] } else { &[] };
            return Ok(write_frame(self.role, first, Payload::Slice(block), host));
        }
        let shared = host.deflate();
        let output = if config.send_no_context_takeover {
            shared.compress(config, payload, fin)?
        } else {
            let compressor = compressor.get_or_insert_with(|| Box::new(Compressor::new(config)));
            compressor.compress(payload, fin, shared.scratch.take())?
        };
        match output.into_large() {
            Ok(bytes) => Ok(write_frame(self.role, first, Payload::Shared(bytes), host)),
            Err(output) => {
                let length = write_frame(self.role, first, Payload::Slice(output.as_slice()), host);
                host.deflate().scratch.put_back(output.buffer);
                Ok(length)
            }
        }
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
        write_frame(self.role, opcode as u8 | frame::FIN, Payload::Slice(payload), host);
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
            write_frame(self.role, CLOSE, Payload::Slice(&[]), host);
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
        write_frame(self.role, CLOSE, Payload::Slice(body), host);
        Ok(())
    }
}

/// Writes a frame whose byte 0 is `first`; returns its length.
#[inline]
fn write_frame<H: Host>(role: Role, first: u8, payload: Payload<'_>, host: &mut H) -> usize {
    let length = payload.as_slice().len();
    match role {
        Role::Server => {
            let header = EncodedHeader::new(first, length, None);
            host.write(header.as_bytes());
            write_plain(payload, host);
            header.as_bytes().len() + length
        }
        Role::Client => {
            let key = host.masking_key();
            let header = EncodedHeader::new(first, length, Some(key));
            host.write(header.as_bytes());
            if key == MaskingKey::default() {
                // Somebody chose a key that changes nothing, in order not to pay for masking.
                write_plain(payload, host);
            } else {
                write_masked(payload.as_slice(), key, host);
            }
            header.as_bytes().len() + length
        }
    }
}

/// Writes a payload as it is.
#[inline]
fn write_plain<H: Host>(payload: Payload<'_>, host: &mut H) {
    match payload {
        _ if payload.as_slice().is_empty() => {}
        Payload::Slice(bytes) => host.write(bytes),
        Payload::Shared(bytes) => host.write_shared(bytes),
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

/// Byte 0 of a close frame.
const CLOSE: u8 = Opcode::Close as u8 | frame::FIN;

/// A multiple of the key's four bytes, so that every block begins with the key's first byte.
const MASKED_BLOCK_BYTES: usize = 1024;
