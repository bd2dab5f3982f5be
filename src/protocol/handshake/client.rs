//! The client's side: the judgement on the server's response. RFC 6455, section 4.1.
//!
//! The request is an HTTP client's, with a key that the caller has drawn. That the status is 101 and
//! that `Connection` names the upgrade is for that client's parser to see.

use super::accept::accept_key;
use crate::Role;
use crate::deflate::{NegotiationError, Options, Params};

/// What the request asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// `Sec-WebSocket-Key`: 16 random bytes in base64.
    pub key: &'a str,
    /// The subprotocols in `Sec-WebSocket-Protocol`; empty without that header.
    pub protocols: &'a [String],
    /// What permessage-deflate was offered by; `None` if nothing was.
    pub deflate: Option<&'a Options>,
}

/// What a response says; `None` is an absent header. The values are those of an HTTP parser: no line
/// breaks, no blanks around them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// `Upgrade`.
    pub upgrade: Option<&'a str>,
    /// `Sec-WebSocket-Accept`.
    pub accept: Option<&'a str>,
    /// `Sec-WebSocket-Protocol`.
    pub protocol: Option<&'a str>,
    /// `Sec-WebSocket-Extensions`.
    pub extensions: Option<&'a str>,
}

/// The rule that a response breaks, in the order of judging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// `Upgrade` is not `websocket`.
    Upgrade,
    /// `Sec-WebSocket-Accept` does not answer the key.
    Accept,
    /// A subprotocol, where none was offered.
    UnrequestedSubprotocol,
    /// A subprotocol that was not among those offered.
    InvalidSubprotocol,
    /// No subprotocol, where some were offered. RFC 6455 allows that; `ws` does not.
    NoSubprotocol,
    /// Extensions, where none were offered.
    UnrequestedExtensions,
    /// Extensions that the offer leaves no room for.
    Extensions(NegotiationError),
}

/// Judges a response by the rules of `ws`, and in its order. Returns what was agreed on of
/// permessage-deflate.
///
/// # Errors
/// The first rule that is broken: the connection is to be failed.
pub fn judge_response(
    response: &Response<'_>,
    asked: &Asked<'_>,
) -> Result<Option<Params>, Failure> {
    // RFC 6455, 4.1: if Upgrade is missing or is not "websocket", the client MUST fail the connection.
    if !response.upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Err(Failure::Upgrade);
    }
    // RFC 6455, 4.1: so it MUST if Sec-WebSocket-Accept is not the digest of the key.
    if response.accept != Some(accept_key(asked.key).as_str()) {
        return Err(Failure::Accept);
    }
    // RFC 6455, 4.1: and if the subprotocol was not present in its handshake.
    match response.protocol {
        Some(_) if asked.protocols.is_empty() => return Err(Failure::UnrequestedSubprotocol),
        Some(name) if !asked.protocols.iter().any(|asked| asked == name) => {
            return Err(Failure::InvalidSubprotocol);
        }
        None if !asked.protocols.is_empty() => return Err(Failure::NoSubprotocol),
        _ => {}
    }
    // RFC 6455, 4.1: and if an extension was not.
    match (response.extensions, asked.deflate) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(Failure::UnrequestedExtensions),
        (Some(header), Some(offered)) => {
            offered.accept_response(header).map(Some).map_err(Failure::Extensions)
        }
    }
}

impl Failure {
    /// The text of the error that `ws` emits.
    #[must_use]
    pub fn message(&self) -> &'static str {
        match self {
            Self::Upgrade => "Invalid Upgrade header",
            Self::Accept => "Invalid Sec-WebSocket-Accept header",
            Self::UnrequestedSubprotocol => "Server sent a subprotocol but none was requested",
            Self::InvalidSubprotocol => "Server sent an invalid subprotocol",
            Self::NoSubprotocol => "Server sent no subprotocol",
            Self::UnrequestedExtensions => {
                "Server sent a Sec-WebSocket-Extensions header but no extension was requested"
            }
            Self::Extensions(error) => error.refusal(Role::Client),
        }
    }
}
