//! Any bytes as frames, in both roles and with any limits.

use super::memory;
use super::script::{Script, strides};
use crate::support::{Seen, outcome};

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
