//! Opens many connections, a limited number at a time, so that the server's backlog never
//! overflows. Every connection is registered with its index as its token, edge-triggered, for
//! both directions.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use crate::Failure;
use crate::args::Target;
use crate::deflate;
use crate::stream::{Dialer, Stream};

/// Handshakes under way at once; Node's listen backlog is 511.
const AT_ONCE: usize = 128;
/// A server that does nothing for this long is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// RFC 6455's own example key and the reply that belongs to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Opens all connections of a run, with permessage-deflate or with no extension.
///
/// # Errors
/// When one is refused, or nothing moves for [`PATIENCE`].
pub(crate) fn open_all(
    poll: &mut Poll,
    target: &Target,
    with_deflate: bool,
) -> Result<Vec<Stream>, Failure> {
    let opening = Opening::new(target, with_deflate)?;
    let mut events = Events::with_capacity(1024);
    let mut pending: Vec<Option<Handshake>> = Vec::with_capacity(target.connections);
    let mut open: Vec<Option<Stream>> = (0..target.connections).map(|_| None).collect();
    let mut done = 0;
    while done < target.connections {
        while pending.len() < target.connections && pending.len() - done < AT_ONCE {
            pending.push(Some(opening.begin(poll, Token(pending.len()))?));
        }
        poll_once(poll, &mut events, PATIENCE)?;
        if events.is_empty() {
            return Err(format!("opening stalled after {done} connections").into());
        }
        for event in &events {
            let Token(index) = event.token();
            // A handshake that is done has no entry any more.
            let Some(handshake) = pending.get_mut(index).and_then(Option::take) else { continue };
            match opening.advance(handshake)? {
                Step::Pending(handshake) => pending[index] = Some(handshake),
                Step::Done(stream) => {
                    open[index] = Some(stream);
                    done += 1;
                }
            }
        }
    }
    Ok(open.into_iter().flatten().collect())
}

/// Waits for events; a signal is not an error.
pub(crate) fn poll_once(
    poll: &mut Poll,
    events: &mut Events,
    patience: Duration,
) -> io::Result<()> {
    loop {
        match poll.poll(events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn request_text(server: SocketAddr, with_deflate: bool) -> String {
    let extensions = if with_deflate {
        format!("Sec-WebSocket-Extensions: {}\r\n", deflate::OFFER)
    } else {
        String::new()
    };
    format!(
        "GET / HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{extensions}\r\n"
    )
}

/// Whether a response opens the connection, with the extension that was wanted and no other.
fn is_accepted(response: &str, with_deflate: bool) -> bool {
    let header = |wanted: &str| {
        response.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then_some(value)
        })
    };
    response.starts_with("HTTP/1.1 101 ")
        && header("sec-websocket-accept") == Some(ACCEPT)
        && header("sec-websocket-extensions").map(deflate::is_agreed)
            == with_deflate.then_some(true)
}

/// How connections of a run are opened.
pub(crate) struct Opening {
    dialer: Dialer,
    with_deflate: bool,
    request: String,
}

/// A connection that is not open yet.
pub(crate) struct Handshake {
    stream: Stream,
    request_sent: bool,
    response: Vec<u8>,
}

/// How far a handshake is.
pub(crate) enum Step {
    /// The server has not answered in full.
    Pending(Handshake),
    /// The connection is open.
    Done(Stream),
}

impl Opening {
    /// To this target, with permessage-deflate or with no extension.
    ///
    /// # Errors
    /// When there is no TLS to be had.
    pub(crate) fn new(target: &Target, with_deflate: bool) -> Result<Self, Failure> {
        let request = request_text(target.server, with_deflate);
        Ok(Self { dialer: Dialer::new(target)?, with_deflate, request })
    }

    /// Connects, and registers the socket for both directions.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub(crate) fn begin(&self, poll: &Poll, token: Token) -> io::Result<Handshake> {
        let mut stream = self.dialer.dial()?;
        let socket = stream.socket();
        poll.registry().register(socket, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Handshake { stream, request_sent: false, response: Vec::new() })
    }

    /// Goes as far as the socket lets it.
    ///
    /// # Errors
    /// When the connection is refused or broken.
    pub(crate) fn advance(&self, mut handshake: Handshake) -> Result<Step, Failure> {
        let Handshake { stream, request_sent, response } = &mut handshake;
        if !*request_sent {
            if let Some(error) = stream.socket().take_error()? {
                return Err(error.into());
            }
            match stream.write(self.request.as_bytes()) {
                Ok(count) if count == self.request.len() => *request_sent = true,
                Ok(_) => return Err("the request did not fit into the socket".into()),
                Err(error) if is_early(error.kind()) => return Ok(Step::Pending(handshake)),
                Err(error) => return Err(error.into()),
            }
            stream.socket().set_nodelay(true)?;
        }
        let mut buffer = [0; 2048];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Err(refused(response)),
                Ok(count) => response.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        if !response.windows(4).any(|window| window == b"\r\n\r\n") {
            return Ok(Step::Pending(handshake));
        }
        let text = String::from_utf8_lossy(response);
        // Nothing may follow the head: these servers speak only when spoken to.
        if is_accepted(&text, self.with_deflate) && text.ends_with("\r\n\r\n") {
            Ok(Step::Done(handshake.stream))
        } else {
            Err(refused(response))
        }
    }
}

fn refused(response: &[u8]) -> Failure {
    format!("the server answered {:?}", String::from_utf8_lossy(response)).into()
}

/// Errors of a write before the connection is established.
fn is_early(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::NotConnected)
}
