//! What a connection may allocate, whatever it receives.

use std::sync::Arc;

use offloop_protocol::deflate::Shared;
use offloop_protocol::{Config, Connection, Host, MaskingKey, Role};

/// Keeps nothing, so that what is counted is the connection's.
#[derive(Debug, Default)]
struct Sink(Shared);

impl Host for Sink {
    fn write(&mut self, _: &[u8]) {}

    fn masking_key(&mut self) -> MaskingKey {
        MaskingKey::default()
    }

    fn deflate(&mut self) -> &mut Shared {
        &mut self.0
    }
}

/// Feeds `wire` in pieces of `stride` bytes to a new connection and checks that it never held more
/// than the limits and the bytes that came entitle it to, and that nothing stays behind.
pub(crate) fn check(role: Role, config: &Config, wire: &[u8], stride: usize) {
    let mut wire = wire.to_vec();
    let came = wire.len() as u64;
    let inflated = if config.deflate.is_some() { came * MOST_INFLATED } else { came };
    let limit = match config.max_message_bytes {
        0 => u64::MAX,
        limit => limit,
    };
    let config = Arc::new(config.clone());
    let info = allocation_counter::measure(|| {
        let mut host = Sink::default();
        let mut connection = Connection::new(role, Arc::clone(&config));
        for piece in wire.chunks_mut(stride.max(1)) {
            connection.handle_input(piece, &mut host, &mut |_| {});
        }
    });
    // A vector that grows doubles, and while it moves both are there.
    let message = 3 * inflated.min(limit);
    let fixed = if config.deflate.is_some() { INFLATING } else { CONTROL };
    assert!(info.bytes_max <= message + fixed, "{} of {message} + {fixed}", info.bytes_max);
    assert_eq!(info.bytes_current, 0);
}

/// Deflate makes at most 1032 bytes of one. RFC 1951: 258 bytes by two codes of a bit each.
const MOST_INFLATED: u64 = 1032;
/// A control frame's payload that came in pieces, while its vector moves.
const CONTROL: u64 = 3 * 128;
/// The shared buffer, and an inflater with its window.
const INFLATING: u64 = (64 + 48) * 1024 + CONTROL;
