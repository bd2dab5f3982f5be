//! Negotiating permessage-deflate, in both roles. RFC 7692, section 7.1.
//!
//! Options and rules are those of `ws`: a parameter that is unknown, stands twice or has a bad value
//! spoils the whole header, and of the offers that are left the first acceptable one is taken.

use std::fmt;

use super::param_list::{EXTENSION_NAME, Name, ParamList, Value};
use crate::Role;
use crate::extension::{ExtensionError, parse_extensions};

/// What the user wants of the extension; the names are those of `ws`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A server demands of itself, or (`false`) refuses, to forget its context after each message;
    /// a client asks for it. \[unset\]
    pub server_no_context_takeover: Option<bool>,
    /// A server demands it of the client; a client announces, or (`false`) refuses, it. \[unset\]
    pub client_no_context_takeover: Option<bool>,
    /// The window that the server compresses with. \[unset\]
    pub server_max_window_bits: WindowBits,
    /// The window that the client compresses with. \[unset\]
    pub client_max_window_bits: WindowBits,
    /// Shorter messages are not compressed where no context is kept. \[1024\]
    pub threshold_bytes: u32,
    /// zlib's level, -1 to 9. \[2\]
    pub level: Option<i8>,
    /// zlib's memory level, 1 to 9. \[8\]
    pub mem_level: Option<u8>,
    /// Compress with a smaller window than was negotiated, 9 to 15. \[unset\]
    pub window_bits: Option<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            server_no_context_takeover: None,
            client_no_context_takeover: None,
            server_max_window_bits: WindowBits::Unset,
            client_max_window_bits: WindowBits::Unset,
            threshold_bytes: 1024,
            level: None,
            mem_level: None,
            window_bits: None,
        }
    }
}

/// An option on window bits: absent, a boolean or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WindowBits {
    /// Take what comes.
    #[default]
    Unset,
    /// `false` refuses the parameter.
    Allowed(bool),
    /// No more than this, 8 to 15.
    Bits(u8),
}

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// The server forgets its context after each message.
    pub server_no_context_takeover: bool,
    /// The client forgets its context after each message.
    pub client_no_context_takeover: bool,
    /// The window of the server, if it is not the largest.
    pub server_max_window_bits: Option<u8>,
    /// The window of the client, if it is not the largest.
    pub client_max_window_bits: Option<u8>,
}

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What is agreed on.
    pub params: Params,
    /// The value of `Sec-WebSocket-Extensions` that says so.
    pub header: String,
}

/// What a connection has to know of the agreement; part of [`Config`](crate::Config).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateConfig {
    /// This side compresses every message from an empty window.
    pub send_no_context_takeover: bool,
    /// The other side does. If not, an inflater is kept from its first message on.
    pub receive_no_context_takeover: bool,
    /// The window to compress with, 9 to 15; with 8 nothing is compressed, since zlib cannot.
    pub send_window_bits: u8,
    /// zlib's level, -1 to 9.
    pub level: i8,
    /// zlib's memory level, 1 to 9.
    pub mem_level: u8,
    /// Shorter messages are not compressed, if `send_no_context_takeover`.
    pub threshold_bytes: u32,
}

impl Params {
    /// The agreement as one side sees it.
    #[must_use]
    pub fn config(&self, role: Role, options: &Options) -> DeflateConfig {
        let server = (self.server_no_context_takeover, self.server_max_window_bits);
        let client = (self.client_no_context_takeover, self.client_max_window_bits);
        let ((send_no_context_takeover, bits), (receive_no_context_takeover, _)) = match role {
            Role::Server => (server, client),
            Role::Client => (client, server),
        };
        let wished = options.window_bits.unwrap_or(MAX_BITS).clamp(MIN_OWN_BITS, MAX_BITS);
        DeflateConfig {
            send_no_context_takeover,
            receive_no_context_takeover,
            send_window_bits: bits.unwrap_or(MAX_BITS).min(wished),
            level: options.level.unwrap_or(DEFAULT_LEVEL),
            mem_level: options.mem_level.unwrap_or(DEFAULT_MEM_LEVEL),
            threshold_bytes: options.threshold_bytes,
        }
    }
}

impl DeflateConfig {
    /// Whether a message whose first fragment has `length` bytes is compressed, if its sender wants
    /// that.
    #[inline]
    pub(crate) fn compresses(&self, length: usize) -> bool {
        // A short message is worth it where it feeds the context of the next ones.
        (!self.send_no_context_takeover || length as u64 >= u64::from(self.threshold_bytes))
            && self.send_window_bits >= MIN_OWN_BITS
    }
}

