//! The examples that the RFC itself gives: section 5.7 (frames) and 1.3 (opening handshake).

use offloop_protocol::handshake::accept_key;
use offloop_protocol::{MessageKind, Outgoing, Payload};

use crate::support::{Peer, Seen, client_sees, header, server_sees};

const UNMASKED_HELLO: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASKED_HELLO: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const HELLO_IN_TWO_FRAGMENTS: &[u8] = &[0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
const UNMASKED_PING: &[u8] = &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASKED_PONG: &[u8] = &[0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

#[test]
fn reads_unmasked_text() {
    assert_eq!(client_sees(UNMASKED_HELLO), [Seen::Text(b"Hello".into())]);
}

#[test]
fn reads_masked_text() {
    assert_eq!(server_sees(MASKED_HELLO), [Seen::Text(b"Hello".into())]);
}

#[test]
fn reads_fragmented_text() {
    assert_eq!(client_sees(HELLO_IN_TWO_FRAGMENTS), [Seen::Text(b"Hello".into())]);
}

#[test]
fn reads_ping_and_masked_pong() {
    assert_eq!(client_sees(UNMASKED_PING), [Seen::Ping(b"Hello".into())]);
    assert_eq!(server_sees(MASKED_PONG), [Seen::Pong(b"Hello".into())]);
}

#[test]
fn reads_256_bytes_and_64_kib_of_binary() {
    for (start, length) in [
        (&[0x82, 0x7e, 0x01, 0x00][..], 256),
        (&[0x82, 0x7f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00][..], 65536),
    ] {
        let payload = vec![0xa7; length];
        let wire = [start, &payload].concat();
        assert_eq!(header(0x82, 0, length as u64), start);
        assert_eq!(client_sees(&wire), [Seen::Binary(payload)]);
    }
}

#[test]
fn writes_unmasked_text_in_one_and_in_two_fragments() {
    let fragment = |payload: &'static [u8], fin| Outgoing {
        kind: MessageKind::Text,
        fin,
        compress: false,
        payload: Payload::Slice(payload),
    };
    let mut server = Peer::server();
    server.connection.send_message(fragment(b"Hello", true), &mut server.host).unwrap();
    assert_eq!(server.host.wire, UNMASKED_HELLO);

    server.host.wire.clear();
    server.connection.send_message(fragment(b"Hel", false), &mut server.host).unwrap();
    server.connection.send_message(fragment(b"lo", true), &mut server.host).unwrap();
    assert_eq!(server.host.wire, HELLO_IN_TWO_FRAGMENTS);
}

#[test]
fn writes_unmasked_ping() {
    let mut server = Peer::server();
    server.connection.send_ping(b"Hello", &mut server.host).unwrap();
    assert_eq!(server.host.wire, UNMASKED_PING);
}

#[test]
fn accept_key_answers_the_key() {
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(accept_key("w4v7O6xFTi36lq3RNcgctw=="), "Oy4NRAQ13jhfONC7bP8dTKb4PTU=");
}
