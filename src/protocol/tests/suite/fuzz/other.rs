//! tungstenite, an implementation of RFC 6455 that shares no line with ours, made to look like
//! [`Peer`](crate::support::Peer).

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use offloop_protocol::Role;
use tungstenite::error::Error;
use tungstenite::protocol::{self, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use crate::support::Seen;

/// What a receiver has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It waits for more.
    Open,
    /// The peer's close frame came.
    Closed,
    /// The peer broke a rule.
    Refused,
}

/// A connection of theirs. A refusal is no event of it.
#[derive(Debug)]
pub(crate) struct Other {
    socket: WebSocket<Pipe>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) verdict: Verdict,
}

impl Other {
    pub(crate) fn new(role: Role, max_message_bytes: usize) -> Self {
        let role = match role {
            Role::Client => protocol::Role::Client,
            Role::Server => protocol::Role::Server,
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(256)
            .max_message_size(Some(max_message_bytes))
            // This one is asked of control frames too.
            .max_frame_size(Some(max_message_bytes.max(125)));
        let socket = WebSocket::from_raw_socket(Pipe::default(), role, Some(config));
        Self { socket, seen: Vec::new(), verdict: Verdict::Open }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.socket.get_mut().incoming.extend(bytes);
        while self.verdict == Verdict::Open {
            match self.socket.read() {
                Ok(message) => self.take(message),
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.verdict = Verdict::Refused,
            }
        }
    }

    fn take(&mut self, message: Message) {
        self.seen.push(match message {
            Message::Text(text) => Seen::Text(text.as_bytes().to_vec()),
            Message::Binary(bytes) => Seen::Binary(bytes.to_vec()),
            Message::Ping(payload) => Seen::Ping(payload.to_vec()),
            Message::Pong(payload) => Seen::Pong(payload.to_vec()),
            Message::Close(frame) => {
                self.verdict = Verdict::Closed;
                match frame {
                    Some(frame) => Seen::Close(frame.code.into(), frame.reason.as_bytes().to_vec()),
                    None => Seen::Close(1005, vec![]),
                }
            }
            Message::Frame(_) => unreachable!("a frame is never read"),
        });
    }

    /// Sends a message or a control frame.
    pub(crate) fn send(&mut self, seen: &Seen) {
        let message = match seen {
            Seen::Text(text) => Message::text(String::from_utf8(text.clone()).unwrap()),
            Seen::Binary(bytes) => Message::binary(bytes.clone()),
            Seen::Ping(payload) => Message::Ping(payload.clone().into()),
            Seen::Pong(payload) => Message::Pong(payload.clone().into()),
            Seen::Close(..) | Seen::Failed(_) => return,
        };
        self.socket.send(message).unwrap();
    }

    /// What it wrote.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.socket.get_ref().written
    }
}

/// A transport in memory.
#[derive(Debug, Default)]
struct Pipe {
    incoming: VecDeque<u8>,
    written: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.incoming.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
