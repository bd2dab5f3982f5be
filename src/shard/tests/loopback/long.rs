//! Messages that are longer than a read.

use std::io::Write;

use offloop_protocol::{Config, Role};
use offloop_shard::{CommandBatch, ConnectionId, EventKind};

use super::{Above, ID, PATIENCE, push_adoption};

const KEY: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// A masked frame in the 64-bit length form; `first` is byte 0.
fn long_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_be_bytes();
    let masked = payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key);
    [&[first, 0xff], &length[..], &KEY].concat().into_iter().chain(masked).collect()
}

/// Bytes without a period that a read could have.
fn payload(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

#[test]
fn they_arrive_as_they_were_sent() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    let lengths = [1 << 20, 65_536, 300_000, 140_001, 98_303, 3 << 20, 1 << 20];
    let writer = std::thread::spawn(move || {
        for length in lengths {
            let (first, rest) = (payload(length / 3), payload(length).split_off(length / 3));
            peer.write_all(&long_frame(0x02, &first)).unwrap();
            peer.write_all(&long_frame(0x80, &rest)).unwrap();
            peer.write_all(&long_frame(0x82, &payload(length))).unwrap();
        }
        peer
    });
    let mut lengths = lengths.into_iter().flat_map(|length| [length, length]).peekable();
    while lengths.peek().is_some() {
        for (_, kind, bytes) in above.until(EventKind::Binary) {
            assert_eq!(kind, EventKind::Binary as u32);
            let length = lengths.next().unwrap();
            assert!(bytes == payload(length), "a message of {length} bytes");
        }
    }
    writer.join().unwrap();
}

#[test]
fn those_that_stay_where_they_were_read_are_whole_beside_others() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    let lengths = [16_384, 10, 8192, 8191, 0, 40_000, 65_000, 20, 20_000, 20_001, 100_000];
    let sent: Vec<Vec<u8>> = lengths
        .into_iter()
        .cycle()
        .take(200)
        .zip(0..)
        .map(|(length, number)| payload(length + number).split_off(number))
        .collect();
    let wire: Vec<u8> = sent.iter().flat_map(|payload| long_frame(0x82, payload)).collect();
    let writer = std::thread::spawn(move || {
        peer.write_all(&wire).unwrap();
        peer
    });
    let mut sent = sent.iter().enumerate().peekable();
    while sent.peek().is_some() {
        for (_, _, bytes) in above.until(EventKind::Binary) {
            let (number, expected) = sent.next().unwrap();
            assert!(bytes == *expected, "message {number}, of {} bytes", expected.len());
        }
    }
    writer.join().unwrap();
}

#[test]
fn the_doorbell_rings_when_they_have_filled_one_batch_and_nothing_follows() {
    const CONNECTIONS: u32 = 4;
    const MESSAGES_EACH: usize = 4;
    let above = Above::start();
    let mut batch = CommandBatch::default();
    let message = long_frame(0x82, &payload(15_000));
    // All of it is there when the shard looks for the first time, and is read in one turn.
    let _peers: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let id = ConnectionId::new(number);
            let mut peer = push_adoption(&mut batch, id, Role::Server, Config::default(), b"");
            peer.write_all(&message.repeat(MESSAGES_EACH)).unwrap();
            peer
        })
        .collect();
    above.shard.submit(&mut batch);
    above.rings.recv_timeout(PATIENCE).expect("the shard does not ring");
    let events = above.deliver(above.next_batch());
    assert_eq!(events.len(), CONNECTIONS as usize * MESSAGES_EACH);
    assert!(events.iter().all(|(_, _, bytes)| *bytes == payload(15_000)));
}

#[test]
fn text_that_cannot_become_utf_8_fails_the_connection_in_the_middle() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    let mut text = vec![b'a'; 300_000];
    text[200_000] = 0xff;
    // The end never comes.
    peer.write_all(&long_frame(0x81, &text)[..290_000]).unwrap();
    assert_eq!(above.until(EventKind::Failed).len(), 1);
}
