//! Compressed messages: a thousandth of what they come to.

use std::io::Read;

use offloop_protocol::deflate::DeflateConfig;
use offloop_protocol::{Config, Role};
use offloop_shard::{
    COMMAND_COMPRESS, COMMAND_NOTIFY, CommandBatch, CommandKind, ConnectionId, EventKind,
};

use super::{Above, END, HIGH_WATER_BYTES, ID, PAUSE, RESUME, TEXT, frame, push_adoption, weight};

const BINARY: u32 = CommandKind::Binary as u32;

/// Messages of zeros as a client sends them, compressed to a thousandth.
fn bombs(count: usize, length: usize) -> Vec<u8> {
    let above = Above::start();
    let mut batch = CommandBatch::default();
    let mut peer = push_adoption(&mut batch, ID, Role::Client, deflating(), b"");
    for _ in 0..count {
        batch.push(ID.get(), BINARY | COMMAND_COMPRESS, &vec![0; length]);
    }
    batch.push(ID.get(), END, b"");
    above.shard.submit(&mut batch);
    let mut wire = Vec::new();
    peer.read_to_end(&mut wire).unwrap();
    wire.split_off(b"hello".len())
}

pub(super) fn deflating() -> Config {
    let deflate = DeflateConfig {
        send_no_context_takeover: true,
        receive_no_context_takeover: true,
        send_window_bits: 15,
        level: 6,
        mem_level: 8,
        threshold_bytes: 0,
    };
    Config { deflate: Some(deflate), ..Config::default() }
}

#[test]
fn a_flood_that_inflates_a_thousandfold_stops_soon_behind_the_mark_and_arrives_whole() {
    let above = Above::start();
    let mut batch = CommandBatch::default();
    let _peer = push_adoption(&mut batch, ID, Role::Server, deflating(), &bombs(60, 1 << 20));
    above.shard.submit(&mut batch);
    let mut waiting = Vec::new();
    let mut taken = 0;
    while taken <= HIGH_WATER_BYTES {
        waiting.push(above.next_batch());
        taken += waiting.last().map_or(0, weight);
    }
    for _ in 0..3 {
        above.command(TEXT | COMMAND_NOTIFY, b"");
        assert_eq!(above.until(EventKind::Written).len(), 1, "nothing comes above the mark");
    }
    assert!(taken < 8 * HIGH_WATER_BYTES, "{taken}");
    let mut seen = waiting.into_iter().flat_map(|batch| above.deliver(batch)).count();
    while seen < 60 {
        seen += above.deliver(above.next_batch()).len();
    }
}

#[test]
fn others_have_their_turn_while_a_message_inflates_a_thousandfold() {
    let above = Above::start();
    let mut batch = CommandBatch::default();
    let bomb = bombs(1, 30 << 20);
    let other = ConnectionId::new(4);
    let _bomber = push_adoption(&mut batch, ID, Role::Server, deflating(), &bomb);
    let _other = push_adoption(&mut batch, other, Role::Server, deflating(), &frame(b"a word"));
    above.shard.submit(&mut batch);
    let mut events = above.until(EventKind::Binary);
    if events.len() < 2 {
        events.extend(above.until(EventKind::Binary));
    }
    let ids: Vec<_> = events.iter().map(|event| event.0).collect();
    assert_eq!(ids, [other.get(), ID.get()]);
}

#[test]
fn pause_stops_what_inflates_a_thousandfold_and_resume_goes_on() {
    let above = Above::start();
    let mut batch = CommandBatch::default();
    let _peer = push_adoption(&mut batch, ID, Role::Server, deflating(), &bombs(20, 1 << 20));
    batch.push(ID.get(), PAUSE, b"");
    batch.push(ID.get(), TEXT | COMMAND_NOTIFY, b"paused");
    above.shard.submit(&mut batch);
    let mut seen = above.until(EventKind::Written).len() - 1;
    assert!(seen < 8, "{seen}");
    above.command(TEXT | COMMAND_NOTIFY, b"still paused");
    assert_eq!(above.until(EventKind::Written).len(), 1);
    above.command(RESUME, b"");
    while seen < 20 {
        seen += above.deliver(above.next_batch()).len();
    }
}
