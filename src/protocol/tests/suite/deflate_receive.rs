//! Compressed messages received: RFC 7692's examples, and data that is none.

use offloop_protocol::deflate::DeflateFault;
use offloop_protocol::{Config, Error, Role};

use crate::support::{
    BINARY, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, PING, Peer, RSV1, Seen, TEXT,
    deflating, masked, unmasked,
};

/// Byte 0 and the payload.
type Frame<'a> = (u8, &'a [u8]);

/// Feeds the frames to both roles whole, byte by byte and cut in two everywhere, each time to a new
/// connection, which shares its host with the last one.
fn expect(config: &Config, frames: &[Frame<'_>], expected: &[Seen]) {
    for role in [Role::Server, Role::Client] {
        let build = if role == Role::Server { masked } else { unmasked };
        let wire: Vec<_> = frames.iter().flat_map(|(first, body)| build(*first, body)).collect();
        let every_byte: Vec<_> = (1..wire.len()).collect();
        let mut splits = vec![vec![], every_byte];
        splits.extend((1..wire.len()).map(|cut| vec![cut]));
        let mut host = None;
        for cuts in splits {
            let mut peer = Peer::new(role, config);
            peer.host = host.take().unwrap_or_default();
            let mut start = 0;
            for &end in cuts.iter().chain([&wire.len()]) {
                peer.feed(&wire[start..end]);
                start = end;
            }
            assert_eq!(peer.seen, expected, "{role:?} cut at {cuts:?}");
            host = Some(peer.host);
        }
    }
}

const COMPRESSED: u8 = FIN_TEXT | RSV1;
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

fn text(text: &str) -> Seen {
    Seen::Text(text.into())
}

#[test]
fn reads_the_examples_of_rfc_7692() {
    let hello = [text("Hello")];
    for config in [deflating(true), deflating(false)] {
        // 7.2.3.1: a message compressed using one deflate block, and in two frames.
        expect(&config, &[(COMPRESSED, HELLO)], &hello);
        let frames = [(TEXT | RSV1, &HELLO[..3]), (FIN_CONTINUATION, &HELLO[3..])];
        expect(&config, &frames, &hello);
        // 7.2.3.3: a block with no compression.
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        expect(&config, &[(COMPRESSED, &stored)], &hello);
        // 7.2.3.4: a block with BFINAL set.
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        expect(&config, &[(COMPRESSED, &last)], &hello);
        // 7.2.3.5: two blocks in one message.
        let two = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        expect(&config, &[(COMPRESSED, &two)], &hello);
        // 7.2.3.6: an empty message.
        expect(&config, &[(COMPRESSED, &[0])], &[text("")]);
    }
}

#[test]
fn shares_the_window_between_messages_only_if_that_was_agreed_on() {
    // RFC 7692, 7.2.3.2: the second message refers to the first.
    let second: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
    let frames = [(COMPRESSED, HELLO), (PING, b"between"), (COMPRESSED, second)];
    let ping = Seen::Ping(b"between".to_vec());
    let both = [text("Hello"), ping.clone(), text("Hello")];
    expect(&deflating(false), &frames, &both);
    let fault = Error::InvalidDeflateData(DeflateFault::DistanceTooFar);
    let failed = [text("Hello"), ping, Seen::Failed(fault)];
    expect(&deflating(true), &frames, &failed);
}

#[test]
fn plain_messages_pass_between_compressed_ones() {
    let second: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
    let frames: [Frame<'_>; 5] = [
        (COMPRESSED, HELLO),
        (FIN_TEXT, b"plain"),
        (BINARY, b"in "),
        (FIN_CONTINUATION, b"two"),
        (COMPRESSED, second),
    ];
    let expected = [text("Hello"), text("plain"), Seen::Binary(b"in two".into()), text("Hello")];
    expect(&deflating(false), &frames, &expected);
}

#[test]
fn fragments_may_be_empty_and_have_control_frames_between() {
    let mut frames: Vec<Frame<'_>> = vec![(BINARY | RSV1, b"")];
    for byte in HELLO {
        frames.push((CONTINUATION, std::slice::from_ref(byte)));
        frames.push((PING, b""));
        frames.push((CONTINUATION, b""));
    }
    frames.push((FIN_CONTINUATION, b""));
    let mut expected = vec![Seen::Ping(vec![]); HELLO.len()];
    expected.push(Seen::Binary(b"Hello".into()));
    for config in [deflating(true), deflating(false)] {
        expect(&config, &frames, &expected);
    }
}

#[test]
fn blocks_may_follow_a_last_one_and_a_last_one_needs_nothing_behind_it() {
    let last: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let cases = [
        (last.to_vec(), "Hello"),
        ([last, HELLO].concat(), "HelloHello"),
        ([last, last, &[0]].concat(), "HelloHello"),
        (vec![], ""),
    ];
    for (payload, plain) in cases {
        for config in [deflating(true), deflating(false)] {
            let frames = [(COMPRESSED, &payload[..]), (COMPRESSED, HELLO)];
            expect(&config, &frames, &[text(plain), text("Hello")]);
        }
    }
}

#[test]
fn corrupt_data_fails_the_connection() {
    use DeflateFault::{BlockType, DistanceTooFar, StoredLengths, TooManySymbols, UnexpectedEnd};
    let cases: [(&[u8], _); 6] = [
        (&[0xff], BlockType),
        (&[0x00, 0x05, 0x00, 0xaa, 0xff], StoredLengths),
        (&[0xf2, 0x00, 0x11, 0x00, 0x00], DistanceTooFar),
        (&[0xed, 0xff, 0xff, 0xff], TooManySymbols),
        (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x06], UnexpectedEnd), // behind a good block
        (b"not compressed at all", BlockType),
    ];
    for (payload, fault) in cases {
        for config in [deflating(true), deflating(false)] {
            let failed = [Seen::Failed(Error::InvalidDeflateData(fault))];
            expect(&config, &[(COMPRESSED, payload), (PING, b"late")], &failed);
        }
    }
}

