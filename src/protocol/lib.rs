//! RFC 6455 and RFC 7692 without I/O: received bytes in, events out; commands in, bytes to send out.
//!
//! The layer's contract:
//! - [`Connection::handle_input`] takes what the transport read, cut anywhere, and hands every
//!   [`Event`] to the caller's closure in wire order. Any cut of the same bytes gives the same
//!   events. Where few bytes inflate to many it may stop in between; then it goes on when it is
//!   called again (see [`Connection::is_behind`]).
//! - The `send_*` methods put frames into the outbox that the caller's [`Host`] stands for.
//! - A rule broken by the peer is [`Event::Failed`]; one broken by the caller is an `Err`.
//!
//! It has no sockets, threads, clocks or random numbers: who drives it brings them (see [`Host`]).
//! It must not panic on any input, and a declared length must never allocate.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm)]

mod close;
mod config;
mod connection;
pub mod deflate;
mod error;
mod event;
mod extension;
mod frame;
pub mod handshake;
mod mask;
mod message;
mod receive;
mod send;
mod utf8;

pub use close::CloseCode;
pub use config::{Config, Role};
pub use connection::Connection;
pub use error::{Error, Fault, Row};
pub use event::{Event, MessageKind};
pub use extension::{Extension, ExtensionError, Param, format_extensions, parse_extensions};
pub use mask::MaskingKey;
pub use message::Unfinished;
pub use send::{Host, Outgoing, Payload};
