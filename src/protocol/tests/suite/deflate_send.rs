//! Compressed messages sent. RFC 7692, section 7.2.1.

use bytes::Bytes;
use offloop_protocol::deflate::DeflateConfig;
use offloop_protocol::{CloseCode, Config, MessageKind, Outgoing, Payload, Role};

use crate::support::{
    CONTINUATION, FIN_CONTINUATION, FIN_TEXT, Peer, RSV1, Seen, TEXT, deflate, deflating, sees,
    unmasked,
};

fn text(payload: &[u8]) -> Outgoing<'_> {
    Outgoing {
        kind: MessageKind::Text,
        fin: true,
        compress: true,
        payload: Payload::Slice(payload),
    }
}

/// Sends and returns the bytes on the wire, whose number the connection has to know.
fn sent(peer: &mut Peer, message: Outgoing<'_>) -> Vec<u8> {
    let length = peer.connection.send_message(message, &mut peer.host).unwrap();
    let wire = std::mem::take(&mut peer.host.wire);
    assert_eq!(length, wire.len());
    wire
}

fn server(config: DeflateConfig) -> Peer {
    Peer::new(Role::Server, &Config { deflate: Some(config), ..Config::default() })
}

const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
fn writes_the_examples_of_rfc_7692() {
    let first = unmasked(FIN_TEXT | RSV1, HELLO);
    let second = unmasked(FIN_TEXT | RSV1, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
    let empty = unmasked(FIN_TEXT | RSV1, &[0x00]);
    for no_context_takeover in [true, false] {
        let mut server = server(deflate(no_context_takeover));
        assert_eq!(sent(&mut server, text(b"Hello")), first);
        let again = if no_context_takeover { &first } else { &second };
        assert_eq!(sent(&mut server, text(b"Hello")), *again);
        assert_eq!(sent(&mut server, text(b"")), empty);
        assert_eq!(sent(&mut server, text(b"")), empty);
    }
}

#[test]
fn compresses_only_where_that_is_asked_for_and_agreed_on() {
    let plain = unmasked(FIN_TEXT, b"Hello");
    let mut compressing = server(deflate(false));
    let message = Outgoing { compress: false, ..text(b"Hello") };
    assert_eq!(sent(&mut compressing, message), plain);
    assert_eq!(sent(&mut Peer::server(), text(b"Hello")), plain);
    // zlib has no window of 8 bits.
    let mut eight_bits = server(DeflateConfig { send_window_bits: 8, ..deflate(false) });
    assert_eq!(sent(&mut eight_bits, text(b"Hello")), plain);
}

#[test]
fn threshold_counts_only_without_context_takeover() {
    let is_compressed = |config: DeflateConfig, length| {
        let first = sent(&mut server(config), text(&vec![b'x'; length]))[0];
        first == FIN_TEXT | RSV1
    };
    let without = DeflateConfig { threshold_bytes: 1024, ..deflate(true) };
    assert!(!is_compressed(without, 0));
    assert!(!is_compressed(without, 1023));
    assert!(is_compressed(without, 1024));
    let with = DeflateConfig { threshold_bytes: 1024, ..deflate(false) };
    assert!(is_compressed(with, 0));
    assert!(is_compressed(with, 1));
}

#[test]
fn first_fragment_decides_for_the_whole_message() {
    let fragments: [&[u8]; 5] = [b"first ", b"", b"second and longer than the first ", b"x", b""];
    for no_context_takeover in [true, false] {
        let config = DeflateConfig { threshold_bytes: 6, ..deflate(no_context_takeover) };
        for compress in [true, false] {
            let mut server = server(config);
            let mut wire = Vec::new();
            for (number, fragment) in fragments.iter().enumerate() {
                // Those of later fragments are ignored.
                let compress = if number == 0 { compress } else { !compress };
                let fin = number == 4;
                let frame = sent(&mut server, Outgoing { fin, compress, ..text(fragment) });
                let first =
                    [TEXT, CONTINUATION, CONTINUATION, CONTINUATION, FIN_CONTINUATION][number];
                let rsv1 = if number == 0 && compress { RSV1 } else { 0 };
                assert_eq!(frame[0], first | rsv1);
                wire.extend(frame);
            }
            wire.extend(sent(&mut server, text(b"the next message")));
            let seen = sees(Role::Client, &deflating(no_context_takeover), &wire);
            let expected = [Seen::Text(fragments.concat()), Seen::Text(b"the next message".into())];
            assert_eq!(seen, expected);
        }
    }
}

#[test]
fn client_masks_what_it_compressed() {
    let mut client = Peer::new(Role::Client, &deflating(false));
    let mut server = Peer::new(Role::Server, &deflating(false));
    for payload in [vec![b'x'; 100_000], noise(200_000), b"short".to_vec()] {
        let wire = sent(&mut client, text(&payload));
        assert_eq!((wire[0], wire[1] & 0x80), (FIN_TEXT | RSV1, 0x80));
        let message = Outgoing { kind: MessageKind::Binary, ..text(&payload) };
        let wire = [wire, sent(&mut client, message)].concat();
        // Only ASCII is sent as text here.
        let seen = server.feed(&wire);
        assert_eq!(seen, [Seen::Text(payload.clone()), Seen::Binary(payload)]);
    }
}

/// Letters that hardly repeat.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b' ' + state.to_be_bytes()[0] % 90
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_long_message_stays_one_frame_whatever_it_is_made_of() {
    for length in [65_535, 65_536, 65_537, 200_000, 1_000_000] {
        for payload in [noise(length), vec![7; length]] {
            for level in [0, 1, 2, 6, 9] {
                let mut server = server(DeflateConfig { level, ..deflate(true) });
                let message = Outgoing {
                    kind: MessageKind::Binary,
                    payload: Payload::Shared(Bytes::from(payload.clone())),
                    ..text(b"")
                };
                let wire = sent(&mut server, message);
                let mut client = Peer::new(Role::Client, &deflating(true));
                assert_eq!(client.feed(&wire), [Seen::Binary(payload.clone())]);
            }
        }
    }
}

#[test]
fn released_compressor_begins_anew_and_the_peer_notices_nothing() {
    let mut server = server(deflate(false));
    let first = sent(&mut server, text(b"Hello"));
    server.connection.release_compressor();
    let second = sent(&mut server, text(b"Hello"));
    assert_eq!(first, second);
    let seen = sees(Role::Client, &deflating(false), &[first, second].concat());
    assert_eq!(seen, [Seen::Text(b"Hello".into()), Seen::Text(b"Hello".into())]);
}

#[test]
fn nothing_is_sent_after_the_close_frame() {
    let mut server = server(deflate(false));
    sent(&mut server, text(b"Hello"));
    server.connection.send_close(Some(CloseCode::NORMAL), b"", &mut server.host).unwrap();
    assert!(server.connection.send_message(text(b"late"), &mut server.host).is_err());
}
