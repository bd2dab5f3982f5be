//! The closing handshake from both sides, and pings around it. RFC 6455, sections 5.5 and 7.

use offloop_protocol::{CloseCode, Config, Error, MessageKind, Outgoing, Payload, Role};

use crate::support::{
    CLOSE, FIN_TEXT, PING, PONG, Peer, Seen, TEXT, close_body, masked, server_sees, unmasked,
};

fn text(payload: &[u8]) -> Outgoing<'_> {
    Outgoing {
        kind: MessageKind::Text,
        fin: true,
        compress: false,
        payload: Payload::Slice(payload),
    }
}

/// Whether the RFC and the registry let a code stand in a close frame.
fn may_stand_in_a_frame(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[test]
fn close_codes_are_taken_exactly_if_they_may_travel() {
    for code in 0..=u16::MAX {
        let seen = server_sees(&masked(CLOSE, &close_body(code, b"")));
        if may_stand_in_a_frame(code) {
            assert_eq!(seen, [Seen::Close(code, vec![])]);
        } else {
            assert_eq!(seen, [Seen::Failed(Error::InvalidCloseCode(code))]);
        }
    }
}

#[test]
fn close_codes_are_sent_exactly_if_they_may_travel() {
    for code in 0..=u16::MAX {
        let mut server = Peer::server();
        if may_stand_in_a_frame(code) {
            assert_eq!(server.close(code), Ok(()));
            assert_eq!(server.host.wire, unmasked(CLOSE, &close_body(code, b"")));
        } else {
            assert_eq!(server.close(code), Err(Error::UnsendableCloseCode(code)));
            assert!(!server.connection.is_close_sent());
            assert_eq!(server.host.wire, []);
        }
    }
}

#[test]
fn close_without_a_body_is_1005() {
    assert_eq!(server_sees(&masked(CLOSE, b"")), [Seen::Close(1005, vec![])]);
    let mut server = Peer::server();
    server.connection.send_close(None, b"ignored", &mut server.host).unwrap();
    assert_eq!(server.host.wire, [CLOSE, 0]);
}

#[test]
fn close_reason_has_at_most_123_bytes() {
    let longest = [b'r'; 123];
    let body = close_body(1000, &longest);
    assert_eq!(server_sees(&masked(CLOSE, &body)), [Seen::Close(1000, longest.into())]);

    let mut server = Peer::server();
    let (connection, host) = (&mut server.connection, &mut server.host);
    let too_long = connection.send_close(Some(CloseCode::NORMAL), &[b'r'; 124], host);
    assert_eq!(too_long, Err(Error::CloseReasonTooLong));
    assert!(!connection.is_close_sent());
    connection.send_close(Some(CloseCode::NORMAL), &longest, host).unwrap();
    assert_eq!(host.wire, unmasked(CLOSE, &body));
}

#[test]
fn rejects_close_reason_that_is_not_utf8() {
    for reason in [&b"\xff"[..], b"\xed\xa0\x80", b"cut \xe6\xb0"] {
        let seen = server_sees(&masked(CLOSE, &close_body(1000, reason)));
        assert_eq!(seen, [Seen::Failed(Error::InvalidUtf8)]);
    }
}

#[test]
fn close_is_left_to_the_layer_above_to_answer() {
    let mut server = Peer::server();
    server.feed(&masked(CLOSE, &close_body(1001, b"bye")));
    assert_eq!(server.host.wire, []);
    assert!(server.connection.is_close_received());
    assert!(!server.connection.is_close_sent());
    // Replies to earlier messages may still go out in front of the answer.
    server.connection.send_message(text(b"reply"), &mut server.host).unwrap();
    server.close(1001).unwrap();
    let expected = [unmasked(FIN_TEXT, b"reply"), unmasked(CLOSE, &close_body(1001, b""))];
    assert_eq!(server.host.wire, expected.concat());
    assert!(server.connection.is_close_sent());
}

#[test]
fn handshake_begun_here_ends_with_the_answer() {
    let (mut server, mut client) = (Peer::server(), Peer::client());
    server.close(1000).unwrap();
    assert!(!server.connection.is_close_received());
    assert_eq!(client.feed(&server.host.wire), [Seen::Close(1000, vec![])]);
    client.close(1000).unwrap();
    assert_eq!(server.feed(&client.host.wire), [Seen::Close(1000, vec![])]);
    assert!(server.connection.is_close_sent() && server.connection.is_close_received());
    assert!(client.connection.is_close_sent() && client.connection.is_close_received());
}

#[test]
fn close_frames_may_cross() {
    let (mut server, mut client) = (Peer::server(), Peer::client());
    server.close(1001).unwrap();
    client.close(4000).unwrap();
    assert_eq!(server.feed(&client.host.wire), [Seen::Close(4000, vec![])]);
    assert_eq!(client.feed(&server.host.wire), [Seen::Close(1001, vec![])]);
}

#[test]
fn nothing_is_sent_after_the_close_frame() {
    let mut server = Peer::server();
    server.close(1000).unwrap();
    let sent = server.host.wire.clone();
    let (connection, host) = (&mut server.connection, &mut server.host);
    assert_eq!(connection.send_message(text(b"late"), host), Err(Error::CloseAlreadySent));
    assert_eq!(connection.send_ping(b"", host), Err(Error::CloseAlreadySent));
    assert_eq!(connection.send_pong(b"", host), Err(Error::CloseAlreadySent));
    assert_eq!(connection.send_close(None, b"", host), Err(Error::CloseAlreadySent));
    assert_eq!(host.wire, sent);
}

#[test]
fn messages_are_received_until_the_peers_close_and_not_after() {
    let mut server = Peer::server();
    server.close(1000).unwrap();
    assert_eq!(server.feed(&masked(FIN_TEXT, b"on its way")), [Seen::Text(b"on its way".into())]);
    let wire = [masked(CLOSE, b""), masked(FIN_TEXT, b"late"), vec![0xff; 20]].concat();
    assert_eq!(server.feed(&wire), [Seen::Close(1005, vec![])]);
    assert_eq!(server.feed(&masked(CLOSE, b"")), []);
    assert!(!server.connection.is_failed());
}

#[test]
fn close_may_come_inside_a_fragmented_message() {
    let wire = [masked(TEXT, b"never ended"), masked(CLOSE, b"")].concat();
    assert_eq!(server_sees(&wire), [Seen::Close(1005, vec![])]);
}

#[test]
fn a_failed_connection_still_sends_its_close_frame() {
    let mut server = Peer::server();
    server.feed(&[0x83, 0x80]);
    assert!(server.connection.is_failed() && !server.connection.is_close_received());
    server.close(Error::InvalidOpcode(3).close_code().0).unwrap();
    assert_eq!(server.host.wire, unmasked(CLOSE, &close_body(1002, b"")));
}

#[test]
fn ping_is_answered_at_once_with_its_payload() {
    let mut server = Peer::server();
    server.feed(&[masked(PING, b"1"), masked(TEXT, b"a"), masked(PING, b"")].concat());
    assert_eq!(server.host.wire, [unmasked(PONG, b"1"), unmasked(PONG, b"")].concat());

    let mut client = Peer::client();
    client.feed(&unmasked(PING, &[b'p'; 125]));
    let pong = client.host.wire;
    assert_eq!(pong[..2], [PONG, 0x80 | 0x7d]);
    assert_eq!(server.feed(&pong), [Seen::Pong(vec![b'p'; 125])]);
}

#[test]
fn ping_is_not_answered_after_our_close_frame_nor_without_auto_pong() {
    let mut server = Peer::server();
    server.close(1000).unwrap();
    let sent = server.host.wire.clone();
    assert_eq!(server.feed(&masked(PING, b"?")), [Seen::Ping(b"?".into())]);
    assert_eq!(server.host.wire, sent);

    let silent = Config { auto_pong: false, ..Config::default() };
    let mut server = Peer::new(Role::Server, &silent);
    assert_eq!(server.feed(&masked(PING, b"?")), [Seen::Ping(b"?".into())]);
    assert_eq!(server.host.wire, []);
}

#[test]
fn pongs_that_the_transport_takes_are_without_limit() {
    let mut server = Peer::server();
    assert_eq!(server.feed(&masked(PING, b"p").repeat(1000)).len(), 1000);
    assert_eq!(server.host.wire, unmasked(PONG, b"p").repeat(1000));
}

#[test]
fn peer_that_pings_and_takes_no_pongs_is_dropped() {
    let mut server = Peer::server();
    server.host.stuck = true;
    assert_eq!(server.feed(&masked(PING, b"").repeat(60)).len(), 60);
    let seen = server.feed(&masked(PING, b"").repeat(2));
    assert_eq!(seen, [Seen::Ping(vec![]), Seen::Failed(Error::TooManyPendingPongs)]);
    assert_eq!(Error::TooManyPendingPongs.close_code(), CloseCode::ABNORMAL);
    assert_eq!(server.host.wire, unmasked(PONG, b"").repeat(60));

    let unlimited = Config { max_pending_auto_pongs: 0, ..Config::default() };
    let mut server = Peer::new(Role::Server, &unlimited);
    server.host.stuck = true;
    assert_eq!(server.feed(&masked(PING, b"").repeat(100)).len(), 100);
}
