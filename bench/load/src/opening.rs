//! Opens many connections, a limited number at a time, so that the server's backlog never
//! overflows. Every connection is registered with its index as its token, edge-triggered, for
//! both directions.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Failure;
use crate::args::Target;
use crate::connection::Connection;

/// Handshakes under way at once; Node's listen backlog is 511.
const AT_ONCE: usize = 128;
const PATIENCE: Duration = Duration::from_secs(20);

/// RFC 6455's own example key and the reply that belongs to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Opens all connections of a run.
///
/// # Errors
/// When one is refused, or nothing moves for [`PATIENCE`].
pub(crate) fn open_all(poll: &mut Poll, target: &Target) -> Result<Vec<Connection>, Failure> {
    let request = request_text(target.server);
    let mut events = Events::with_capacity(1024);
    let mut pending: Vec<Option<Handshake>> = Vec::with_capacity(target.connections);
    let mut open: Vec<Option<TcpStream>> = (0..target.connections).map(|_| None).collect();
    let mut done = 0;
    while done < target.connections {
        while pending.len() < target.connections && pending.len() - done < AT_ONCE {
            let mut stream = TcpStream::connect(target.server)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(pending.len()), interest)?;
            pending.push(Some(Handshake { stream, request_sent: false, response: Vec::new() }));
        }
        poll_once(poll, &mut events, PATIENCE)?;
        if events.is_empty() {
            return Err(format!("opening stalled after {done} connections").into());
        }
        for event in &events {
            let Token(index) = event.token();
            // A handshake that is done has no entry any more.
            let Some(handshake) = pending.get_mut(index).and_then(Option::take) else { continue };
            match handshake.advance(&request)? {
                Step::Pending(handshake) => pending[index] = Some(handshake),
                Step::Done(stream) => {
                    open[index] = Some(stream);
                    done += 1;
                }
            }
        }
    }
    open.into_iter()
        .flatten()
        .zip(0..)
        .map(|(stream, index)| {
            stream.set_nodelay(true)?;
            Ok(Connection::new(stream, index))
        })
        .collect()
}

/// Waits for events; a signal is not an error.
pub(crate) fn poll_once(
    poll: &mut Poll,
    events: &mut Events,
    patience: Duration,
) -> std::io::Result<()> {
    loop {
        match poll.poll(events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn request_text(server: SocketAddr) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

/// A connection that is not open yet.
struct Handshake {
    stream: TcpStream,
    request_sent: bool,
    response: Vec<u8>,
}

enum Step {
    Pending(Handshake),
    Done(TcpStream),
}

impl Handshake {
    /// Goes as far as the socket lets it.
    fn advance(mut self, request: &str) -> Result<Step, Failure> {
        if !self.request_sent {
            if let Some(error) = self.stream.take_error()? {
                return Err(error.into());
            }
            match self.stream.write(request.as_bytes()) {
                Ok(count) if count == request.len() => self.request_sent = true,
                Ok(_) => return Err("the request did not fit into the socket".into()),
                Err(error) if is_early(error.kind()) => return Ok(Step::Pending(self)),
                Err(error) => return Err(error.into()),
            }
        }
        let mut buffer = [0; 2048];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(self.refused()),
                Ok(count) => self.response.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        if !self.response.windows(4).any(|window| window == b"\r\n\r\n") {
            return Ok(Step::Pending(self));
        }
        let text = String::from_utf8_lossy(&self.response);
        let accepted = text.starts_with("HTTP/1.1 101 ")
            && text.lines().any(|line| {
                line.split_once(": ").is_some_and(|(name, value)| {
                    name.eq_ignore_ascii_case("sec-websocket-accept") && value == ACCEPT
                })
            });
        // Nothing may follow the head: an echo server speaks only when spoken to.
        if accepted && text.ends_with("\r\n\r\n") {
            Ok(Step::Done(self.stream))
        } else {
            Err(self.refused())
        }
    }

    fn refused(&self) -> Failure {
        format!("the server answered {:?}", String::from_utf8_lossy(&self.response)).into()
    }
}

/// Errors of a write before the connection is established.
fn is_early(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::NotConnected)
}
