//! What a connection may allocate, whatever it receives.

use std::sync::Arc;

use allocation_counter::measure;
use offloop_protocol::deflate::{DeflateConfig, Shared};
use offloop_protocol::{Config, Connection, Host, MaskingKey, Role};

/// Keeps nothing, so that what is counted is the connection's.
#[derive(Debug, Default)]
pub(crate) struct Sink(Shared);

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
    let config = &Arc::new(config.clone());
    let mut connection = Connection::new(role, Arc::clone(config));
    let info = measure(|| {
        let mut host = Sink::default();
        for piece in wire.chunks_mut(stride.max(1)) {
            connection.handle_input(piece, &mut host, &mut |_| {});
            while connection.is_behind() {
                connection.handle_input(&mut [], &mut host, &mut |_| {});
            }
        }
    });
    // A vector that grows doubles, and while it moves both are there.
    let message = 3 * inflated.min(limit);
    let fixed = if config.deflate.is_some() { INFLATING } else { CONTROL };
    assert!(info.bytes_max <= message + fixed, "{} of {message} + {fixed}", info.bytes_max);
    if connection.is_close_received() || connection.is_failed() {
        assert_eq!(info.bytes_current, 0, "kept behind the end");
    }
    let rest = measure(|| drop(connection));
    assert_eq!(info.bytes_current + rest.bytes_current, 0);
}

/// Lets a new connection send, fragments of at most `longest` bytes, and checks what it holds
/// meanwhile, afterwards, and when it has sent its close frame.
pub(crate) fn check_sending(
    role: Role,
    deflate: DeflateConfig,
    longest: usize,
    commands: impl FnOnce(&mut Connection, &mut Sink),
) {
    let config = Config { deflate: Some(deflate), ..Config::default() };
    let mut connection = Connection::new(role, Arc::new(config));
    let sending = measure(|| commands(&mut connection, &mut Sink::default()));
    // What does not become shorter is stored, with a few bytes more for every block.
    let output = 3 * (longest + longest / 8 + 64) as u64;
    let compressor = compressor(deflate);
    let most = SCRATCH + compressor + output;
    assert!(sending.bytes_max <= most, "{} of {most}", sending.bytes_max);
    let keeps_context = !deflate.send_no_context_takeover && deflate.send_window_bits > 8;
    let kept = if keeps_context { compressor } else { 0 };
    assert!(
        sending.bytes_current.cast_unsigned() <= kept,
        "{} kept of {kept}",
        sending.bytes_current
    );
    let closing = measure(|| connection.send_close(None, b"", &mut Sink::default()).unwrap());
    assert_eq!(sending.bytes_current + closing.bytes_current, 0, "kept behind the close frame");
}

/// A compressor's window and what it knows of it; the codes that it has not written; its hash table;
/// what else there is.
fn compressor(deflate: DeflateConfig) -> u64 {
    let window = 4 << deflate.send_window_bits.max(9);
    let codes = 7 << (deflate.mem_level + 6);
    window + codes + 128 * 1024 + 16 * 1024
}

/// Deflate makes at most 1032 bytes of one. RFC 1951: 258 bytes by two codes of a bit each.
const MOST_INFLATED: u64 = 1032;
/// A control frame's payload that came in pieces, while its vector moves.
const CONTROL: u64 = 3 * 128;
/// The buffer that is shared.
const SCRATCH: u64 = 64 * 1024;
/// And an inflater with its window.
const INFLATING: u64 = SCRATCH + 48 * 1024 + CONTROL;
