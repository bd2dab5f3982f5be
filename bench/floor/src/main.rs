//! The floor of the benchmark: one thread, one epoll loop, and for each message only what no server
//! can leave out, which is one read, the unmasking, and one write. It keeps no rule of RFC 6455
//! beside the framing: no UTF-8, no fragments, no limits, no close codes. Not for any other use.
//!
//! Its words to the script that drives it are those of `servers/control.js`.

mod connection;
mod frame;

use std::io::{self, BufRead, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use connection::{Answer, Connection};

const LISTENER: Token = Token(usize::MAX);
/// Bytes taken from a socket at once.
const READ_BYTES: usize = 256 * 1024;

fn main() -> ExitCode {
    let is_broadcast = std::env::args().nth(1).is_some_and(|task| task.contains("\"broadcast\""));
    match serve(is_broadcast) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(is_broadcast: bool) -> io::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let port = listener.local_addr()?.port();
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    say(&format!(r#"{{"port":{port},"pid":{}}}"#, std::process::id()))?;
    std::thread::spawn(obey);
    let server = Server {
        poll,
        listener,
        connections: Vec::new(),
        free: Vec::new(),
        buffer: vec![0; READ_BYTES],
        answers: Vec::new(),
        is_broadcast,
    };
    server.run()
}

/// Does what the script says: there is no garbage, and the end of the input ends the server.
fn obey() {
    for _ in io::stdin().lock().lines() {
        if say(r#"{"collected":true}"#).is_err() {
            break;
        }
    }
    std::process::exit(0);
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    /// Places in `connections` that are empty.
    free: Vec<usize>,
    buffer: Vec<u8>,
    /// What one connection's bytes are answered with.
    answers: Vec<u8>,
    /// Whether a message goes to all connections and not only to its own.
    is_broadcast: bool,
}

impl Server {
    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(index) => self.advance(index),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.add(stream)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn add(&mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let index = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), interest)?;
        self.connections[index] = Some(Connection::new(stream));
        Ok(())
    }

    fn advance(&mut self, index: usize) {
        let Some(connection) = self.connections[index].as_mut() else { return };
        let answer = if self.is_broadcast { Answer::All } else { Answer::Sender };
        self.answers.clear();
        if connection.advance(&mut self.buffer, &mut self.answers, answer).is_err() {
            self.connections[index] = None;
            self.free.push(index);
            return;
        }
        if self.answers.is_empty() {
            return;
        }
        for connection in self.connections.iter_mut().flatten() {
            // A broken connection says so when it is read.
            let _ = connection.send(&self.answers);
        }
    }
}
