//! What a connection is told when it is made: its role and every limit, with the unit in the name.

use crate::deflate::DeflateConfig;

/// The end of the connection that this side is. A client masks what it sends, a server does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Asked for the connection: sends masked frames, expects unmasked ones.
    Client,
    /// Accepted the connection: sends unmasked frames, expects masked ones.
    Server,
}

/// Limits and switches of a connection; many connections share one. The default is that of `ws`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Longest message accepted, in bytes, on the wire as well as inflated; 0 is no limit. \[100 MiB\]
    pub max_message_bytes: u64,
    /// Most frames accepted for one message; 0 is no limit. \[16384\]
    pub max_fragments: u32,
    /// Take text messages and close reasons as they are. \[false\]
    pub skip_utf8_validation: bool,
    /// Answer pings without asking the layer above. \[true\]
    pub auto_pong: bool,
    /// Most automatic pongs that may wait for the transport, as [`Host::pong_queued`] counts them;
    /// 0 is no limit. \[60\]
    ///
    /// [`Host::pong_queued`]: crate::Host::pong_queued
    pub max_pending_auto_pongs: u32,
    /// permessage-deflate, as it was negotiated. \[none\]
    pub deflate: Option<DeflateConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message_bytes: 100 * 1024 * 1024,
            max_fragments: 16_384,
            skip_utf8_validation: false,
            auto_pong: true,
            max_pending_auto_pongs: 60,
            deflate: None,
        }
    }
}
