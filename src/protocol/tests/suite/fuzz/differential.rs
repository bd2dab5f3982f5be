//! The same bytes for us and for tungstenite: the same messages, pings and closes, and both accept
//! or both refuse. `differences.rs` has an example of each difference that is meant.

use offloop_protocol::{Config, Error, MessageKind, Outgoing, Payload, Role};

use super::other::{Other, Verdict};
use super::script::{Script, strides};
use crate::support::{Outcome, Peer, Seen, opposite, outcome};

/// Role, limit, a stride, changes to make; then frames.
pub(crate) fn differential(input: &[u8]) {
    let mut script = Script::new(input);
    let role = script.role();
    let limit = 1 + usize::from(script.byte()) * 300;
    let stride = script.byte();
    let changes = [0; 3].map(|_| (script.number(), script.byte()));
    let count = usize::from(script.byte() % 8).saturating_sub(4);
    let mut open = false;
    let mut wire = Vec::new();
    while !script.is_over() && wire.len() < MOST_BYTES {
        wire.extend(script.frame(role, &mut open));
    }
    for (place, change) in changes.into_iter().take(count) {
        if let Some(byte) = wire.get_mut(usize::from(place)) {
            *byte ^= change;
        }
    }
    compare(role, limit, &wire, &strides(&wire, stride));
}

/// Feeds `wire` to both, cut at `cuts` and whole.
fn compare(role: Role, limit: usize, wire: &[u8], cuts: &[usize]) {
    let config = Config {
        max_message_bytes: limit as u64,
        // They count no fragments.
        max_fragments: 0,
        ..Config::default()
    };
    let ours = outcome(role, &config, wire, cuts);
    assert_eq!(outcome(role, &config, wire, &[]), ours);
    let mut theirs = Other::new(role, limit);
    let mut start = 0;
    for &end in cuts.iter().chain([&wire.len()]) {
        theirs.feed(&wire[start..end]);
        start = end;
    }
    let mut whole = Other::new(role, limit);
    whole.feed(wire);
    assert_eq!((&whole.seen, whole.verdict), (&theirs.seen, theirs.verdict));
    if check_alike(&ours, &mut theirs, limit) {
        check_pongs(role, &ours, &theirs);
    }
    check_reads_the_other(role, &ours.seen);
}

/// Whether what both saw is the same to the end; panics if that is not meant.
fn check_alike(ours: &Outcome, theirs: &mut Other, limit: usize) -> bool {
    let (seen, error) = match ours.seen.as_slice() {
        [seen @ .., Seen::Failed(error)] => (seen, Some(*error)),
        seen => (seen, None),
    };
    match (error, theirs.verdict) {
        // They do not know 1014, Bad Gateway, which was registered after the RFC.
        (None, Verdict::Closed) if seen.last().is_some_and(is_bad_gateway) => {
            let (last, before) = theirs.seen.split_last().unwrap();
            assert_eq!(before, &seen[..seen.len() - 1]);
            assert!(is_violation(last));
            return false;
        }
        (None, Verdict::Refused) => panic!("they refuse what we take: {seen:02x?}"),
        // A code that must not travel: they report a close frame, but of code 1002 and words of
        // their own, and answer with that.
        (Some(Error::InvalidCloseCode(_)), Verdict::Closed) => {
            let (last, before) = theirs.seen.split_last().unwrap();
            assert_eq!(before, seen);
            assert!(is_violation(last));
            return false;
        }
        // A control frame has at most 125 bytes, for which the RFC has one form: they take the
        // longer ones.
        (Some(Error::InvalidControlPayloadLength(126 | 127)), _) => {
            assert_eq!(theirs.seen[..seen.len()], *seen);
            return false;
        }
        (None, Verdict::Open | Verdict::Closed) | (Some(_), Verdict::Refused) => {}
        // We judge a header when it is there, and text with each byte; they wait for the whole
        // frame. So let it become whole.
        (Some(error), Verdict::Open) => {
            assert_eq!(theirs.seen, seen);
            theirs.feed(&vec![0; limit.max(125) + LONGEST_HEADER]);
            assert_eq!(theirs.verdict, Verdict::Refused, "they take what we refuse: {error:?}");
        }
        (Some(error), Verdict::Closed) => panic!("they take what we refuse: {error:?}"),
    }
    assert_eq!(theirs.seen, seen);
    true
}

fn is_bad_gateway(seen: &Seen) -> bool {
    matches!(seen, Seen::Close(1014, _))
}

fn is_violation(seen: &Seen) -> bool {
    *seen == Seen::Close(1002, b"Protocol violation".to_vec())
}

/// Both answered the same pings.
fn check_pongs(role: Role, ours: &Outcome, theirs: &Other) {
    let pongs = |wire: &[u8]| {
        let mut seen = Peer::new(opposite(role), &Config::default()).feed(wire);
        // They answer a close frame by themselves; with us that is for the layer above to do.
        seen.retain(|seen| matches!(seen, Seen::Pong(_)));
        seen
    };
    let (ours, theirs) = (pongs(&ours.wire), pongs(theirs.wire()));
    assert_eq!(ours, theirs);
}

/// Sends what was seen back, from us to them and from them to us.
fn check_reads_the_other(role: Role, seen: &[Seen]) {
    let is_sendable = |seen: &&Seen| !matches!(seen, Seen::Close(..) | Seen::Failed(_));
    let expected: Vec<_> = seen.iter().filter(is_sendable).cloned().collect();
    let mut ours = Peer::new(role, &Config::default());
    let mut theirs = Other::new(role, MOST_BYTES);
    for seen in &expected {
        send(&mut ours, seen);
        theirs.send(seen);
    }
    let mut reading = Other::new(opposite(role), MOST_BYTES);
    reading.feed(&ours.host.wire);
    assert_eq!(reading.seen, expected);
    assert_eq!(Peer::new(opposite(role), &Config::default()).feed(theirs.wire()), expected);
}

fn send(peer: &mut Peer, seen: &Seen) {
    let Peer { connection, host, .. } = peer;
    let message = |kind, payload| Outgoing {
        kind,
        fin: true,
        compress: false,
        payload: Payload::Slice(payload),
    };
    match seen {
        Seen::Text(text) => {
            connection.send_message(message(MessageKind::Text, text), host).unwrap();
        }
        Seen::Binary(bytes) => {
            connection.send_message(message(MessageKind::Binary, bytes), host).unwrap();
        }
        Seen::Ping(payload) => connection.send_ping(payload, host).unwrap(),
        Seen::Pong(payload) => connection.send_pong(payload, host).unwrap(),
        Seen::Close(..) | Seen::Failed(_) => {}
    }
}

/// More than any script's frames come to, the last one included.
const MOST_BYTES: usize = 1 << 20;
const LONGEST_HEADER: usize = 14;