impl Options {
    /// A server's judgement of a request's `Sec-WebSocket-Extensions`. `None` when the extension is
    /// not offered, or only with a window of 8 bits, which zlib cannot compress with.
    ///
    /// # Errors
    /// The request is to be refused with 400.
    pub fn accept_offers(&self, header: &str) -> Result<Option<Accepted>, NegotiationError> {
        let mut offers = Vec::new();
        for extension in parse_extensions(header)? {
            if extension.name == EXTENSION_NAME {
                offers.push(ParamList::read(&extension, Role::Server)?);
            }
        }
        if offers.is_empty() {
            return Ok(None);
        }
        let mut impossible = false;
        for mut offer in offers {
            if !self.is_acceptable(&offer) {
                continue;
            }
            if offer.bits(Name::ServerMaxWindowBits).is_some_and(|bits| bits < MIN_OWN_BITS) {
                impossible = true;
                continue;
            }
            self.answer(&mut offer);
            return Ok(Some(Accepted { params: offer.params(), header: offer.header() }));
        }
        if impossible { Ok(None) } else { Err(NegotiationError::NothingAcceptable) }
    }

    /// Whether the options leave room for a client's offer.
    fn is_acceptable(&self, offer: &ParamList) -> bool {
        let takeover_refused = self.server_no_context_takeover == Some(false)
            && offer.has(Name::ServerNoContextTakeover);
        let server_bits_refused =
            match (offer.bits(Name::ServerMaxWindowBits), self.server_max_window_bits) {
                (Some(_), WindowBits::Allowed(false)) => true,
                (Some(offered), WindowBits::Bits(own)) => own > offered,
                _ => false,
            };
        let client_bits_refused =
            match (offer.get(Name::ClientMaxWindowBits), self.client_max_window_bits) {
                (None, WindowBits::Bits(_)) => true,
                (Some(Value::Bits(offered)), WindowBits::Bits(wanted)) => wanted > offered,
                _ => false,
            };
        !(takeover_refused || server_bits_refused || client_bits_refused)
    }

    /// Turns an acceptable offer into the response.
    fn answer(&self, offer: &mut ParamList) {
        if self.server_no_context_takeover == Some(true) {
            offer.set(Name::ServerNoContextTakeover, Value::Absent);
        }
        if self.client_no_context_takeover == Some(true) {
            offer.set(Name::ClientNoContextTakeover, Value::Absent);
        }
        if let WindowBits::Bits(own) = self.server_max_window_bits {
            offer.set(Name::ServerMaxWindowBits, Value::Bits(own.clamp(MIN_OWN_BITS, MAX_BITS)));
        }
        match (self.client_max_window_bits, offer.get(Name::ClientMaxWindowBits)) {
            (WindowBits::Bits(wanted), _) => {
                offer.set(Name::ClientMaxWindowBits, Value::Bits(wanted.clamp(MIN_BITS, MAX_BITS)));
            }
            // RFC 7692, 7.1.2.2: in a response the parameter has a value.
            (_, Some(Value::Absent)) | (WindowBits::Allowed(false), _) => {
                offer.remove(Name::ClientMaxWindowBits);
            }
            _ => {}
        }
    }

    /// A client's `Sec-WebSocket-Extensions`.
    #[must_use]
    pub fn offer(&self) -> String {
        let mut offer = ParamList::default();
        if self.server_no_context_takeover == Some(true) {
            offer.set(Name::ServerNoContextTakeover, Value::Absent);
        }
        if self.client_no_context_takeover == Some(true) {
            offer.set(Name::ClientNoContextTakeover, Value::Absent);
        }
        // RFC 7692, 7.1.2.1: this parameter always has a value, so a mere `true` offers nothing.
        if let WindowBits::Bits(bits) = self.server_max_window_bits {
            offer.set(Name::ServerMaxWindowBits, Value::Bits(bits.clamp(MIN_BITS, MAX_BITS)));
        }
        match self.client_max_window_bits {
            WindowBits::Bits(own) => {
                offer
                    .set(Name::ClientMaxWindowBits, Value::Bits(own.clamp(MIN_OWN_BITS, MAX_BITS)));
            }
            WindowBits::Unset | WindowBits::Allowed(true) => {
                offer.set(Name::ClientMaxWindowBits, Value::Absent);
            }
            WindowBits::Allowed(false) => {}
        }
        offer.header()
    }

