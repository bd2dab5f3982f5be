//! Limits are compared with what a header declares, and memory grows with what came.

use std::borrow::Cow;
use std::ptr;
use std::sync::Arc;

use offloop_protocol::{Config, Connection, Error, Event, Role};

use crate::support::{
    BINARY, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, PING, Peer, Recorder, Seen, TEXT,
    header, masked, sees,
};

fn limits(max_message_bytes: u64, max_fragments: u32) -> Config {
    Config { max_message_bytes, max_fragments, ..Config::default() }
}

fn server_with(max_message_bytes: u64, max_fragments: u32) -> Peer {
    Peer::new(Role::Server, &limits(max_message_bytes, max_fragments))
}

#[test]
fn takes_a_message_of_the_limit_and_refuses_one_byte_more() {
    for limit in [1_u64, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let length = usize::try_from(limit).unwrap();
        let payload = vec![b'x'; length];
        let config = limits(limit, 0);
        // No byte of the refused payload, not even the masking key, is waited for.
        let refused = header(FIN_BINARY, 0x80, limit + 1);
        let wire = [masked(FIN_BINARY, &payload), refused].concat();
        let expected = [Seen::Binary(payload), Seen::Failed(Error::MessageTooLong)];
        assert_eq!(sees(Role::Server, &config, &wire), expected);
    }
}

#[test]
fn counts_the_fragments_of_a_message_together() {
    let wire = [
        masked(TEXT, b"12345"),
        masked(PING, b"not counted"),
        masked(FIN_CONTINUATION, b"67890"),
        masked(TEXT, b"1234567890"),
        masked(CONTINUATION, b""),
        header(CONTINUATION, 0x80, 1),
    ];
    let expected = [
        Seen::Ping(b"not counted".into()),
        Seen::Text(b"1234567890".into()),
        Seen::Failed(Error::MessageTooLong),
    ];
    assert_eq!(sees(Role::Server, &limits(10, 0), &wire.concat()), expected);
}

#[test]
fn takes_as_many_fragments_as_allowed_and_refuses_one_more() {
    let wire = [
        masked(TEXT, b"a"),
        masked(CONTINUATION, b"b"),
        masked(FIN_CONTINUATION, b"c"),
        masked(TEXT, b""),
        masked(CONTINUATION, b""),
        masked(CONTINUATION, b""),
        masked(FIN_CONTINUATION, b""),
    ];
    let expected = [Seen::Text(b"abc".into()), Seen::Failed(Error::TooManyFragments)];
    assert_eq!(sees(Role::Server, &limits(0, 3), &wire.concat()), expected);
}

#[test]
fn zero_is_no_limit() {
    let mut server = server_with(0, 0);
    assert_eq!(server.feed(&masked(TEXT, b"")), []);
    for _ in 0..20_000 {
        assert_eq!(server.feed(&masked(CONTINUATION, b"x")), []);
    }
    assert_eq!(server.feed(&masked(FIN_CONTINUATION, b"")), [Seen::Text(vec![b'x'; 20_000])]);
}

#[test]
fn default_limits_are_those_of_ws() {
    let mut server = Peer::server();
    let refused = header(FIN_BINARY, 0x80, 100 * 1024 * 1024 + 1);
    assert_eq!(server.feed(&refused), [Seen::Failed(Error::MessageTooLong)]);

    let mut server = Peer::server();
    assert_eq!(server.feed(&masked(TEXT, b"")), []);
    assert_eq!(server.feed(&masked(CONTINUATION, b"").repeat(16_383)), []);
    let one_more = masked(CONTINUATION, b"");
    assert_eq!(server.feed(&one_more), [Seen::Failed(Error::TooManyFragments)]);
}

#[test]
fn refuses_lengths_that_javascript_cannot_count() {
    for length in [1 << 53, 1 << 63, u64::MAX] {
        let refused = header(FIN_BINARY, 0x80, length);
        // It is judged before the limit, as in ws.
        for config in [limits(0, 0), limits(1, 0)] {
            let expected = [Seen::Failed(Error::UnsupportedPayloadLength)];
            assert_eq!(sees(Role::Server, &config, &refused), expected);
        }
    }
    let mut server = server_with(0, 0);
    assert_eq!(server.feed(&header(FIN_BINARY, 0x80, (1 << 53) - 1)), []);
    assert!(!server.connection.is_failed());
}

#[test]
fn sum_of_declared_lengths_cannot_overflow() {
    let mut server = server_with(0, 0);
    for first in [BINARY, CONTINUATION] {
        assert_eq!(server.feed(&masked(first, b"x")), []);
    }
    let huge = [&header(CONTINUATION, 0x80, (1 << 53) - 1)[..], &[0; 4], b"some"].concat();
    assert_eq!(server.feed(&huge), []);
    assert!(!server.connection.is_failed());
}

#[test]
fn message_in_one_read_is_borrowed_from_it() {
    let mut input = [masked(FIN_TEXT, b"one"), masked(FIN_BINARY, &[7; 300])].concat();
    let (start, end) = (input.as_ptr(), input.as_ptr_range().end);
    let mut connection = Connection::new(Role::Server, Arc::default());
    let mut count = 0;
    connection.handle_input(&mut input, &mut Recorder::default(), &mut |event| {
        if let Event::Message { payload, .. } = event {
            assert!(matches!(payload, Cow::Borrowed(_)));
            assert!(payload.as_ptr() >= start && payload.as_ptr_range().end <= end);
            count += 1;
        }
    });
    assert_eq!(count, 2);
}

#[test]
fn message_behind_a_header_in_an_earlier_read_is_borrowed_too() {
    let (head, mut payload) = (header(FIN_TEXT, 0x80, 4), *b"data");
    let mut connection = Connection::new(Role::Server, Arc::default());
    let mut host = Recorder::default();
    let mut head = [&head[..], &[0; 4]].concat();
    connection.handle_input(&mut head, &mut host, &mut |_| {});
    let place: *const u8 = payload.as_ptr();
    let mut same_place = false;
    connection.handle_input(&mut payload, &mut host, &mut |event| {
        if let Event::Message { payload, .. } = event {
            same_place = ptr::eq(payload.as_ptr(), place);
        }
    });
    assert!(same_place);
}

#[test]
fn assembled_message_holds_no_spare_memory_when_its_end_comes_late() {
    let mut connection = Connection::new(Role::Server, Arc::default());
    let mut host = Recorder::default();
    let mut wire = masked(FIN_BINARY, &[7; 10_000]);
    let mut sizes = None;
    for piece in wire.chunks_mut(6_000) {
        connection.handle_input(piece, &mut host, &mut |event| {
            if let Event::Message { payload, .. } = event {
                let payload = payload.into_owned();
                sizes = Some((payload.len(), payload.capacity()));
            }
        });
    }
    assert_eq!(sizes, Some((10_000, 10_000)));
}

#[test]
fn idle_connection_is_small() {
    assert!(size_of::<Connection>() <= 152, "{} bytes", size_of::<Connection>());
}
