//! The server's side: judge the request's headers, then a 101 or a refusal. RFC 6455, section 4.2.

use super::accept::{accept_key, is_key};
use super::subprotocol::parse_subprotocols;

/// What an upgrade request says; `None` is an absent header. The values are those of an HTTP
/// parser: no line breaks, no blanks around them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The request's method, as written.
    pub method: &'a str,
    /// `Upgrade`.
    pub upgrade: Option<&'a str>,
    /// `Connection`; not judged when absent, since HTTP servers raise an upgrade only if it asks
    /// for one.
    pub connection: Option<&'a str>,
    /// `Sec-WebSocket-Key`.
    pub key: Option<&'a str>,
    /// `Sec-WebSocket-Version`.
    pub version: Option<&'a str>,
    /// `Sec-WebSocket-Protocol`.
    pub protocols: Option<&'a str>,
}

/// The answer to a good request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocols asked for, in the client's order, each once.
    pub protocols: Vec<&'a str>,
}

/// The rule that a request breaks, in the order of judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The method is not GET.
    Method,
    /// `Upgrade` is not `websocket`.
    Upgrade,
    /// `Connection` does not name `upgrade`.
    Connection,
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    Key,
    /// `Sec-WebSocket-Version` is neither 13 nor 8.
    Version,
    /// `Sec-WebSocket-Protocol` is not a list of distinct tokens.
    Protocols,
}

/// Judges a request by the rules of `ws`, and in its order.
///
/// # Errors
/// The first rule that is broken.
pub fn judge<'a>(request: &Request<'a>) -> Result<Accepted<'a>, Refusal> {
    if request.method != "GET" {
        return Err(Refusal::Method);
    }
    if !request.upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Err(Refusal::Upgrade);
    }
    if !request.connection.is_none_or(names_upgrade) {
        return Err(Refusal::Connection);
    }
    let key = request.key.filter(|key| is_key(key)).ok_or(Refusal::Key)?;
    if !matches!(request.version, Some("13" | "8")) {
        return Err(Refusal::Version);
    }
    let protocols = match request.protocols {
        Some(header) => parse_subprotocols(header).map_err(|_| Refusal::Protocols)?,
        None => Vec::new(),
    };
    Ok(Accepted { accept: accept_key(key), protocols })
}

impl Accepted<'_> {
    /// The whole 101 response, for a driver without an HTTP server: with the subprotocol that was
    /// chosen, and with what was agreed on of the extensions.
    #[must_use]
    pub fn response(&self, protocol: Option<&str>, extensions: Option<&str>) -> String {
        let mut response = format!(
            "HTTP/1.1 101 Switching Protocols\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n",
            self.accept
        );
        let headers =
            [("Sec-WebSocket-Protocol", protocol), ("Sec-WebSocket-Extensions", extensions)];
        for (name, value) in headers {
            if let Some(value) = value {
                response.extend([name, ": ", value, "\r\n"]);
            }
        }
        response.push_str("\r\n");
        response
    }
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::Upgrade | Self::Connection | Self::Key | Self::Version | Self::Protocols => 400,
        }
    }

    /// The body of the response, and the text of the error that `ws` gives to `wsClientError`.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Method => "Invalid HTTP method",
            Self::Upgrade => "Invalid Upgrade header",
            Self::Connection => "Invalid Connection header",
            Self::Key => "Missing or invalid Sec-WebSocket-Key header",
            Self::Version => "Missing or invalid Sec-WebSocket-Version header",
            Self::Protocols => "Invalid Sec-WebSocket-Protocol header",
        }
    }

    /// The header that only this refusal has, as name and value.
    #[must_use]
    pub fn extra_header(self) -> Option<(&'static str, &'static str)> {
        match self {
            // RFC 6455, 4.2.2: the versions that the server is willing to use MUST be named.
            Self::Version => Some(("Sec-WebSocket-Version", "13, 8")),
            Self::Method | Self::Upgrade | Self::Connection | Self::Key | Self::Protocols => None,
        }
    }
}

/// Whether a list of tokens holds `upgrade`.
fn names_upgrade(connection: &str) -> bool {
    connection.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
}
