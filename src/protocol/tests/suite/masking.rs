//! Who masks, and who does not, over every kind of frame. RFC 6455, sections 5.1 to 5.3.

use std::collections::HashSet;

use offloop_protocol::{CloseCode, MessageKind, Outgoing, Payload};

use crate::support::{
    CLOSE, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, PING, PONG, Peer, Seen, TEXT,
};

/// Sends one frame of every kind and returns what each of them put on the wire.
fn one_of_each(peer: &mut Peer) -> Vec<Vec<u8>> {
    let message = |kind, fin| {
        let payload = Payload::Slice(b"payload");
        Outgoing { kind, fin, compress: false, payload }
    };
    let Peer { connection, host, .. } = peer;
    let mut frames = Vec::new();
    for (kind, fin) in [
        (MessageKind::Text, true),
        (MessageKind::Binary, true),
        (MessageKind::Text, false),
        (MessageKind::Text, false),
        (MessageKind::Text, true),
    ] {
        connection.send_message(message(kind, fin), host).unwrap();
        frames.push(std::mem::take(&mut host.wire));
    }
    connection.send_ping(b"payload", host).unwrap();
    frames.push(std::mem::take(&mut host.wire));
    connection.send_pong(b"payload", host).unwrap();
    frames.push(std::mem::take(&mut host.wire));
    connection.send_close(Some(CloseCode::NORMAL), b"why", host).unwrap();
    frames.push(std::mem::take(&mut host.wire));
    frames
}

const FIRST_BYTES: [u8; 8] =
    [FIN_TEXT, FIN_BINARY, TEXT, CONTINUATION, FIN_CONTINUATION, PING, PONG, CLOSE];

#[test]
fn client_masks_every_kind_of_frame_each_with_a_fresh_key() {
    let frames = one_of_each(&mut Peer::client());
    let mut keys = HashSet::new();
    for (frame, first) in frames.iter().zip(FIRST_BYTES) {
        let (body, length) =
            if first == CLOSE { (&b"\x03\xe8why"[..], 5) } else { (&b"payload"[..], 7) };
        assert_eq!(frame[..2], [first, 0x80 | length]);
        let key = &frame[2..6];
        let unmasked: Vec<_> =
            frame[6..].iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b).collect();
        assert_eq!(unmasked, body);
        keys.insert(key.to_vec());
    }
    assert_eq!((frames.len(), keys.len()), (8, 8));
    assert_eq!(
        Peer::server().feed(&frames.concat()).last(),
        Some(&Seen::Close(1000, b"why".into()))
    );
}

#[test]
fn client_masks_the_pong_that_goes_out_by_itself() {
    let mut client = Peer::client();
    client.feed(&[PING, 2, b'h', b'i']);
    assert_eq!(client.host.wire[..2], [PONG, 0x80 | 2]);
    assert_eq!(Peer::server().feed(&client.host.wire), [Seen::Pong(b"hi".into())]);
}

#[test]
fn server_masks_no_kind_of_frame() {
    let frames = one_of_each(&mut Peer::server());
    for (frame, first) in frames.iter().zip(FIRST_BYTES) {
        let body = if first == CLOSE { &b"\x03\xe8why"[..] } else { &b"payload"[..] };
        let length = if first == CLOSE { 5 } else { 7 };
        assert_eq!(*frame, [&[first, length], body].concat());
    }
    assert_eq!(frames.len(), 8);
}
