//! One connection: bytes that are no whole frame yet, and bytes that the kernel has not taken yet.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;

use crate::frame::{append_answer, read_header};

/// RFC 6455's own example key, which the load generator sends, and the answer that belongs to it.
/// So this server needs no SHA-1.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// First byte of a Close frame.
const CLOSE: u8 = 0x88;

/// Who gets a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Who sent it.
    Sender,
    /// Everybody.
    All,
}

/// A connection, open or about to be.
pub(crate) struct Connection {
    stream: TcpStream,
    is_open: bool,
    is_closing: bool,
    /// The beginning of a frame (or of the request) whose rest has not come yet.
    incomplete: Vec<u8>,
    /// What the kernel has not taken yet.
    outbox: Vec<u8>,
}

impl Connection {
    /// A connection that was just accepted.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            is_open: false,
            is_closing: false,
            incomplete: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// Writes what waits, reads what has come, and answers it. What all connections are to get is
    /// left in `answers`, which must be empty before.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) fn advance(
        &mut self,
        buffer: &mut [u8],
        answers: &mut Vec<u8>,
        answer: Answer,
    ) -> io::Result<()> {
        self.send(&[])?;
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if self.incomplete.is_empty() {
                let used = self.take(&buffer[..count], answers);
                self.incomplete.extend_from_slice(&buffer[used..count]);
            } else {
                let mut input = std::mem::take(&mut self.incomplete);
                input.extend_from_slice(&buffer[..count]);
                let used = self.take(&input, answers);
                input.drain(..used);
                self.incomplete = input;
            }
            if count < buffer.len() {
                break;
            }
        }
        if self.is_closing || answer == Answer::Sender || !self.is_open {
            self.send(answers)?;
            answers.clear();
        }
        if self.is_closing && self.outbox.is_empty() {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Answers what is whole at the front of `input`, and returns how much that was.
    fn take(&mut self, input: &[u8], answers: &mut Vec<u8>) -> usize {
        let mut used = 0;
        if !self.is_open {
            let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else {
                return 0;
            };
            used = end + 4;
            self.is_open = true;
            let is_expected = input.windows(KEY.len()).any(|window| window == KEY.as_bytes());
            // At once: nobody else is to get it.
            self.is_closing = !is_expected || self.send(RESPONSE).is_err();
        }
        while let Some(header) = read_header(&input[used..]) {
            let start = used + header.length;
            let Some(payload) = input.get(start..start + header.payload) else { break };
            self.is_closing |= header.first_byte == CLOSE;
            append_answer(answers, &header, payload);
            used = start + header.payload;
        }
        used
    }

    /// Writes, and keeps what the kernel does not take.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.outbox.is_empty() {
            let written = write_some(&mut self.stream, bytes)?;
            self.outbox.extend_from_slice(&bytes[written..]);
        } else {
            self.outbox.extend_from_slice(bytes);
            let written = write_some(&mut self.stream, &self.outbox)?;
            self.outbox.drain(..written);
        }
        Ok(())
    }
}

/// Writes as much as the kernel takes.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}
