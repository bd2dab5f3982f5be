//! What was submitted before the end; and bytes that come beside the stream.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use offloop_protocol::{Config, Role};
use offloop_shard::{CommandBatch, EventKind};

use super::{Above, ID, TEXT, adoption, frame, read_exactly};

/// An empty ping, with the masking key 0.
const PING: &[u8] = &[0x89, 0x80, 0, 0, 0, 0];

#[test]
fn urgent_bytes_of_tcp_are_left_out_and_disturb_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let above = Above::start();
    let (socket, _) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut batch = CommandBatch::default();
    batch.push_adoption(adoption(ID, socket.into(), Role::Server, Config::default()));
    above.shard.submit(&mut batch);
    let message = frame(b"around the urgent byte");
    peer.write_all(&message[..12]).unwrap();
    socket2::SockRef::from(&peer).send_out_of_band(b"!").unwrap();
    peer.write_all(&message[12..]).unwrap();
    // A read ends at the urgent byte, and the runtime takes a short read for the last one. So what
    // lies behind waits for the next segment, of which there are enough.
    let heard = AtomicBool::new(false);
    let events = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !heard.load(Ordering::Relaxed) {
                peer.write_all(PING).unwrap();
            }
        });
        let events = above.deliver(above.next_batch());
        heard.store(true, Ordering::Relaxed);
        events
    });
    let (_, kind, payload) = &events[0];
    assert_eq!((*kind, &payload[..]), (EventKind::Binary as u32, &b"around the urgent byte"[..]));
}

#[test]
fn what_was_submitted_before_the_shard_ends_is_written() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    above.command(TEXT, b"bye");
    drop(above);
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received, b"hello\x81\x03bye");
}

#[test]
fn what_was_submitted_is_written_when_it_is_settled() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    for _ in 0..100 {
        above.command(TEXT, b"now");
        above.shard.settle();
    }
    peer.set_nonblocking(true).unwrap();
    assert_eq!(read_exactly(&mut peer, 505).len(), 505);
}
