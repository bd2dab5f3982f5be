//! What compressed input may cost.

use std::borrow::Cow;
use std::sync::Arc;

use offloop_protocol::{Config, Connection, Error, Event, MessageKind, Outgoing, Payload, Role};

use crate::support::{
    BINARY, CONTINUATION, FIN_BINARY, FIN_CONTINUATION, FIN_TEXT, Peer, RSV1, Recorder, Seen,
    deflating, masked, sees,
};

/// `length` zeros, compressed as a peer would: about a thousandth of that.
fn bomb(length: usize) -> Vec<u8> {
    let mut client = Peer::new(Role::Client, &deflating(true));
    let message = Outgoing {
        kind: MessageKind::Binary,
        fin: true,
        compress: true,
        payload: Payload::Slice(&vec![0; length]),
    };
    client.connection.send_message(message, &mut client.host).unwrap();
    // Off with the header, whose length depends on the payload's.
    let wire = client.host.wire;
    let header = match wire[1] & 0x7f {
        126 => 8,
        127 => 14,
        _ => 6,
    };
    let key = wire[header - 4..header].to_vec();
    wire[header..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

fn limited(max_message_bytes: u64) -> Config {
    Config { max_message_bytes, ..deflating(true) }
}

#[test]
fn takes_an_inflated_message_of_the_limit_and_refuses_one_byte_more() {
    for limit in [1_usize, 100, 65_535, 65_536, 65_537, 131_072, 300_000] {
        let fits = masked(FIN_BINARY | RSV1, &bomb(limit + 20));
        let bursts = masked(FIN_BINARY | RSV1, &bomb(limit + 21));
        let seen = sees(Role::Server, &limited(limit as u64 + 20), &[fits, bursts].concat());
        let expected = [Seen::Binary(vec![0; limit + 20]), Seen::Failed(Error::MessageTooLong)];
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_bomb_is_stopped_at_the_limit_in_one_frame_and_in_many() {
    let payload = bomb(100 << 20);
    assert!(payload.len() < 128 << 10);
    for size in [payload.len(), 1000, 7] {
        let mut server = Peer::new(Role::Server, &Config { max_fragments: 0, ..limited(1 << 20) });
        let mut seen = Vec::new();
        let mut fed = 0;
        for (number, piece) in payload.chunks(size).enumerate() {
            let first = if number == 0 { BINARY | RSV1 } else { CONTINUATION };
            seen = server.feed(&masked(first, piece));
            fed += piece.len();
            if !seen.is_empty() {
                break;
            }
        }
        assert_eq!(seen, [Seen::Failed(Error::MessageTooLong)]);
        // Its end was not waited for: a mebibyte takes one kibibyte.
        assert!(size == payload.len() || fed <= 2000, "{fed}");
    }
}

#[test]
fn compressed_length_is_limited_as_well() {
    let mut server = Peer::new(Role::Server, &limited(10));
    let frame = masked(FIN_BINARY | RSV1, &[0; 11]);
    assert_eq!(server.feed(&frame[..2]), [Seen::Failed(Error::MessageTooLong)]);
}

#[test]
fn zero_is_no_limit() {
    let mut server = Peer::new(Role::Server, &limited(0));
    let wire = masked(FIN_BINARY | RSV1, &bomb(3_000_000));
    assert_eq!(server.feed(&wire), [Seen::Binary(vec![0; 3_000_000])]);
}

#[test]
fn three_thousand_fragments_of_one_byte() {
    let text = "{\"some\":\"text\"}, and more of it; ".repeat(100);
    let mut client = Peer::new(Role::Client, &deflating(true));
    for byte in text.as_bytes() {
        let message = Outgoing {
            kind: MessageKind::Text,
            fin: false,
            compress: true,
            payload: Payload::Slice(std::slice::from_ref(byte)),
        };
        client.connection.send_message(message, &mut client.host).unwrap();
    }
    let end = Outgoing {
        kind: MessageKind::Text,
        fin: true,
        compress: true,
        payload: Payload::Slice(b""),
    };
    client.connection.send_message(end, &mut client.host).unwrap();
    let seen = sees(Role::Server, &deflating(true), &client.host.wire);
    assert_eq!(seen, [Seen::Text(text.into())]);

    let payload = bomb(1 << 20);
    let mut wire = masked(BINARY | RSV1, b"");
    for byte in &payload {
        wire.extend(masked(CONTINUATION, std::slice::from_ref(byte)));
    }
    wire.extend(masked(FIN_CONTINUATION, b""));
    let seen = sees(Role::Server, &deflating(true), &wire);
    assert_eq!(seen, [Seen::Binary(vec![0; 1 << 20])]);
}

/// Feeds `wire` whole and returns whether the one message was borrowed, and its capacity if not.
fn owned_capacity(wire: &mut [u8]) -> Option<usize> {
    let mut connection = Connection::new(Role::Server, Arc::new(deflating(true)));
    let mut capacity = None;
    connection.handle_input(wire, &mut Recorder::default(), &mut |event| match event {
        Event::Message { payload: Cow::Owned(payload), .. } => capacity = Some(payload.capacity()),
        Event::Message { payload: Cow::Borrowed(_), .. } => capacity = Some(0),
        _ => {}
    });
    capacity
}

#[test]
fn a_message_that_fits_into_the_shared_buffer_allocates_nothing() {
    assert_eq!(owned_capacity(&mut masked(FIN_TEXT | RSV1, &bomb(1000))), Some(0));
    assert_eq!(owned_capacity(&mut masked(FIN_TEXT | RSV1, &bomb(60_000))), Some(0));
}

#[test]
fn a_longer_message_holds_no_more_than_twice_what_came() {
    for length in [100_000, 1_000_000] {
        let capacity = owned_capacity(&mut masked(FIN_TEXT | RSV1, &bomb(length))).unwrap();
        assert!((length..2 * length).contains(&capacity), "{capacity}");
    }
}

#[test]
fn half_a_message_of_one_connection_does_not_disturb_another() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let mut host = Recorder::default();
    let mut peers: Vec<_> = (0..10).map(|_| Peer::new(Role::Server, &deflating(true))).collect();
    for byte in masked(FIN_TEXT | RSV1, &hello) {
        for peer in &mut peers {
            std::mem::swap(&mut peer.host, &mut host);
            peer.feed(&[byte]);
            std::mem::swap(&mut peer.host, &mut host);
        }
    }
    for peer in peers {
        assert_eq!(peer.seen, [Seen::Text(b"Hello".into())]);
    }
}

/// What one call may inflate: a mebibyte, and what comes of the four kibibytes that exceed it.
const MOST_A_CALL: usize = (1 << 20) + 1032 * 4096;

/// Feeds `wire` whole, then nothing as long as it is behind; what came of each call.
fn feed_in_turns(wire: &[u8], config: &Config) -> Vec<Vec<Seen>> {
    let mut server = Peer::new(Role::Server, config);
    let mut turns = Vec::new();
    let mut input = wire;
    loop {
        let before = server.seen.len();
        server.feed_once(input);
        turns.push(server.seen[before..].to_vec());
        if !server.connection.is_behind() {
            return turns;
        }
        input = &[];
    }
}

#[test]
fn many_messages_that_inflate_a_thousandfold_come_in_turns() {
    let message = masked(FIN_BINARY | RSV1, &bomb(100_000));
    let wire = message.repeat(60_000 / message.len());
    let messages = wire.len() / message.len();
    assert!(messages * 100_000 > 30 << 20);
    let turns = feed_in_turns(&wire, &deflating(true));
    assert!(turns.iter().all(|turn| turn.len() * 100_000 <= MOST_A_CALL));
    assert!(turns.concat() == vec![Seen::Binary(vec![0; 100_000]); messages]);
}

#[test]
fn a_long_message_that_inflates_a_thousandfold_takes_turns() {
    let length = 50 << 20;
    let wire = masked(FIN_BINARY | RSV1, &bomb(length));
    let mut turns = feed_in_turns(&wire, &deflating(true));
    assert!(turns.len() * MOST_A_CALL >= length);
    assert!(turns.pop().unwrap() == [Seen::Binary(vec![0; length])]);
    assert!(turns.concat().is_empty());
}

#[test]
fn input_that_comes_while_some_waits_goes_behind_it() {
    let bomb = masked(FIN_BINARY | RSV1, &bomb(3 << 20));
    let mut server = Peer::new(Role::Server, &deflating(true));
    let first = [&bomb[..], &bomb, &masked(FIN_TEXT, b"first")].concat();
    server.feed_once(&[&first[..], &bomb].concat());
    assert!(server.connection.is_behind());
    server.feed(&masked(FIN_TEXT, b"second"));
    let zeros = Seen::Binary(vec![0; 3 << 20]);
    let texts = [b"first", &b"second"[..]].map(|text| Seen::Text(text.into()));
    let [first, second] = texts;
    assert!(server.seen == [zeros.clone(), zeros.clone(), first, zeros, second]);
}

#[test]
fn nothing_waits_behind_the_end() {
    let bombs = masked(FIN_BINARY | RSV1, &bomb(1000)).repeat(20);
    for last in [masked(0x88, b""), masked(0x83, b"")] {
        let wire = [&masked(FIN_BINARY | RSV1, &bomb(5 << 20)), &last[..], &bombs].concat();
        let turns = feed_in_turns(&wire, &deflating(true));
        assert_eq!(turns.concat().len(), 2);
    }
}
