//! permessage-deflate. RFC 7692.

mod codec;
mod fault;
mod param_list;
mod params;
mod shared;

pub(crate) use codec::{Compressor, Inflater};
pub use fault::DeflateFault;
pub use params::{Accepted, DeflateConfig, NegotiationError, Options, Params, WindowBits};
pub use shared::Shared;
