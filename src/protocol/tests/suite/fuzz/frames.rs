//! Any bytes as frames, in both roles and with any limits.

use offloop_protocol::{Config, Error, Role};

use super::memory;
use super::script::{Script, strides};
use crate::support::{RSV1, Seen, outcome};

/// Role, limits, a stride and a place to cut at; the rest comes from the peer as it is.
pub(crate) fn frames(input: &[u8]) {
    let mut script = Script::new(input);
    let (role, config) = (script.role(), script.config());
    let (stride, place) = (script.byte(), usize::from(script.number()));
    let wire = script.rest();

    let whole = outcome(role, &config, wire, &[]);
    assert_eq!(outcome(role, &config, wire, &strides(wire, 1)), whole, "byte by byte");
    assert_eq!(outcome(role, &config, wire, &strides(wire, stride)), whole, "every {stride}");
    let place = place.min(wire.len());
    assert_eq!(outcome(role, &config, wire, &[place]), whole, "cut at {place}");

    let last = |seen: &Seen| matches!(seen, Seen::Close(..) | Seen::Failed(_));
    assert!(!whole.seen.iter().rev().skip(1).any(last), "an event behind the last");
    assert_eq!(whole.failed, matches!(whole.seen.last(), Some(Seen::Failed(_))));
    match whole.seen.last() {
        Some(Seen::Failed(error)) if is_about_a_header(*error) => {
            assert!(has_bad_header(role, &config, wire), "{error:?}");
        }
        Some(Seen::Failed(error)) => assert_ne!(*error, Error::Internal),
        _ => assert!(!has_bad_header(role, &config, wire)),
    }
    for seen in &whole.seen {
        let length = match seen {
            Seen::Text(payload) | Seen::Binary(payload) => payload.len() as u64,
            Seen::Ping(payload) | Seen::Pong(payload) | Seen::Close(_, payload) => {
                assert!(payload.len() <= 125);
                0
            }
            Seen::Failed(_) => 0,
        };
        assert!(config.max_message_bytes == 0 || length <= config.max_message_bytes);
    }
    memory::check(role, &config, wire, usize::from(stride));
    memory::check(role, &config, wire, wire.len());
}

fn is_about_a_header(error: Error) -> bool {
    matches!(
        error,
        Error::UnexpectedRsv1
            | Error::UnexpectedRsv23
            | Error::InvalidOpcode(_)
            | Error::ExpectedFin
            | Error::InvalidControlPayloadLength(_)
            | Error::ExpectedMask
            | Error::UnexpectedMask
            | Error::UnsupportedPayloadLength
    )
}

/// The rules of RFC 6455, 5.1 to 5.5, and of RFC 7692, 6, read frame by frame up to a close frame,
/// whatever the payloads are.
fn has_bad_header(role: Role, config: &Config, mut wire: &[u8]) -> bool {
    let mut open = false;
    while let [first, second, rest @ ..] = wire {
        let (fin, rsv1, opcode) = (first & 0x80 != 0, first & RSV1 != 0, first & 0x0f);
        let short = second & 0x7f;
        let is_legal = match opcode {
            0 => open && !rsv1,
            1 | 2 => !open && (!rsv1 || config.deflate.is_some()),
            8 => fin && !rsv1 && short <= 125 && short != 1,
            9 | 10 => fin && !rsv1 && short <= 125,
            _ => false,
        };
        let masked = second & 0x80 != 0;
        if !is_legal || first & 0x30 != 0 || masked != (role == Role::Server) {
            return true;
        }
        let more = [2, 8].get(usize::from(short).wrapping_sub(126)).copied().unwrap_or(0);
        let Some((length, rest)) = rest.split_at_checked(more) else { return false };
        let length = match more {
            0 => u64::from(short),
            _ => length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        if length >= 1 << 53 {
            return true;
        }
        let size = usize::try_from(length).unwrap() + if masked { 4 } else { 0 };
        match rest.split_at_checked(size) {
            Some((_, rest)) if opcode != 8 => wire = rest,
            _ => return false,
        }
        if opcode < 8 {
            open = !fin;
        }
    }
    false
}
