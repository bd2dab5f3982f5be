//! One open connection: what waits to be written, and the messages it still expects.

use std::io::{self, ErrorKind, Read, Write};

use crate::Failure;
use crate::deflate::Inflater;
use crate::frame::Masks;
use crate::messages::{Inbox, Messages};
use crate::payload::MessageNumber;
use crate::stream::Stream;

/// Bytes taken from a socket at once.
const READ_BYTES: usize = 256 * 1024;

/// What all connections use in turn.
pub(crate) struct Shared {
    messages: Messages,
    masks: Masks,
    buffer: Vec<u8>,
    inflater: Inflater,
}

impl Shared {
    /// For a run with these messages.
    pub(crate) fn new(messages: Messages) -> Self {
        let buffer = vec![0; READ_BYTES];
        Self { messages, masks: Masks::new(), buffer, inflater: Inflater::new() }
    }
}

/// An open WebSocket.
pub(crate) struct Connection {
    stream: Stream,
    outbox: Vec<u8>,
    written: usize,
    next: MessageNumber,
    inbox: Inbox,
}

impl Connection {
    /// A connection whose opening handshake is done. What it sends starts with the number `sends`,
    /// and what it receives with the number `expects`.
    pub(crate) fn new(stream: Stream, sends: MessageNumber, expects: MessageNumber) -> Self {
        let inbox = Inbox::new(expects);
        Self { stream, outbox: Vec::new(), written: 0, next: sends, inbox }
    }

    /// Queues one message; [`Self::flush`] writes it.
    pub(crate) fn queue_message(&mut self, shared: &mut Shared) {
        let mask = shared.masks.next_key();
        shared.messages.append_frame(&mut self.outbox, mask, self.next);
        self.next = self.next.next();
    }

    /// Writes what is queued, as far as the kernel takes it.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.written < self.outbox.len() {
            match self.stream.write(&self.outbox[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        self.written = 0;
        match self.stream.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads once, checks what has come, and calls `on_message` for each message that is whole.
    /// Returns whether there may be more to read.
    ///
    /// # Errors
    /// When the connection ended, when the server sent anything that is not the message due next,
    /// or when `on_message` fails.
    pub(crate) fn read_messages(
        &mut self,
        Shared { messages, inflater, buffer, .. }: &mut Shared,
        mut on_message: impl FnMut() -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let count = match self.stream.read(buffer) {
            Ok(0) => return Err("the server ended a connection".into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let mut input = &buffer[..count];
        while self.inbox.next_message(messages, inflater, &mut input)? {
            on_message()?;
        }
        Ok(count == buffer.len() || self.stream.reads_in_records())
    }

    /// Whether the server has neither ended the connection nor sent anything.
    pub(crate) fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.stream.read(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}
