//! Properties of compression: what goes in comes out, and no bytes at all do harm.

use offloop_protocol::deflate::DeflateConfig;
use offloop_protocol::{Config, MessageKind, Outgoing, Payload, Role};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{FIN_BINARY, FIN_TEXT, Peer, RSV1, Seen, deflating, masked, repetitive_texts};

/// A message in fragments.
#[derive(Clone, Debug)]
struct Message {
    fragments: Vec<Vec<u8>>,
    compress: bool,
}

fn message() -> impl Strategy<Value = Message> {
    let word = prop_oneof![
        4 => "(alpha|beta|gamma|[a-z]{1,9}|\\{\"id\":[0-9]{1,5}\\}){1,40}".prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..2000),
        1 => (any::<u8>(), 0..100_000_usize).prop_map(|(byte, count)| vec![byte; count]),
        1 => (vec(any::<u8>(), 1..5000), 1..20_usize).prop_map(|(part, count)| part.repeat(count)),
    ];
    let fragments = prop_oneof![3 => vec(word.clone(), 1..2), 1 => vec(word, 1..5)];
    let flag = prop_oneof![4 => Just(true), 1 => Just(false)];
    (fragments, flag).prop_map(|(fragments, compress)| Message { fragments, compress })
}

fn config() -> impl Strategy<Value = DeflateConfig> {
    (any::<bool>(), 9..=15_u8, -1..=9_i8, 1..=9_u8, 0..200_u32).prop_map(
        |(no_context_takeover, send_window_bits, level, mem_level, threshold_bytes)| {
            DeflateConfig {
                send_no_context_takeover: no_context_takeover,
                receive_no_context_takeover: no_context_takeover,
                send_window_bits,
                level,
                mem_level,
                threshold_bytes,
            }
        },
    )
}

fn send(sender: &mut Peer, message: &Message) -> Seen {
    for (number, fragment) in message.fragments.iter().enumerate() {
        let outgoing = Outgoing {
            kind: MessageKind::Binary,
            fin: number + 1 == message.fragments.len(),
            compress: message.compress,
            payload: Payload::Slice(fragment),
        };
        sender.connection.send_message(outgoing, &mut sender.host).unwrap();
    }
    Seen::Binary(message.fragments.concat())
}

/// A deflate block or something like it.
fn block() -> impl Strategy<Value = Vec<u8>> {
    let stored = (vec(any::<u8>(), 0..9), any::<bool>()).prop_map(|(bytes, last)| {
        let length = bytes.len().to_le_bytes();
        let header = [u8::from(last), length[0], length[1], !length[0], !length[1]];
        [&header[..], &bytes].concat()
    });
    let letters = ("[a-z]{0,30}", any::<bool>()).prop_map(|(letters, last)| {
        let length = letters.len().to_le_bytes();
        let header = [u8::from(last), length[0], length[1], !length[0], !length[1]];
        [&header[..], letters.as_bytes()].concat()
    });
    prop_oneof![
        2 => stored,
        4 => letters,
        2 => Just(vec![0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        1 => Just(vec![0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        2 => Just(vec![0x00]),
        1 => vec(any::<u8>(), 0..200),
    ]
}

/// Feeds `wire` cut at the places that `reads` point to.
fn feed_cut(receiver: &mut Peer, wire: &[u8], reads: &[Index]) {
    let mut places: Vec<_> = reads.iter().map(|read| read.index(wire.len() + 1)).collect();
    places.sort_unstable();
    places.push(wire.len());
    let mut start = 0;
    for end in places {
        receiver.feed(&wire[start..end]);
        start = end;
    }
}

#[test]
fn every_window_level_and_memory_level_comes_through() {
    let messages = repetitive_texts().map(|text| Message { fragments: vec![text], compress: true });
    for send_window_bits in 9..=15 {
        for level in [-1, 0, 1, 2, 3, 6, 9] {
            for (no_context_takeover, mem_level) in [(true, 8), (false, 8), (true, 1), (false, 1)] {
                let deflate = DeflateConfig {
                    send_no_context_takeover: no_context_takeover,
                    receive_no_context_takeover: no_context_takeover,
                    send_window_bits,
                    level,
                    mem_level,
                    threshold_bytes: 0,
                };
                let config = Config { deflate: Some(deflate), ..Config::default() };
                let mut sender = Peer::new(Role::Server, &config);
                let expected: Vec<_> =
                    messages.iter().map(|message| send(&mut sender, message)).collect();
                let mut receiver = Peer::new(Role::Client, &config);
                assert!(receiver.feed(&sender.host.wire) == expected, "{deflate:?}");
            }
        }
    }
}

proptest! {
    // A failure prints its input; a file of them would make the tree dirty.
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_compressed_is_inflated_however_it_is_cut(
        client in any::<bool>(),
        deflate in config(),
        messages in vec(message(), 1..5),
        reads in vec(any::<Index>(), 0..12),
    ) {
        let (from, to) =
            if client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
        let config = Config { deflate: Some(deflate), ..Config::default() };
        let mut sender = Peer::new(from, &config);
        let expected: Vec<_> =
            messages.iter().map(|message| send(&mut sender, message)).collect();
        let mut receiver = Peer::new(to, &config);
        feed_cut(&mut receiver, &sender.host.wire, &reads);
        prop_assert!(receiver.seen == expected);
    }

    #[test]
    fn any_payload_gives_the_same_events_however_it_is_cut(
        no_context_takeover in any::<bool>(),
        text in any::<bool>(),
        payloads in vec(vec(block(), 0..6), 1..4),
        max_message_bytes in 20_u64..200,
        reads in vec(any::<Index>(), 0..20),
    ) {
        let first = if text { FIN_TEXT | RSV1 } else { FIN_BINARY | RSV1 };
        let wire: Vec<_> =
            payloads.iter().flat_map(|blocks| masked(first, &blocks.concat())).collect();
        let config = Config { max_message_bytes, ..deflating(no_context_takeover) };
        let mut whole = Peer::new(Role::Server, &config);
        whole.feed(&wire);
        let mut cut = Peer::new(Role::Server, &config);
        feed_cut(&mut cut, &wire, &reads);
        prop_assert_eq!(&cut.seen, &whole.seen);
    }
}
