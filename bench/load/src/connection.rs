//! One open connection: what waits to be written, and the echoes it still expects.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use mio::net::TcpStream;

use crate::Failure;
use crate::frame::{self, HeaderReader, Masks};
use crate::payload::{MessageNumber, Pattern};

/// What is the same for every message of a run.
pub(crate) struct Shape {
    /// The payloads.
    pub(crate) pattern: Pattern,
    /// First byte of every frame, in both directions.
    pub(crate) first_byte: u8,
}

/// An open WebSocket.
pub(crate) struct Connection {
    stream: TcpStream,
    index: u32,
    outbox: Vec<u8>,
    written: usize,
    /// When each message in flight was handed over, oldest first.
    sent_at: VecDeque<Instant>,
    next_sequence: u32,
    header: HeaderReader,
    /// Payload bytes still to come of the echo that is being read, if one is.
    remaining: Option<usize>,
}

impl Connection {
    /// The `index`th connection, whose opening handshake is done.
    pub(crate) fn new(stream: TcpStream, index: u32) -> Self {
        Self {
            stream,
            index,
            outbox: Vec::new(),
            written: 0,
            sent_at: VecDeque::new(),
            next_sequence: 0,
            header: HeaderReader::default(),
            remaining: None,
        }
    }

    /// Queues one message; [`Self::flush`] writes it.
    pub(crate) fn queue_message(&mut self, shape: &Shape, masks: &mut Masks, now: Instant) {
        let number = MessageNumber::new(self.index, self.next_sequence);
        let mask = masks.next_key();
        frame::append_message(&mut self.outbox, shape.first_byte, mask, &shape.pattern, number);
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.sent_at.push_back(now);
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
        Ok(())
    }

    /// Reads what has come, checks it, and calls `on_echo` for each whole echo with the time its
    /// message was sent. Returns whether there may be more to read.
    ///
    /// # Errors
    /// When the connection ended, or the server sent anything that is not the echo due next.
    pub(crate) fn read_echoes(
        &mut self,
        shape: &Shape,
        buffer: &mut [u8],
        mut on_echo: impl FnMut(Instant),
    ) -> Result<bool, Failure> {
        let count = match self.stream.read(buffer) {
            Ok(0) => return Err("the server ended a connection".into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let mut input = &buffer[..count];
        while let Some(sent_at) = self.next_echo(shape, &mut input)? {
            on_echo(sent_at);
        }
        Ok(count == buffer.len())
    }

    /// Takes bytes from the front of `input` until an echo is whole or the input is used up.
    fn next_echo(&mut self, shape: &Shape, input: &mut &[u8]) -> Result<Option<Instant>, Failure> {
        if self.remaining.is_none() {
            let Some((first, length)) = self.header.advance(input)? else { return Ok(None) };
            if first != shape.first_byte || length != shape.pattern.size() as u64 {
                let text = format!("unexpected frame: first byte {first:#04x}, length {length}");
                return Err(text.into());
            }
        }
        let remaining = self.remaining.take().unwrap_or(shape.pattern.size());
        let (chunk, rest) = input.split_at(remaining.min(input.len()));
        let in_flight = u32::try_from(self.sent_at.len())?;
        let number = MessageNumber::new(self.index, self.next_sequence.wrapping_sub(in_flight));
        if in_flight == 0 || !shape.pattern.matches(number, shape.pattern.size() - remaining, chunk)
        {
            return Err("an echo differs from its message".into());
        }
        *input = rest;
        if chunk.len() < remaining {
            self.remaining = Some(remaining - chunk.len());
            return Ok(None);
        }
        Ok(self.sent_at.pop_front())
    }

    /// Whether the server has neither ended the connection nor sent anything.
    pub(crate) fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.stream.read(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}
