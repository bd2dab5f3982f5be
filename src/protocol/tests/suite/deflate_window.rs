//! What compressed messages may refer to, how they end, and what is never compressed.
//! RFC 7692, sections 6, 7.2.1 and 7.2.2.

use offloop_protocol::deflate::DeflateConfig;
use offloop_protocol::{CloseCode, Config, Role};

use crate::blocks::{Block, Reader, TAIL, sent};
use crate::support::{
    CLOSE, FIN_BINARY, PING, PONG, Peer, RSV1, Seen, deflate, deflating, masked, repetitive_texts,
    unmasked,
};

/// Bytes that hardly repeat.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7692_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn each_message_begins_with_an_empty_window_where_that_was_agreed() {
    let text = noise(300);
    for (from, to) in [(Role::Server, Role::Client), (Role::Client, Role::Server)] {
        let build = if from == Role::Client { masked } else { unmasked };
        let mut forgetting = Peer::new(from, &deflating(true));
        let mut keeping = Peer::new(from, &deflating(false));
        assert_eq!(sent(&mut forgetting, &text, true), sent(&mut keeping, &text, true));
        for _ in 0..3 {
            // A receiver that has seen no message before: it can read what refers to none.
            let alone = build(FIN_BINARY | RSV1, &sent(&mut forgetting, &text, true));
            let seen = Peer::new(to, &deflating(true)).feed(&alone);
            assert_eq!(seen, [Seen::Binary(text.clone())]);
            let referring = build(FIN_BINARY | RSV1, &sent(&mut keeping, &text, true));
            let seen = Peer::new(to, &deflating(false)).feed(&referring);
            assert!(matches!(seen[..], [Seen::Failed(_)]), "{seen:?}");
        }
    }
}

/// Bytes in which there is something to refer to at every distance, some longer than any window.
fn repetitive() -> Vec<Vec<u8>> {
    let lengths = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600];
    repetitive_texts().into_iter().chain(lengths.map(|length| noise(length).repeat(4))).collect()
}

#[test]
fn no_distance_exceeds_the_agreed_window() {
    let messages = repetitive();
    for send_window_bits in 9..=15 {
        let window = 1 << send_window_bits;
        for level in [-1, 1, 2, 3, 6, 9] {
            for no_context_takeover in [true, false] {
                let config =
                    DeflateConfig { send_window_bits, level, ..deflate(no_context_takeover) };
                let config = Config { deflate: Some(config), ..Config::default() };
                for role in [Role::Server, Role::Client] {
                    let mut sender = Peer::new(role, &config);
                    let mut reader = Reader::default();
                    for message in &messages {
                        let before = reader.plain.len();
                        reader.read(&[&sent(&mut sender, message, true)[..], &TAIL].concat());
                        assert!(reader.plain[before..] == message[..]);
                    }
                    // Else nothing was near to exceeding it; zlib keeps 262 bytes of it for itself.
                    assert!(reader.farthest > window / 4, "{} of {window}", reader.farthest);
                    assert!(reader.farthest <= window, "{} of {window}", reader.farthest);
                }
            }
        }
    }
}

#[test]
fn tail_is_left_out_at_the_end_of_a_message_only() {
    let fragments = [&b"first"[..], &noise(1000), b"third", b"and the end"];
    for config in [deflating(true), deflating(false)] {
        for role in [Role::Server, Role::Client] {
            let mut sender = Peer::new(role, &config);
            let mut reader = Reader::default();
            for _ in 0..2 {
                for (number, fragment) in fragments.iter().enumerate() {
                    let fin = number == 3;
                    let mut payload = sent(&mut sender, fragment, fin);
                    assert_eq!(payload.ends_with(&TAIL), !fin);
                    if fin {
                        payload.extend(TAIL);
                    }
                    let blocks = reader.read(&payload);
                    assert_eq!(blocks.last(), Some(&Block { last: false, kind: 0, length: 0 }));
                    assert!(reader.plain.ends_with(fragment));
                }
            }
        }
    }
}

