//! permessage-deflate. RFC 7692.

mod codec;
mod param_list;
mod params;
mod shared;

pub(crate) use codec::{Compressor, Inflater};
pub use params::{Accepted, DeflateConfig, NegotiationError, Options, Params, WindowBits};
pub use shared::Shared;