    /// A client's judgement of the response's `Sec-WebSocket-Extensions` to its
    /// [`offer`](Self::offer).
    ///
    /// # Errors
    /// The connection is to be failed.
    pub fn accept_response(&self, header: &str) -> Result<Params, NegotiationError> {
        let extensions = parse_extensions(header)?;
        if extensions.iter().any(|extension| extension.name != EXTENSION_NAME) {
            return Err(NegotiationError::NotOffered);
        }
        let mut responses = Vec::new();
        for extension in &extensions {
            responses.push(ParamList::read(extension, Role::Client)?);
        }
        let mut response = responses.into_iter().next().unwrap_or_default();
        if self.client_no_context_takeover == Some(false)
            && response.has(Name::ClientNoContextTakeover)
        {
            return Err(NegotiationError::UnexpectedClientNoContextTakeover);
        }
        match (response.bits(Name::ClientMaxWindowBits), self.client_max_window_bits) {
            (None, WindowBits::Bits(own)) => {
                response
                    .set(Name::ClientMaxWindowBits, Value::Bits(own.clamp(MIN_OWN_BITS, MAX_BITS)));
            }
            (Some(_), WindowBits::Allowed(false)) => {
                return Err(NegotiationError::UnexpectedClientMaxWindowBits);
            }
            (Some(bits), WindowBits::Bits(own)) if bits > own.clamp(MIN_OWN_BITS, MAX_BITS) => {
                return Err(NegotiationError::UnexpectedClientMaxWindowBits);
            }
            _ => {}
        }
        Ok(response.params())
    }
}

/// Why an offer or a response is refused; the texts are those of `ws`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NegotiationError {
    /// The header is not a list of extensions.
    Syntax(ExtensionError),
    /// A parameter stands more than once in one element.
    DuplicateParam(String),
    /// A parameter's value is missing, superfluous or out of range; `true` stands for none.
    InvalidValue(String, String),
    /// A parameter that the extension does not have.
    UnknownParam(String),
    /// The options leave no room for any of the offers.
    NothingAcceptable,
    /// The server chose an extension that it was not offered.
    NotOffered,
    /// The server demands `client_no_context_takeover` of a client that refuses it.
    UnexpectedClientNoContextTakeover,
    /// The server demands a window that the client did not offer.
    UnexpectedClientMaxWindowBits,
}

impl NegotiationError {
    /// What the refusal says: a server's body of the 400, or the text of a client's error.
    #[must_use]
    pub fn refusal(&self, role: Role) -> &'static str {
        match (role, self) {
            (Role::Server, _) => "Invalid or unacceptable Sec-WebSocket-Extensions header",
            (Role::Client, Self::NotOffered) => {
                "Server indicated an extension that was not requested"
            }
            (Role::Client, _) => "Invalid Sec-WebSocket-Extensions header",
        }
    }
}

impl From<ExtensionError> for NegotiationError {
    fn from(error: ExtensionError) -> Self {
        Self::Syntax(error)
    }
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::DuplicateParam(name) => {
                write!(f, "Parameter \"{name}\" must have only a single value")
            }
            Self::InvalidValue(name, value) => {
                write!(f, "Invalid value for parameter \"{name}\": {value}")
            }
            Self::UnknownParam(name) => write!(f, "Unknown parameter \"{name}\""),
            Self::NothingAcceptable => f.write_str("None of the extension offers can be accepted"),
            Self::NotOffered => f.write_str(self.refusal(Role::Client)),
            Self::UnexpectedClientNoContextTakeover => {
                f.write_str("Unexpected parameter \"client_no_context_takeover\"")
            }
            Self::UnexpectedClientMaxWindowBits => {
                f.write_str("Unexpected or invalid parameter \"client_max_window_bits\"")
            }
        }
    }
}

impl std::error::Error for NegotiationError {}

/// Fewest window bits that a header may name.
pub(super) const MIN_BITS: u8 = 8;
/// Most window bits.
pub(super) const MAX_BITS: u8 = 15;
/// Fewest window bits that zlib compresses raw deflate with.
const MIN_OWN_BITS: u8 = 9;
/// Half the time of zlib's default 6, at nearly its ratio. 1 would be far quicker, and far worse.
const DEFAULT_LEVEL: i8 = 2;
const DEFAULT_MEM_LEVEL: u8 = 8;