#[test]
fn a_message_that_stops_inside_a_block_fails_the_connection() {
    let failed = [Seen::Failed(Error::InvalidDeflateData(DeflateFault::UnexpectedEnd))];
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    // The first byte of a stored block is that of an empty message.
    for (whole, from) in [(HELLO, 1), (&stored, 2)] {
        for length in from..whole.len() {
            for config in [deflating(true), deflating(false)] {
                expect(&config, &[(FIN_BINARY | RSV1, &whole[..length])], &failed);
            }
        }
    }
}

#[test]
fn inflated_text_is_judged_at_once() {
    // "ab\xff" in a stored block of five bytes: its end is not waited for.
    let invalid = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x61, 0x62, 0xff];
    let mut server = Peer::new(Role::Server, &deflating(true));
    let seen = server.feed(&masked(TEXT | RSV1, &invalid));
    assert_eq!(seen, [Seen::Failed(Error::InvalidUtf8)]);

    let cut_character = [0x00, 0x02, 0x00, 0xfd, 0xff, 0xe6, 0xb0, 0x00];
    let failed = [Seen::Failed(Error::InvalidUtf8)];
    expect(&deflating(true), &[(COMPRESSED, &cut_character)], &failed);
    let binary = [Seen::Binary(vec![0xe6, 0xb0])];
    expect(&deflating(true), &[(FIN_BINARY | RSV1, &cut_character)], &binary);
    let config = Config { skip_utf8_validation: true, ..deflating(true) };
    expect(&config, &[(COMPRESSED, &cut_character)], &[Seen::Text(vec![0xe6, 0xb0])]);
}

#[test]
fn rsv1_belongs_to_the_first_frame_of_a_message_alone() {
    let rsv1 = Error::UnexpectedRsv1;
    let cases: [(&[Frame<'_>], Error); 8] = [
        (&[(TEXT | RSV1, HELLO), (FIN_CONTINUATION | RSV1, b"")], rsv1),
        (&[(TEXT, b""), (FIN_CONTINUATION | RSV1, b"")], rsv1),
        (&[(FIN_CONTINUATION | RSV1, b"")], rsv1),
        (&[(PING | RSV1, b"")], rsv1),
        (&[(0x88 | RSV1, b"")], rsv1),
        (&[(0x09 | RSV1, b"")], Error::ExpectedFin),
        (&[(0x83 | RSV1, b"")], Error::InvalidOpcode(3)),
        (&[(TEXT | RSV1, b""), (TEXT | RSV1, b"")], Error::InvalidOpcode(1)),
    ];
    for (frames, error) in cases {
        expect(&deflating(true), frames, &[Seen::Failed(error)]);
    }
    expect(&deflating(true), &[(0xe1, b"")], &[Seen::Failed(Error::UnexpectedRsv23)]);
    expect(&Config::default(), &[(COMPRESSED, HELLO)], &[Seen::Failed(rsv1)]);
    expect(&Config::default(), &[(0x09 | RSV1, b"")], &[Seen::Failed(rsv1)]);
}

/// A text, and what zlib 1.3.1 of Node writes for it after a sync flush: with a window of 9 bits,
/// without compression, and with Huffman codes only.
const FROM_STOCK_ZLIB: (&str, [&str; 3]) = (
    r#"{"id":1,"name":"Grüße, 水","tags":["a","b","a","b"],"nested":{"id":1,"name":"Grüße, 水"}}"#,
    [
        "aa56ca4c51b232d451ca4bcc4d55b252722f3abce7f0fc541d85671bb628e9289524a6172b59452b252ae92825\
         29e940e9581da5bcd4e292d41425ab6a7cfa6b6b0100",
        "005f00a0ff7b226964223a312c226e616d65223a224772c3bcc39f652c20e6b0b4222c2274616773223a5b2261\
         222c2262222c2261222c2262225d2c226e6573746564223a7b226964223a312c226e616d65223a224772c3bcc3\
         9f652c20e6b0b4227d7d00",
        "04c1a10d80301086d155c8a77f83bd051882208ef442105400aee92cac8040e2ba0b73f05e614d582fb26f8131\
         eced6d57a8fbee0771fa7260238e98118e9899448ee38c8415d684f522fb1618c3dede7685baef7ea8f507",
    ],
);

#[test]
fn reads_what_stock_zlib_writes() {
    let (plain, payloads) = FROM_STOCK_ZLIB;
    for hex in payloads {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let payload: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        for config in [deflating(true), deflating(false)] {
            expect(&config, &[(COMPRESSED, &payload)], &[text(plain)]);
        }
    }
}
