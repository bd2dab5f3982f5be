//! More connections than there is room for what they send.

use std::io::{Read, Write};

use offloop_protocol::{Config, Role};
use offloop_shard::{COMMAND_NOTIFY, CommandBatch, ConnectionId, EventKind};

use super::{Above, ID, TEXT, frame, push_adoption, weight};

const PEERS: u32 = 100;
const FRAMES_EACH: usize = 60;
const FRAME_BYTES: usize = 16 * 1024;
/// What may wait of all connections of a shard, and a read more.
const TOTAL_BYTES: usize = 64 * 1024 * 1024 + 128 * 1024;

#[test]
fn what_waits_of_all_connections_is_bounded_and_everything_arrives() {
    let above = Above::start();
    let mut batch = CommandBatch::default();
    let _quiet = push_adoption(&mut batch, ID, Role::Server, Config::default(), b"");
    let first = ID.get() + 1;
    let peers: Vec<_> = (first..first + PEERS)
        .map(|id| {
            let id = ConnectionId::new(id);
            push_adoption(&mut batch, id, Role::Server, Config::default(), b"")
        })
        .collect();
    above.shard.submit(&mut batch);
    let wire = frame(&[b'x'; FRAME_BYTES]).repeat(FRAMES_EACH);
    std::thread::scope(|scope| {
        for mut peer in &peers {
            let wire = &wire;
            scope.spawn(move || {
                peer.write_all(wire).unwrap();
                peer.read_exact(&mut [0; 5]).unwrap();
            });
        }
        let (mut waiting, mut taken) = (Vec::new(), 0);
        while taken <= TOTAL_BYTES - 256 * 1024 {
            waiting.push(above.next_batch());
            taken += waiting.last().map_or(0, weight);
        }
        for _ in 0..3 {
            above.command(TEXT | COMMAND_NOTIFY, b"");
            let batch = above.next_batch();
            taken += weight(&batch);
            waiting.push(batch);
        }
        assert!(taken <= TOTAL_BYTES, "{taken}");
        let messages = |events: Vec<(u32, u32, Vec<u8>)>| {
            events.iter().filter(|event| event.1 == EventKind::Binary as u32).count()
        };
        let mut seen: usize = waiting.into_iter().map(|batch| messages(above.deliver(batch))).sum();
        while seen < PEERS as usize * FRAMES_EACH {
            seen += messages(above.deliver(above.next_batch()));
        }
    });
}
