//! All that leaves the protocol upward.

use std::borrow::Cow;

use crate::{CloseCode, Error};

/// What a message's payload is. RFC 6455, section 5.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Text: valid UTF-8, unless the configuration skips the check.
    Text,
    /// Arbitrary bytes.
    Binary,
}

/// One thing that the peer sent, or the end of what it may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message.
    Message {
        /// Text or binary.
        kind: MessageKind,
        /// The text is plain ASCII, which the unmasking learns at no cost. Always false for binary.
        ascii: bool,
        /// Borrowed: lies in the caller's input buffer, which is the case when the message came in
        /// one read. Owned: was put together from several reads or fragments.
        payload: Cow<'a, [u8]>,
    },
    /// A ping, at most 125 bytes. With `auto_pong` its pong is already in the outbox.
    Ping {
        /// The application data.
        payload: &'a [u8],
    },
    /// A pong, at most 125 bytes.
    Pong {
        /// The application data.
        payload: &'a [u8],
    },
    /// The peer's close frame; the last event. The layer above answers it when its own queue is
    /// empty.
    Close {
        /// The peer's code; [`CloseCode::NO_STATUS`] when the frame had no body.
        code: CloseCode,
        /// The peer's reason, at most 123 bytes of UTF-8.
        reason: &'a [u8],
    },
    /// The peer broke a rule; the last event. The layer above sends [`Error::close_code`].
    Failed(Error),
}