#[test]
fn no_block_sent_claims_to_be_the_last() {
    let messages =
        [b"short".to_vec(), vec![], noise(5000), vec![b'x'; 100_000], b"a b c ".repeat(900)];
    for level in [-1, 0, 1, 2, 6, 9] {
        for role in [Role::Server, Role::Client] {
            let config = DeflateConfig { level, ..deflate(false) };
            let mut sender =
                Peer::new(role, &Config { deflate: Some(config), ..Config::default() });
            let mut reader = Reader::default();
            for message in &messages {
                let blocks = reader.read(&[&sent(&mut sender, message, true)[..], &TAIL].concat());
                assert!(blocks.iter().all(|block| !block.last), "{blocks:?}");
            }
            assert!(reader.plain == messages.concat());
        }
    }
}

#[test]
fn control_frames_are_never_compressed() {
    for (role, mask) in [(Role::Server, 0), (Role::Client, 0x80)] {
        let mut sender = Peer::new(role, &deflating(false));
        sent(&mut sender, b"begun and compressed", false);
        let Peer { connection, host, .. } = &mut sender;
        connection.send_ping(&[b'p'; 100], host).unwrap();
        connection.send_pong(&[b'p'; 100], host).unwrap();
        connection.send_close(Some(CloseCode::NORMAL), &[b'p'; 98], host).unwrap();
        let size = if mask == 0 { 102 } else { 106 };
        assert_eq!(host.wire.len(), 3 * size);
        for (frame, first) in host.wire.chunks(size).zip([PING, PONG, CLOSE]) {
            assert_eq!(frame[..2], [first, mask + 100]);
        }
    }
}

/// Two deflate blocks: `bytes` as they are, then the three bytes that lie 32,768 before its end.
fn farthest_match(bytes: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    for chunk in bytes.chunks(0x8000) {
        let length = u16::try_from(chunk.len()).unwrap();
        payload.push(0);
        payload.extend(length.to_le_bytes());
        payload.extend((!length).to_le_bytes());
        payload.extend(chunk);
    }
    // Fixed codes, least significant bit first: BFINAL 0, BTYPE 01; length 3 is code 257, of seven
    // bits; distance code 29 with 13 more bits, all set; the end of the block; then the empty block
    // whose tail is left out.
    let fields: [(u32, u32); 7] =
        [(0, 1), (1, 2), (0b100_0000, 7), (0b10111, 5), (0x1fff, 13), (0, 7), (0, 3)];
    let mut bits: Vec<bool> = Vec::new();
    for (value, count) in fields {
        bits.extend((0..count).map(|bit| value >> bit & 1 == 1));
    }
    for byte in bits.chunks(8) {
        payload.push(byte.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    }
    payload
}

#[test]
fn reads_references_over_the_whole_window_of_32_kib() {
    let bytes = noise(0x8000);
    let payload = farthest_match(&bytes);
    let expected = [&bytes[..], &bytes[..3]].concat();
    for role in [Role::Server, Role::Client] {
        let build = if role == Role::Server { masked } else { unmasked };
        for config in [deflating(true), deflating(false)] {
            let mut receiver = Peer::new(role, &config);
            let seen = receiver.feed(&build(FIN_BINARY | RSV1, &payload));
            assert_eq!(seen, [Seen::Binary(expected.clone())]);
        }
        // In a message that came before, if the context is kept.
        let mut receiver = Peer::new(role, &deflating(false));
        let stored = farthest_match(&bytes)[..5 + 0x8000].to_vec();
        let first = [&stored[..], &[0]].concat();
        let match_alone = &payload[5 + 0x8000..];
        let wire = [build(FIN_BINARY | RSV1, &first), build(FIN_BINARY | RSV1, match_alone)];
        let seen = receiver.feed(&wire.concat());
        assert_eq!(seen, [Seen::Binary(bytes.clone()), Seen::Binary(bytes[..3].into())]);
    }
}

#[test]
fn smaller_own_window_leaves_the_peers_as_large_as_it_is() {
    let own = DeflateConfig { send_window_bits: 9, ..deflate(false) };
    let bytes = noise(0x8000);
    let mut server = Peer::new(Role::Server, &Config { deflate: Some(own), ..Config::default() });
    let seen = server.feed(&masked(FIN_BINARY | RSV1, &farthest_match(&bytes)));
    assert_eq!(seen, [Seen::Binary([&bytes[..], &bytes[..3]].concat())]);
}
