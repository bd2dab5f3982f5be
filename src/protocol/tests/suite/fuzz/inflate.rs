//! Any bytes as compressed messages, under any limit; and what another inflater makes of them.

use offloop_protocol::{Config, Error, Role};

use super::memory;
use super::script::{Script, strides};
use super::whole;
use crate::support::{
    CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, PING, RSV1, Seen, deflate, masked,
    outcome,
};

/// Switches, a limit, a stride and the length of the first of two messages; then their payloads.
pub(crate) fn inflate(input: &[u8]) {
    let mut script = Script::new(input);
    let flags = script.byte();
    let config = Config {
        max_message_bytes: u64::from(script.number()),
        max_fragments: 0,
        skip_utf8_validation: flags & 4 != 0,
        deflate: Some(deflate(flags & 1 != 0)),
        ..Config::default()
    };
    let first = if flags & 2 != 0 { FIN_TEXT | RSV1 } else { FIN_BINARY | RSV1 };
    let stride = script.byte();
    let split = usize::from(script.number());
    let rest = script.rest();
    let (front, back) = rest.split_at(split.min(rest.len()));
    let messages = [front, back];

    let wire: Vec<_> = messages.iter().flat_map(|payload| masked(first, payload)).collect();
    let whole = outcome(Role::Server, &config, &wire, &[]);
    for cuts in [strides(&wire, 1), strides(&wire, stride)] {
        assert_eq!(outcome(Role::Server, &config, &wire, &cuts), whole, "every {stride}");
    }
    if messages.iter().all(|payload| fits(&config, payload.len())) {
        let fragments: Vec<_> =
            messages.iter().flat_map(|payload| fragmented(first, payload, stride)).collect();
        let seen = outcome(Role::Server, &config, &fragments, &[]).seen;
        let without_pings: Vec<_> =
            seen.into_iter().filter(|seen| *seen != Seen::Ping(vec![])).collect();
        assert_eq!(without_pings, whole.seen, "in fragments of {stride}");
    }
    let unlimited = Config { max_message_bytes: 0, ..config.clone() };
    let unlimited = outcome(Role::Server, &unlimited, &wire, &[]).seen;
    check_limit(&config, &messages, &whole.seen, &unlimited);
    // Without context takeover the second message stands alone as well.
    check_plain(&messages[..=usize::from(flags & 1)], &unlimited);
    memory::check(Role::Server, &config, &wire, usize::from(stride));
    memory::check(Role::Server, &config, &wire, wire.len());
}

/// The same message in frames of `stride` bytes, with empty ones and pings between.
fn fragmented(first: u8, payload: &[u8], stride: u8) -> Vec<u8> {
    let mut wire = masked(first & 0x7f, b"");
    for piece in payload.chunks(usize::from(stride.max(1))) {
        wire.extend(masked(PING, b""));
        wire.extend(masked(CONTINUATION, piece));
        wire.extend(masked(CONTINUATION, b""));
    }
    wire.extend(masked(FIN_CONTINUATION, b""));
    wire
}

/// A limit changes nothing, except that it ends the connection at the first message beyond it.
fn check_limit(config: &Config, messages: &[&[u8]], limited: &[Seen], unlimited: &[Seen]) {
    for (place, (limited, unlimited)) in limited.iter().zip(unlimited).enumerate() {
        match (limited, unlimited) {
            (Seen::Failed(Error::MessageTooLong), Seen::Text(plain) | Seen::Binary(plain)) => {
                assert!(!fits(config, plain.len()) || !fits(config, messages[place].len()));
            }
            // What is broken lies behind the limit.
            (Seen::Failed(Error::MessageTooLong), Seen::Failed(_)) => {}
            (limited, unlimited) => {
                assert_eq!(limited, unlimited);
                let (Seen::Text(plain) | Seen::Binary(plain)) = limited else { continue };
                assert!(fits(config, plain.len()) && fits(config, messages[place].len()));
            }
        }
    }
    let is_cut_short = limited.last() == Some(&Seen::Failed(Error::MessageTooLong));
    assert!(is_cut_short || limited.len() == unlimited.len());
}

/// Both inflaters see the same in messages that refer to none before them.
fn check_plain(messages: &[&[u8]], seen: &[Seen]) {
    for (payload, seen) in messages.iter().zip(seen) {
        match (seen, whole::inflate(payload)) {
            (Seen::Text(ours) | Seen::Binary(ours), theirs) => {
                assert_eq!(theirs.as_ref(), Some(ours));
            }
            (Seen::Failed(Error::InvalidDeflateData(_)), theirs) => assert_eq!(theirs, None),
            // A fault of the text may lie in front of one of the blocks.
            (seen, theirs) => {
                assert_eq!(*seen, Seen::Failed(Error::InvalidUtf8));
                assert!(theirs.is_none_or(|plain| str::from_utf8(&plain).is_err()));
            }
        }
    }
}

fn fits(config: &Config, length: usize) -> bool {
    config.max_message_bytes == 0 || length as u64 <= config.max_message_bytes
}
