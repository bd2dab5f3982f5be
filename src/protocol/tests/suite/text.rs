//! Text is UTF-8, judged while it comes. RFC 6455, sections 5.6 and 8.1.

use offloop_protocol::{Config, Error, Role};

use crate::support::{
    CLOSE, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, Peer, Seen, TEXT, close_body,
    header, masked, sees, server_sees,
};

const VALID: &[&[u8]] = &[
    b"",
    b"ascii only",
    b"\0",
    b"\x7f\xc2\x80",
    b"\xdf\xbf\xe0\xa0\x80",
    b"\xed\x9f\xbf\xee\x80\x80",
    b"\xef\xbf\xbd\xef\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf4\x8f\xbf\xbf",
    "κόσμε".as_bytes(),
    "Hello-µ@ßöäüàá-UTF-8!!".as_bytes(),
    "\u{feff}中文 and \u{1f980}\u{200d}\u{1f980}".as_bytes(),
];

/// Each with the length of the shortest front that no continuation can make valid.
const INVALID: &[(&[u8], usize)] = &[
    (b"\x80", 1),
    (b"\xbf\x80", 1),
    (b"ok\xc0\x80", 3),
    (b"\xc1\xbf", 1),
    (b"\xe0\x80\x80", 2),
    (b"\xe0\x9f\xbf", 2),
    (b"\xf0\x80\x80\x80", 2),
    (b"\xf0\x8f\xbf\xbf", 2),
    (b"\xed\xa0\x80", 2),
    (b"\xed\xbf\xbf", 2),
    (b"\xf4\x90\x80\x80", 2),
    (b"\xf5\x80\x80\x80", 1),
    (b"\xf8\x88\x80\x80\x80", 1),
    (b"\xfe", 1),
    (b"\xff", 1),
    (b"\xc2a", 2),
    (b"\xe4\xb8a", 3),
    (b"\xf0\x9f\xa6a", 4),
    (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited", 13),
    (b"0123456789012345678901234567890123456789012345678901234567890123456789\xffabc", 71),
];

/// Fronts of characters: fine so far, but no end of a text.
const TRUNCATED: &[&[u8]] =
    &[b"\xc2", b"\xe4", b"\xe4\xb8", b"\xf0", b"\xf0\x9f", b"\xf0\x9f\xa6", b"text \xf0\x9f\xa6"];

#[test]
fn reads_valid_text_in_one_frame_and_cut_in_two_everywhere() {
    for &text in VALID {
        assert_eq!(server_sees(&masked(FIN_TEXT, text)), [Seen::Text(text.into())]);
        for cut in 0..=text.len() {
            let wire = [masked(TEXT, &text[..cut]), masked(FIN_CONTINUATION, &text[cut..])];
            assert_eq!(server_sees(&wire.concat()), [Seen::Text(text.into())]);
        }
    }
}

#[test]
fn reads_valid_text_of_one_byte_fragments() {
    for &text in VALID {
        let mut wire = masked(TEXT, b"");
        for byte in text {
            wire.extend(masked(CONTINUATION, &[*byte]));
        }
        wire.extend(masked(FIN_CONTINUATION, b""));
        assert_eq!(server_sees(&wire), [Seen::Text(text.into())]);
    }
}

#[test]
fn rejects_invalid_text_in_one_frame_and_cut_in_two_everywhere() {
    for &(text, _) in INVALID {
        assert_eq!(server_sees(&masked(FIN_TEXT, text)), [Seen::Failed(Error::InvalidUtf8)]);
        for cut in 0..=text.len() {
            let wire = [masked(TEXT, &text[..cut]), masked(FIN_CONTINUATION, &text[cut..])];
            assert_eq!(server_sees(&wire.concat()), [Seen::Failed(Error::InvalidUtf8)]);
        }
    }
}

#[test]
fn fails_with_the_first_byte_that_cannot_be_right() {
    for &(text, bad) in INVALID {
        let mut server = Peer::server();
        let wire = masked(FIN_TEXT, &[text, b" and more that never comes"].concat());
        let head = wire.len() - text.len() - 26;
        assert_eq!(server.feed(&wire[..head + bad - 1]), [], "{text:02x?}");
        assert_eq!(
            server.feed(&wire[head + bad - 1..head + bad]),
            [Seen::Failed(Error::InvalidUtf8)],
            "{text:02x?}"
        );
    }
}

#[test]
fn rejects_text_that_ends_inside_a_character() {
    for &text in TRUNCATED {
        assert_eq!(server_sees(&masked(FIN_TEXT, text)), [Seen::Failed(Error::InvalidUtf8)]);
        let mut server = Peer::server();
        assert_eq!(server.feed(&masked(TEXT, text)), []);
        let end = masked(FIN_CONTINUATION, b"");
        assert_eq!(server.feed(&end), [Seen::Failed(Error::InvalidUtf8)]);
    }
}

#[test]
fn an_unfinished_character_does_not_spill_into_the_next_message() {
    let crab = "\u{1f980}".as_bytes();
    let wire = [
        masked(TEXT, &crab[..2]),
        masked(FIN_CONTINUATION, &crab[2..]),
        masked(FIN_BINARY, &crab[2..]),
        masked(FIN_TEXT, crab),
    ];
    let expected =
        [Seen::Text(crab.into()), Seen::Binary(crab[2..].into()), Seen::Text(crab.into())];
    assert_eq!(server_sees(&wire.concat()), expected);
}

#[test]
fn binary_is_not_judged() {
    for &(bytes, _) in INVALID {
        assert_eq!(server_sees(&masked(FIN_BINARY, bytes)), [Seen::Binary(bytes.into())]);
    }
}

#[test]
fn skip_utf8_validation_takes_text_and_reasons_as_they_are() {
    let config = Config { skip_utf8_validation: true, ..Config::default() };
    for &bytes in INVALID.iter().map(|(text, _)| text).chain(TRUNCATED) {
        let wire = masked(FIN_TEXT, bytes).repeat(2);
        let expected = [Seen::Text(bytes.into()), Seen::Text(bytes.into())];
        assert_eq!(sees(Role::Server, &config, &wire), expected);
    }
    let close = masked(CLOSE, &close_body(1000, b"\xff"));
    assert_eq!(sees(Role::Server, &config, &close), [Seen::Close(1000, b"\xff".into())]);
}

#[test]
fn invalid_text_is_found_before_the_rest_of_a_long_frame() {
    let mut server = Peer::server();
    let start = [&header(FIN_TEXT, 0x80, 1 << 20)[..], &[0; 4], b"good \xff"].concat();
    assert_eq!(server.feed(&start), [Seen::Failed(Error::InvalidUtf8)]);
}
