//! However the transport cuts the bytes, the events are the same.

use offloop_protocol::{Config, Error, Role};

use crate::support::{
    BINARY, CLOSE, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, PING, PONG, Seen, TEXT,
    close_body, header, masked, outcome, sees, unmasked,
};

/// Byte 0 and the payload.
type Frame<'a> = (u8, &'a [u8]);

/// Feeds `wire` in every way that [`sees`] knows and, if it is short, at every cut in three.
fn same_for_every_split(role: Role, config: &Config, wire: &[u8], expected: &[Seen]) {
    assert_eq!(sees(role, config, wire), expected, "{wire:02x?}");
    if wire.len() > 40 {
        return;
    }
    let whole = outcome(role, config, wire, &[]);
    for first in 0..=wire.len() {
        for second in first..=wire.len() {
            assert_eq!(outcome(role, config, wire, &[first, second]), whole);
        }
    }
}

/// The same frames for a server, masked, and for a client, unmasked.
fn both_roles(config: &Config, frames: &[Frame<'_>], expected: &[Seen]) {
    let wire: Vec<_> = frames.iter().flat_map(|(first, body)| masked(*first, body)).collect();
    same_for_every_split(Role::Server, config, &wire, expected);
    let wire: Vec<_> = frames.iter().flat_map(|(first, body)| unmasked(*first, body)).collect();
    same_for_every_split(Role::Client, config, &wire, expected);
}

#[test]
fn messages_of_every_length_form() {
    for length in [0, 1, 2, 7, 8, 9, 125, 126, 127, 300] {
        let payload = vec![b'x'; length];
        let frames: [Frame<'_>; 2] = [(FIN_TEXT, &payload), (FIN_BINARY, &payload)];
        let expected = [Seen::Text(payload.clone()), Seen::Binary(payload.clone())];
        both_roles(&Config::default(), &frames, &expected);
    }
}

#[test]
fn a_message_longer_than_64_kib() {
    let payload: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let wire = masked(FIN_BINARY, &payload);
    let whole = outcome(Role::Server, &Config::default(), &wire, &[]);
    assert_eq!(whole.seen, [Seen::Binary(payload)]);
    for size in [1, 3, 4, 13, 14, 1000, 65_536] {
        let cuts: Vec<_> = (size..wire.len()).step_by(size).collect();
        assert_eq!(outcome(Role::Server, &Config::default(), &wire, &cuts), whole);
    }
    for cut in 0..20 {
        assert_eq!(outcome(Role::Server, &Config::default(), &wire, &[cut]), whole);
    }
}

#[test]
fn fragments_with_control_frames_between() {
    let frames: [Frame<'_>; 7] = [
        (TEXT, "zß".as_bytes()),
        (PING, b"1"),
        (CONTINUATION, "水".as_bytes().split_at(1).0),
        (PONG, b""),
        (FIN_CONTINUATION, "水".as_bytes().split_at(1).1),
        (FIN_BINARY, b"\xff"),
        (CLOSE, &close_body(1000, b"bye")),
    ];
    let expected = [
        Seen::Ping(b"1".into()),
        Seen::Pong(b"".into()),
        Seen::Text("zß水".into()),
        Seen::Binary(b"\xff".into()),
        Seen::Close(1000, b"bye".into()),
    ];
    both_roles(&Config::default(), &frames, &expected);
}

#[test]
fn text_with_characters_of_every_length() {
    let text = "a\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}".as_bytes();
    both_roles(&Config::default(), &[(FIN_TEXT, text)], &[Seen::Text(text.into())]);
    let cut = text.split_at(4);
    let frames: [Frame<'_>; 2] = [(TEXT, cut.0), (FIN_CONTINUATION, cut.1)];
    both_roles(&Config::default(), &frames, &[Seen::Text(text.into())]);
}

#[test]
fn invalid_text() {
    let failed = [Seen::Failed(Error::InvalidUtf8)];
    for text in
        [&b"abc\xffdef"[..], b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"end \xe6\xb0", b"\xc3("]
    {
        both_roles(&Config::default(), &[(FIN_TEXT, text), (PING, b"")], &failed);
        let cut = text.split_at(2);
        let frames: [Frame<'_>; 2] = [(TEXT, cut.0), (FIN_CONTINUATION, cut.1)];
        both_roles(&Config::default(), &frames, &failed);
    }
}

#[test]
fn close_frames() {
    let cases: [(Vec<u8>, Seen); 5] = [
        (vec![], Seen::Close(1005, vec![])),
        (close_body(1000, b""), Seen::Close(1000, vec![])),
        (close_body(4999, "Grüße".as_bytes()), Seen::Close(4999, "Grüße".into())),
        (close_body(1005, b"no"), Seen::Failed(Error::InvalidCloseCode(1005))),
        (close_body(1000, b"\xff"), Seen::Failed(Error::InvalidUtf8)),
    ];
    for (body, expected) in cases {
        let frames: [Frame<'_>; 3] = [(FIN_TEXT, b"a"), (CLOSE, &body), (FIN_TEXT, b"late")];
        both_roles(&Config::default(), &frames, &[Seen::Text(b"a".into()), expected]);
    }
}

#[test]
fn headers_that_are_refused() {
    let mut cases: Vec<(Vec<u8>, Error)> = vec![
        (vec![0xc1, 0x80], Error::UnexpectedRsv1),
        (vec![0xa1, 0x80], Error::UnexpectedRsv23),
        (vec![0x83, 0x80], Error::InvalidOpcode(3)),
        (vec![0x80, 0x80], Error::InvalidOpcode(0)),
        (vec![0x09, 0x80], Error::ExpectedFin),
        (vec![0x89, 0xfe, 0, 126], Error::InvalidControlPayloadLength(126)),
        (vec![0x88, 0x81], Error::InvalidControlPayloadLength(1)),
        (vec![0x81, 0x01], Error::ExpectedMask),
    ];
    cases.push((header(FIN_BINARY, 0x80, 1 << 53), Error::UnsupportedPayloadLength));
    cases.push((header(FIN_BINARY, 0x80, 1 << 40), Error::MessageTooLong));
    for (start, error) in cases {
        let wire = [masked(FIN_TEXT, b"ok"), start, vec![0x5a; 9]].concat();
        let expected = [Seen::Text(b"ok".into()), Seen::Failed(error)];
        same_for_every_split(Role::Server, &Config::default(), &wire, &expected);
    }
}

#[test]
fn limits_on_size_and_fragments() {
    let config = Config { max_message_bytes: 4, max_fragments: 2, ..Config::default() };
    let cases: [(&[Frame<'_>], &[Seen]); 4] = [
        (&[(FIN_TEXT, b"four")], &[Seen::Text(b"four".into())]),
        (&[(FIN_TEXT, b"five!")], &[Seen::Failed(Error::MessageTooLong)]),
        (&[(TEXT, b"abc"), (FIN_CONTINUATION, b"de")], &[Seen::Failed(Error::MessageTooLong)]),
        (
            &[(BINARY, b"a"), (CONTINUATION, b"b"), (FIN_CONTINUATION, b"c")],
            &[Seen::Failed(Error::TooManyFragments)],
        ),
    ];
    for (frames, expected) in cases {
        both_roles(&config, frames, expected);
    }
}
