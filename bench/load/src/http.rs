//! Requests to an HTTP route of the same server, on connections that are kept alive.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Poll, Token};

use crate::Failure;

/// What the route answers with.
const BODY: &[u8] = br#"{"hello":"world"}"#;

/// Connections for requests.
pub(crate) struct HttpClients {
    clients: Vec<HttpClient>,
    /// Clients without a request under way.
    free: Vec<usize>,
    /// When the requests were due that no client could take yet.
    waiting: VecDeque<Instant>,
    request: String,
    /// Token of the first client.
    first_token: usize,
}

struct HttpClient {
    stream: TcpStream,
    due: Option<Instant>,
    response: Vec<u8>,
}

impl HttpClients {
    /// Connects; the tokens are `first_token` and those that follow it.
    ///
    /// # Errors
    /// When a connection is refused.
    pub(crate) fn connect(
        poll: &Poll,
        server: SocketAddr,
        count: usize,
        first_token: usize,
    ) -> Result<Self, Failure> {
        let mut clients = Vec::with_capacity(count);
        for index in 0..count {
            let stream = std::net::TcpStream::connect(server)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let token = Token(first_token + index);
            poll.registry().register(&mut stream, token, Interest::READABLE)?;
            clients.push(HttpClient { stream, due: None, response: Vec::new() });
        }
        let request = format!("GET /hello HTTP/1.1\r\nHost: {server}\r\n\r\n");
        let free = (0..count).collect();
        Ok(Self { clients, free, waiting: VecDeque::new(), request, first_token })
    }

    /// Whether a token belongs to one of these connections.
    pub(crate) fn own(&self, Token(index): Token) -> bool {
        index >= self.first_token
    }

    /// Requests that are not answered yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.waiting.len() + self.clients.len() - self.free.len()
    }

    /// Sends a request that was due at `due`, or keeps it until a connection is free.
    ///
    /// # Errors
    /// When a connection is broken.
    pub(crate) fn request(&mut self, due: Instant) -> Result<(), Failure> {
        let Some(index) = self.free.pop() else {
            self.waiting.push_back(due);
            return Ok(());
        };
        let client = &mut self.clients[index];
        client.due = Some(due);
        if client.stream.write(self.request.as_bytes())? != self.request.len() {
            return Err("a request did not fit into the socket".into());
        }
        Ok(())
    }

    /// Reads what a connection has. Returns when the request was due that is answered now, if one
    /// is.
    ///
    /// # Errors
    /// When the connection is broken or the answer is not the one expected.
    pub(crate) fn serve(&mut self, Token(token): Token) -> Result<Option<Instant>, Failure> {
        let index = token - self.first_token;
        let client = &mut self.clients[index];
        client.read()?;
        if !is_whole(&client.response)? {
            return Ok(None);
        }
        client.response.clear();
        let due = client.due.take().ok_or("an answer without a request")?;
        self.free.push(index);
        if let Some(next) = self.waiting.pop_front() {
            self.request(next)?;
        }
        Ok(Some(due))
    }
}

impl HttpClient {
    fn read(&mut self) -> Result<(), Failure> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err("the server ended an HTTP connection".into()),
                Ok(count) => self.response.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether a response is there in full: its head, and a body of the length that the head gives.
fn is_whole(response: &[u8]) -> Result<bool, Failure> {
    let Some(head) = response.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(false);
    };
    let body = &response[head + 4..];
    let head = String::from_utf8_lossy(&response[..head]);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let fits =
        head.starts_with("HTTP/1.1 200 ") && length == Some(BODY.len()) && BODY.starts_with(body);
    if !fits {
        return Err(format!("the route answered {:?}", String::from_utf8_lossy(response)).into());
    }
    Ok(body.len() == BODY.len())
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn a_response_is_whole_when_its_body_is() {
        let text = "HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 17\r\n\r\n{\"hello\":\"world\"}";
        for end in 0..text.len() {
            assert!(!is_whole(&text.as_bytes()[..end]).unwrap_or(true));
        }
        assert!(is_whole(text.as_bytes()).unwrap_or(false));
    }

    #[test]
    fn another_response_is_refused() {
        let wrong =
            ["HTTP/1.1 404 ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9"];
        for head in wrong {
            assert!(is_whole(format!("{head}\r\n\r\n").as_bytes()).is_err());
        }
        let other = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"hello\":\"there\"}";
        assert!(is_whole(other.as_bytes()).is_err());
    }
}
