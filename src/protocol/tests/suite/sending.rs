//! What goes out: lengths, fragments, masking. RFC 6455, sections 5.2 to 5.5.

use bytes::Bytes;
use offloop_protocol::deflate::Shared;
use offloop_protocol::{Connection, Error, Host, MaskingKey, MessageKind, Outgoing, Payload, Role};

use crate::support::{
    BINARY, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, PING, PONG, Peer, Seen, TEXT,
    unmasked,
};

fn binary(payload: Payload<'_>, fin: bool) -> Outgoing<'_> {
    Outgoing { kind: MessageKind::Binary, fin, compress: false, payload }
}

#[test]
fn length_takes_its_shortest_form() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
        let payload = vec![b'x'; length];
        let mut server = Peer::server();
        let message = binary(Payload::Slice(&payload), true);
        server.connection.send_message(message, &mut server.host).unwrap();
        assert_eq!(server.host.wire, unmasked(FIN_BINARY, &payload));
    }
}

#[test]
fn client_masks_every_frame_with_a_key_of_its_own() {
    for length in [0, 1, 3, 4, 5, 125, 126, 1023, 1024, 1025, 5000, 65_536] {
        let payload: Vec<u8> = (0..=255).cycle().take(length).collect();
        let mut client = Peer::client();
        for _ in 0..2 {
            let message = binary(Payload::Slice(&payload), true);
            client.connection.send_message(message, &mut client.host).unwrap();
        }
        let wire = client.host.wire;
        assert_ne!(wire[..wire.len() / 2], wire[wire.len() / 2..], "same key twice");
        assert_eq!(wire[1] & 0x80, 0x80);
        let seen = Peer::server().feed(&wire);
        assert_eq!(seen, [Seen::Binary(payload.clone()), Seen::Binary(payload)]);
    }
}

#[test]
fn later_fragments_are_continuations_whatever_their_kind() {
    let mut server = Peer::server();
    let (connection, host) = (&mut server.connection, &mut server.host);
    let text = |fin| Outgoing { kind: MessageKind::Text, ..binary(Payload::Slice(b"x"), fin) };
    connection.send_message(text(false), host).unwrap();
    connection.send_message(binary(Payload::Slice(b"x"), false), host).unwrap();
    connection.send_ping(b"between", host).unwrap();
    connection.send_message(binary(Payload::Slice(b"x"), true), host).unwrap();
    connection.send_message(binary(Payload::Slice(b"x"), false), host).unwrap();
    connection.send_message(text(true), host).unwrap();
    connection.send_message(text(true), host).unwrap();
    let expected = [
        unmasked(TEXT, b"x"),
        unmasked(CONTINUATION, b"x"),
        unmasked(PING, b"between"),
        unmasked(FIN_CONTINUATION, b"x"),
        unmasked(BINARY, b"x"),
        unmasked(FIN_CONTINUATION, b"x"),
        unmasked(FIN_TEXT, b"x"),
    ];
    assert_eq!(host.wire, expected.concat());
}

#[test]
fn ping_and_pong_have_at_most_125_bytes() {
    let mut server = Peer::server();
    let (connection, host) = (&mut server.connection, &mut server.host);
    assert_eq!(connection.send_ping(&[0; 126], host), Err(Error::ControlPayloadTooLong));
    assert_eq!(connection.send_pong(&[0; 126], host), Err(Error::ControlPayloadTooLong));
    assert_eq!(host.wire, []);
    connection.send_ping(&[0; 125], host).unwrap();
    connection.send_pong(&[0; 125], host).unwrap();
    assert_eq!(host.wire, [unmasked(PING, &[0; 125]), unmasked(PONG, &[0; 125])].concat());
}

/// Tells shared from copied bytes.
#[derive(Default)]
struct Outbox {
    key: MaskingKey,
    copied: Vec<u8>,
    shared: Vec<Bytes>,
    deflate: Shared,
}

impl Host for Outbox {
    fn write(&mut self, bytes: &[u8]) {
        self.copied.extend_from_slice(bytes);
    }

    fn write_shared(&mut self, bytes: Bytes) {
        self.shared.push(bytes);
    }

    fn masking_key(&mut self) -> MaskingKey {
        self.key
    }

    fn deflate(&mut self) -> &mut Shared {
        &mut self.deflate
    }
}

#[test]
fn server_hands_shared_bytes_on_without_a_copy() {
    let payload = Bytes::from(vec![7; 100_000]);
    let mut connection = Connection::new(Role::Server, std::sync::Arc::default());
    let mut outbox = Outbox::default();
    let message = binary(Payload::Shared(payload.clone()), true);
    connection.send_message(message, &mut outbox).unwrap();
    assert_eq!(outbox.copied.len(), 10);
    assert_eq!(outbox.shared.len(), 1);
    assert_eq!(outbox.shared[0].as_ptr(), payload.as_ptr());
}

#[test]
fn client_leaves_shared_bytes_as_they_are() {
    let payload = Bytes::from(vec![7; 2000]);
    let mut connection = Connection::new(Role::Client, std::sync::Arc::default());
    let mut outbox = Outbox { key: MaskingKey([1, 2, 3, 4]), ..Outbox::default() };
    let message = binary(Payload::Shared(payload.clone()), true);
    connection.send_message(message, &mut outbox).unwrap();
    assert_eq!(payload, vec![7; 2000]);
    assert!(outbox.shared.is_empty());
    assert_eq!(Peer::server().feed(&outbox.copied), [Seen::Binary(payload.to_vec())]);
}

#[test]
fn a_key_of_zeros_stands_in_the_frame_and_costs_no_copy() {
    let payload = Bytes::from(vec![7; 100_000]);
    let mut connection = Connection::new(Role::Client, std::sync::Arc::default());
    let mut outbox = Outbox::default();
    let message = binary(Payload::Shared(payload.clone()), true);
    connection.send_message(message, &mut outbox).unwrap();
    assert_eq!(
        outbox.copied,
        [&[FIN_BINARY, 0xff, 0, 0, 0, 0, 0, 1, 0x86, 0xa0][..], &[0; 4]].concat()
    );
    assert_eq!(outbox.shared[0].as_ptr(), payload.as_ptr());
    connection.send_message(binary(Payload::Slice(b"ab"), true), &mut outbox).unwrap();
    assert_eq!(outbox.copied[14..], [FIN_BINARY, 0x82, 0, 0, 0, 0, b'a', b'b']);
}
