//! The opening handshake. RFC 6455, section 4.

mod accept;
pub mod client;
pub mod server;
mod subprotocol;

pub use accept::accept_key;
pub use subprotocol::{SubprotocolError, parse_subprotocols};
