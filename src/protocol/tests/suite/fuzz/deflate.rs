//! What is compressed, in any way there is, comes out as it was.

use offloop_protocol::{Config, Connection, Host, MessageKind, Outgoing, Payload, Role};

use super::memory;
use super::script::{Script, strides};
use crate::blocks::{Reader, TAIL};
use crate::support::{Peer, RSV1, Seen, opposite, outcome};

/// Role, parameters, a stride; then messages in fragments, each a switch and a payload.
pub(crate) fn deflate(input: &[u8]) {
    let mut script = Script::new(input);
    let role = script.role();
    let deflate = script.deflate();
    let stride = script.byte();
    let fragments = fragments(&mut script);
    let config = Config { deflate: Some(deflate), max_fragments: 0, ..Config::default() };
    let mut sender = Peer::new(role, &config);
    let mut reader = Reader::default();
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut is_compressed = false;
    let mut begins = true;
    for fragment in &fragments {
        let before = sender.host.wire.len();
        let length = fragment.send(&mut sender.connection, &mut sender.host);
        let frame = &sender.host.wire[before..];
        assert_eq!(length, frame.len());
        assert_eq!(frame[0] & 0x80 != 0, fragment.fin);
        if begins {
            is_compressed = frame[0] & RSV1 != 0;
            assert!(!is_compressed || (deflate.send_window_bits > 8 && fragment.compress));
            messages.push(Vec::new());
        } else {
            assert_eq!(frame[0] & RSV1, 0);
        }
        messages.last_mut().unwrap().extend(&fragment.payload);
        if is_compressed {
            let tail: &[u8] = if fragment.fin { &TAIL } else { &[] };
            let before = reader.plain.len();
            reader.read(&[&unmasked_payload(frame), tail].concat());
            assert!(reader.plain[before..] == fragment.payload);
        }
        begins = fragment.fin;
    }
    let window = 1 << deflate.send_window_bits;
    assert!(reader.farthest <= window, "{} of {window}", reader.farthest);
    check_received(role, &config, &sender.host.wire, stride, messages);
    let longest = fragments.iter().map(|fragment| fragment.payload.len()).max();
    memory::check_sending(role, deflate, longest.unwrap_or_default(), |connection, host| {
        for fragment in &fragments {
            fragment.send(connection, host);
        }
    });
}

/// A fragment of a message, and whether the compressor is given back before it.
struct Fragment {
    payload: Vec<u8>,
    fin: bool,
    compress: bool,
    release: bool,
}

impl Fragment {
    fn send(&self, connection: &mut Connection, host: &mut impl Host) -> usize {
        if self.release {
            connection.release_compressor();
        }
        let message = Outgoing {
            kind: MessageKind::Binary,
            fin: self.fin,
            compress: self.compress,
            payload: Payload::Slice(&self.payload),
        };
        connection.send_message(message, host).unwrap()
    }
}

/// The rest of the script; its last message is ended.
fn fragments(script: &mut Script<'_>) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::new();
    while !script.is_over() && fragments.len() < MOST_FRAGMENTS {
        let flags = script.byte();
        let payload = match (flags >> 4, fragments.first()) {
            // What came before, and so can be referred to.
            (0, Some(first)) => first.payload.clone(),
            // What makes it lie far back.
            (1, _) => noise(script.byte(), usize::from(script.number() % 10_000)),
            _ => script.payload(),
        };
        fragments.push(Fragment {
            payload,
            fin: flags & 1 == 0,
            compress: flags & 4 == 0,
            release: flags & 2 != 0,
        });
    }
    if let Some(last) = fragments.last_mut() {
        last.fin = true;
    }
    fragments
}

/// The other side sees the messages, whole, cut, and whatever its own window is.
fn check_received(role: Role, config: &Config, wire: &[u8], stride: u8, messages: Vec<Vec<u8>>) {
    let mut config = config.clone();
    if let Some(deflate) = &mut config.deflate {
        deflate.receive_no_context_takeover = deflate.send_no_context_takeover;
        deflate.send_window_bits = 9;
    }
    let expected: Vec<_> = messages.into_iter().map(Seen::Binary).collect();
    let whole = outcome(opposite(role), &config, wire, &[]);
    assert!(whole.seen == expected);
    // Byte by byte takes its time.
    let stride = if wire.len() > 5000 { stride.max(64) } else { stride };
    assert!(
        outcome(opposite(role), &config, wire, &strides(wire, stride)) == whole,
        "every {stride}"
    );
}

/// Bytes that hardly repeat.
fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut state = u32::from(seed);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A frame's payload without its mask.
fn unmasked_payload(frame: &[u8]) -> Vec<u8> {
    let header = match frame[1] & 0x7f {
        0..126 => 2,
        126 => 4,
        _ => 10,
    };
    let rest = &frame[header..];
    match frame[1] & 0x80 {
        0 => rest.to_vec(),
        _ => rest[4..].iter().zip(rest[..4].iter().cycle()).map(|(byte, key)| byte ^ key).collect(),
    }
}

const MOST_FRAGMENTS: usize = 20;
