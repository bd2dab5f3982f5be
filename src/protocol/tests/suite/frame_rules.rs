//! What a frame header may say. RFC 6455, sections 5.1, 5.2, 5.4 and 5.5.
//! The order of judging is that of `ws`, so that a frame with two faults gets the same code.

use offloop_protocol::Error;

use crate::support::{
    BINARY, CLOSE, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, PING, PONG, Peer, Seen,
    TEXT, client_sees, header, masked, server_sees, unmasked,
};

/// A server fails with `error` as soon as it has `start`, which is the front of a header.
fn server_refuses(start: &[u8], error: Error) {
    assert_eq!(server_sees(start), [Seen::Failed(error)], "{start:02x?}");
}

#[test]
fn rejects_unmasked_frame_from_client() {
    for first in [FIN_TEXT, FIN_BINARY, TEXT, PING, PONG, CLOSE] {
        server_refuses(&[first, 5], Error::ExpectedMask);
    }
}

#[test]
fn rejects_masked_frame_from_server() {
    for first in [FIN_TEXT, FIN_BINARY, TEXT, PING, PONG, CLOSE] {
        assert_eq!(client_sees(&[first, 0x85]), [Seen::Failed(Error::UnexpectedMask)]);
    }
}

#[test]
fn rejects_reserved_bits_without_an_extension() {
    for first in [FIN_TEXT, FIN_BINARY, TEXT, PING, PONG, CLOSE, CONTINUATION] {
        server_refuses(&[first | 0x40, 0x80], Error::UnexpectedRsv1);
        for bits in [0x10, 0x20, 0x30, 0x50, 0x60, 0x70] {
            server_refuses(&[first | bits, 0x80], Error::UnexpectedRsv23);
        }
    }
}

#[test]
fn rejects_reserved_opcodes_whatever_the_length() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for length in [0x80, 0x85, 0xfe, 0xff] {
            server_refuses(&[0x80 | opcode, length], Error::InvalidOpcode(opcode));
            server_refuses(&[opcode, length], Error::InvalidOpcode(opcode));
        }
    }
}

#[test]
fn rejects_continuation_without_a_beginning() {
    server_refuses(&[FIN_CONTINUATION, 0x80], Error::InvalidOpcode(0));
    server_refuses(&[CONTINUATION, 0x80], Error::InvalidOpcode(0));
    let after_a_whole_message = [masked(FIN_TEXT, b"a"), masked(FIN_CONTINUATION, b"b")].concat();
    assert_eq!(
        server_sees(&after_a_whole_message),
        [Seen::Text(b"a".into()), Seen::Failed(Error::InvalidOpcode(0))]
    );
}

#[test]
fn rejects_new_message_inside_a_fragmented_one() {
    for (first, opcode) in [(FIN_TEXT, 1), (TEXT, 1), (FIN_BINARY, 2), (BINARY, 2)] {
        for begin in [TEXT, BINARY] {
            let wire = [masked(begin, b"a"), masked(first, b"b")].concat();
            server_refuses(&wire, Error::InvalidOpcode(opcode));
        }
    }
}

#[test]
fn rejects_fragmented_control_frame() {
    for first in [CLOSE, PING, PONG] {
        server_refuses(&[first & 0x7f, 0x80], Error::ExpectedFin);
    }
}

#[test]
fn rejects_control_frame_longer_than_125_bytes() {
    for first in [CLOSE, PING, PONG] {
        server_refuses(&[first, 0xfe], Error::InvalidControlPayloadLength(126));
        server_refuses(&[first, 0xff], Error::InvalidControlPayloadLength(127));
    }
    server_refuses(&[CLOSE, 0x81], Error::InvalidControlPayloadLength(1));
}

#[test]
fn first_fault_in_the_order_of_ws_counts() {
    server_refuses(&[0x70 | PING, 0x7f], Error::UnexpectedRsv23);
    server_refuses(&[0x40 | 0x0f, 0x7f], Error::UnexpectedRsv1);
    server_refuses(&[PING & 0x7f, 0x7f], Error::ExpectedFin);
    server_refuses(&[PING, 0x7f], Error::InvalidControlPayloadLength(127));
    server_refuses(&[PING, 0x7d], Error::ExpectedMask);
}

#[test]
fn reads_control_frames_of_every_length() {
    for length in 0..=125 {
        let payload = vec![b'p'; length];
        assert_eq!(server_sees(&masked(PING, &payload)), [Seen::Ping(payload.clone())]);
        assert_eq!(server_sees(&masked(PONG, &payload)), [Seen::Pong(payload.clone())]);
        assert_eq!(client_sees(&unmasked(PONG, &payload)), [Seen::Pong(payload)]);
    }
}

#[test]
fn reads_control_frames_between_fragments() {
    let wire = [
        masked(TEXT, b"a"),
        masked(PING, b"1"),
        masked(CONTINUATION, b""),
        masked(PONG, b"2"),
        masked(FIN_CONTINUATION, b"b"),
    ]
    .concat();
    let expected = [Seen::Ping(b"1".into()), Seen::Pong(b"2".into()), Seen::Text(b"ab".into())];
    assert_eq!(server_sees(&wire), expected);
}

#[test]
fn reads_lengths_in_longer_form_than_needed() {
    for payload in [&b""[..], b"abc", &[b'x'; 126]] {
        let short = u16::try_from(payload.len()).unwrap().to_be_bytes();
        let long = (payload.len() as u64).to_be_bytes();
        for head in
            [[&[FIN_TEXT, 126], &short[..]].concat(), [&[FIN_TEXT, 127], &long[..]].concat()]
        {
            let wire = [&head, payload, &unmasked(FIN_BINARY, b"next")].concat();
            let expected = [Seen::Text(payload.into()), Seen::Binary(b"next".into())];
            assert_eq!(client_sees(&wire), expected);
        }
    }
}

#[test]
fn reads_payload_masked_with_a_key_of_zeros() {
    let wire = [&header(FIN_TEXT, 0x80, 2)[..], &[0; 4], b"hi"].concat();
    assert_eq!(server_sees(&wire), [Seen::Text(b"hi".into())]);
}

#[test]
fn ignores_everything_after_a_failure() {
    let mut server = Peer::server();
    let wire = [vec![0x83, 0x80], masked(FIN_TEXT, b"late")].concat();
    assert_eq!(server.feed(&wire), [Seen::Failed(Error::InvalidOpcode(3))]);
    assert!(server.connection.is_failed());
    assert_eq!(server.feed(&masked(FIN_TEXT, b"later")), []);
    assert_eq!(server.feed(&masked(PING, b"still there?")), []);
    assert_eq!(server.host.wire, []);
}
