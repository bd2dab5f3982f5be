//! An echo server without Node: a listener, the opening handshake and one shard.
//!
//! For profiling the two lower layers, and for running a conformance suite against them alone:
//!
//! ```sh
//! cargo run --release -p offloop-shard --example echo -- 9001
//! ```
//!
//! Without a port it takes a free one. It prints one JSON line, `{"port":…,"pid":…}`, and ends when
//! its standard input does.
#![expect(clippy::print_stdout, reason = "whoever started it reads the port there")]

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use offloop_protocol::deflate::{DeflateConfig, Options};
use offloop_protocol::handshake::server::{Refusal, Request, judge};
use offloop_protocol::{Config, Error, Role};
use offloop_shard::{
    AdoptedSocket, Adoption, COMMAND_COMPRESS, CommandBatch, CommandKind, ConnectionId, Doorbell,
    EVENT_LARGE, EventBatch, EventKind, Progress, Recycler, ShardHandle,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// Conformance suites send messages of 16 MiB, and messages cut into 65,536 fragments.
const MAX_MESSAGE_BYTES: u64 = 64 * 1024 * 1024;
const MAX_FRAGMENTS: u32 = 1024 * 1024;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REQUEST_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// Accepted requests that wait for the shard's loop.
const OPENINGS: usize = 1024;
const SLAB_BYTES: usize = 64 * 1024;
const RECORDS: usize = 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = match std::env::args().nth(1) {
        None => 0,
        Some(port) => port.parse().map_err(io::Error::other)?,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let (port, pid) = (listener.local_addr()?.port(), std::process::id());
    println!(r#"{{"port":{port},"pid":{pid}}}"#);
    std::thread::spawn(exit_with_standard_input);

    let waiting = Arc::new(Notify::new());
    let notify = waiting.clone();
    let mut echo = Echo::start(Arc::new(Doorbell::new(move || notify.notify_one())))?;
    let (opened, mut openings) = mpsc::channel(OPENINGS);
    loop {
        tokio::select! {
            // A failure concerns one connection, or the descriptors are used up for a while.
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let opened = opened.clone();
                tokio::spawn(async move {
                    if let Ok(Some(opening)) = open(stream).await {
                        let _ = opened.send(opening).await;
                    }
                });
            },
            Some(opening) = openings.recv() => echo.adopt(opening),
            () = waiting.notified() => echo.serve(),
        }
    }
}

/// Ends the process when whoever started it has gone.
fn exit_with_standard_input() {
    let _ = io::stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

/// A connection whose client has been accepted and not yet been told so.
struct Opening {
    stream: std::net::TcpStream,
    deflate: Option<DeflateConfig>,
    /// The 101 response.
    response: String,
    /// What the client sent behind its request.
    head: Vec<u8>,
}

/// The opening handshake. `None`: the request was refused, and the client has been told why.
async fn open(mut stream: TcpStream) -> io::Result<Option<Opening>> {
    let reading = timeout(REQUEST_TIMEOUT, read_request(&mut stream)).await;
    let (mut bytes, request_bytes) = reading.map_err(io::Error::other)??;
    let head = bytes.split_off(request_bytes);
    match respond(&bytes)? {
        Ok((response, deflate)) => {
            stream.set_nodelay(true)?;
            Ok(Some(Opening { stream: stream.into_std()?, deflate, response, head }))
        }
        Err(refusal) => {
            stream.write_all(refusal.as_bytes()).await?;
            Ok(None)
        }
    }
}

/// Reads until the end of the request's headers, and says where in the bytes that is.
async fn read_request(stream: &mut TcpStream) -> io::Result<(Vec<u8>, usize)> {
    let mut bytes = Vec::new();
    while bytes.len() <= MAX_REQUEST_BYTES {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let parsed =
            httparse::Request::new(&mut headers).parse(&bytes).map_err(io::Error::other)?;
        if let httparse::Status::Complete(request_bytes) = parsed {
            return Ok((bytes, request_bytes));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// The response to a whole request, and the compression agreed on; `Err` is the refusal.
fn respond(request: &[u8]) -> io::Result<Result<(String, Option<DeflateConfig>), String>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(request).map_err(io::Error::other)?;
    let header = |name: &str| {
        let found = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    let judged = judge(&Request {
        method: parsed.method.unwrap_or_default(),
        upgrade: header("upgrade"),
        connection: header("connection"),
        key: header("sec-websocket-key"),
        version: header("sec-websocket-version"),
        protocols: header("sec-websocket-protocol"),
    });
    let accepted = match judged {
        Ok(accepted) => accepted,
        Err(refusal) => return Ok(Err(refused(refusal))),
    };
    let options = Options::default();
    let offers = header("sec-websocket-extensions").unwrap_or_default();
    let agreed = options.accept_offers(offers).unwrap_or(None);
    let config = agreed.as_ref().map(|agreed| agreed.params.config(Role::Server, &options));
    let extensions = agreed.as_ref().map(|agreed| agreed.header.as_str());
    Ok(Ok((accepted.response(None, extensions), config)))
}

fn refused(refusal: Refusal) -> String {
    let (status, message) = (refusal.status(), refusal.message());
    let (name, value) = refusal.extra_header().unwrap_or(("Connection", "close"));
    let length = message.len();
    format!("HTTP/1.1 {status} \r\n{name}: {value}\r\nContent-Length: {length}\r\n\r\n{message}")
}

/// The layer above the shard: sends back what comes, and answers closing handshakes.
struct Echo {
    shard: ShardHandle,
    doorbell: Arc<Doorbell>,
    commands: CommandBatch,
    ids: Ids,
    records: Vec<u32>,
    slab: Vec<u8>,
}

impl Echo {
    fn start(doorbell: Arc<Doorbell>) -> io::Result<Self> {
        Ok(Self {
            shard: ShardHandle::start("echo".to_owned(), 0, doorbell.clone(), Recycler::default())?,
            doorbell,
            commands: CommandBatch::default(),
            ids: Ids::default(),
            records: vec![0; 4 * RECORDS],
            slab: vec![0; SLAB_BYTES],
        })
    }

    fn adopt(&mut self, Opening { stream, deflate, response, head }: Opening) {
        self.commands.push_adoption(Adoption {
            id: self.ids.next(),
            socket: AdoptedSocket::from(OwnedFd::from(stream)),
            role: Role::Server,
            config: Arc::new(Config {
                max_message_bytes: MAX_MESSAGE_BYTES,
                max_fragments: MAX_FRAGMENTS,
                deflate,
                ..Config::default()
            }),
            close_timeout: CLOSE_TIMEOUT,
            response: response.into_bytes(),
            head,
            progress: Progress::detached(),
            profile: None,
        });
        self.shard.submit(&mut self.commands);
    }

    /// Answers everything that the shard has published.
    fn serve(&mut self) {
        self.doorbell.answer();
        while let Some(mut batch) = self.shard.events().take() {
            while !batch.is_spent() {
                self.answer_some(&mut batch);
            }
            if self.shard.events().give_back(batch) {
                self.shard.nudge();
            }
        }
        if !self.commands.is_empty() {
            self.shard.submit(&mut self.commands);
        }
    }

    /// Answers as many events as fit into the records and the slab at once.
    fn answer_some(&mut self, batch: &mut EventBatch) {
        let mut records = std::mem::take(&mut self.records);
        let mut slab = std::mem::take(&mut self.slab);
        let copied = batch.copy_into(&mut records, &mut slab);
        let mut rest = &slab[..];
        for &[id, word, length, number] in records.as_chunks::<4>().0.iter().take(copied.records) {
            if word & EVENT_LARGE != 0 {
                let payload = Bytes::from(batch.take_large().unwrap_or_default());
                self.commands.push_large(id, command_of(word), payload);
                continue;
            }
            let has_payload = kind_of(word) <= EventKind::Close as u32;
            let (payload, behind) = rest.split_at(if has_payload { length as usize } else { 0 });
            rest = behind;
            self.answer(id, word, payload, (length, number));
        }
        (self.records, self.slab) = (records, slab);
    }

    fn answer(&mut self, id: u32, word: u32, payload: &[u8], (first, second): (u32, u32)) {
        const TEXT: u32 = EventKind::Text as u32;
        const BINARY: u32 = EventKind::Binary as u32;
        const CLOSE: u32 = EventKind::Close as u32;
        const FAILED: u32 = EventKind::Failed as u32;
        const ENDED: u32 = EventKind::Ended as u32;
        const CLOSED: u32 = EventKind::Closed as u32;
        match kind_of(word) {
            TEXT | BINARY => self.commands.push(id, command_of(word), payload),
            CLOSE => self.close(id, second),
            FAILED => {
                let row = Error::rows().get(first as usize);
                self.close(id, row.map_or(1011, |row| u32::from(row.close_code)));
            }
            ENDED => self.commands.push(id, CommandKind::End as u32, b""),
            CLOSED => self.ids.give_back(ConnectionId::new(id)),
            _ => {}
        }
    }

    /// Sends a close frame with the code, unless it is one that does not travel; then the FIN.
    fn close(&mut self, id: u32, code: u32) {
        let body = u16::try_from(code).unwrap_or(1011).to_be_bytes();
        let body = if code == 1005 { &[][..] } else { &body };
        self.commands.push(id, CommandKind::Close as u32, body);
        self.commands.push(id, CommandKind::End as u32, b"");
        self.commands.push(id, CommandKind::StartCloseTimer as u32, b"");
    }
}

fn kind_of(word: u32) -> u32 {
    word & 0xff
}

/// The command that sends back a message: the kinds have the same numbers.
fn command_of(word: u32) -> u32 {
    kind_of(word) | COMMAND_COMPRESS
}

/// The numbering of connections: a place is given away anew only as another generation.
#[derive(Default)]
struct Ids {
    free: Vec<ConnectionId>,
    used: u32,
}

impl Ids {
    fn next(&mut self) -> ConnectionId {
        if let Some(id) = self.free.pop() {
            return id.next_generation();
        }
        self.used += 1;
        ConnectionId::new(self.used - 1)
    }

    fn give_back(&mut self, id: ConnectionId) {
        self.free.push(id);
    }
}
