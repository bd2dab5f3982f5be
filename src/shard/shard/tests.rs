//! Steps of a shard that no thread serves.

use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;
use offloop_protocol::{Config, Role};
use socket2::{Domain, Type};
use tokio::runtime::Runtime;

use super::*;
use crate::adopt::AdoptedSocket;
use crate::handle::ShardHandle;
use crate::progress::Progress;

const ID: ConnectionId = ConnectionId::new(1);
const OTHER_ID: ConnectionId = ConnectionId::new(2);

fn shard() -> Shard {
    Shard::new(Arc::default(), Arc::default(), Arc::new(Doorbell::new(|| {})), 0)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A connection to take over, and its other end.
fn adoption(id: ConnectionId) -> (Adoption, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    peer.set_nonblocking(true).unwrap();
    let adoption = Adoption {
        id,
        socket: AdoptedSocket::from(OwnedFd::from(ours)),
        role: Role::Server,
        config: Arc::new(Config::default()),
        close_timeout: Duration::from_secs(30),
        response: Vec::new(),
        head: Vec::new(),
        progress: Progress::detached(),
        profile: None,
    };
    (adoption, peer)
}

/// A shard with one connection, and that connection's other end.
fn connected(runtime: &Runtime) -> (Shard, UnixStream) {
    let _inside = runtime.enter();
    let mut shard = shard();
    let (adoption, peer) = adoption(ID);
    shard.adopt(adoption);
    (shard, peer)
}

fn message(payload: &[u8]) -> CommandBatch {
    let mut batch = CommandBatch::default();
    batch.push(ID.get(), CommandKind::Binary as u32, payload);
    batch
}

/// Ids and kinds of the events that are not published yet.
fn events(shard: &mut Shard) -> Vec<(u32, u32)> {
    let (mut records, mut slab) = ([0; 64], []);
    let copied = shard.workshop.events.copy_into(&mut records, &mut slab);
    let records = records.as_chunks::<4>().0.iter().take(copied.records);
    records.map(|record| (record[0], record[1])).collect()
}

#[test]
fn a_panic_ends_the_connection_that_is_served_and_no_other() {
    let runtime = runtime();
    let (mut shard, _peer) = connected(&runtime);
    let (other, _other_peer) = adoption(OTHER_ID);
    let _inside = runtime.enter();
    shard.adopt(other);
    shard.guarded(ID, |_, _, _| unreachable!("on purpose"));
    assert_eq!(events(&mut shard), [(ID.get(), EventKind::Closed as u32)]);
    assert!(shard.connections.get_mut(ID).is_none());
    assert!(shard.connections.get_mut(OTHER_ID).is_some());
}

#[test]
fn a_panic_while_a_connection_is_taken_over_ends_it() {
    let mut shard = shard();
    // There is no runtime, which tokio answers with a panic.
    shard.adopt(adoption(ID).0);
    assert_eq!(events(&mut shard), [(ID.get(), EventKind::Closed as u32)]);
}

#[test]
fn a_message_for_a_sleeping_shard_is_written_at_once() {
    let runtime = runtime();
    let (mut shard, mut peer) = connected(&runtime);
    let mut batch = message(b"abc");
    assert!(batch.is_lone_message());
    assert_eq!(shard.serve_now(&mut batch), Some(false));
    assert!(batch.is_empty());
    let mut seen = [0; 5];
    peer.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"\x82\x03abc");
}

#[test]
fn payloads_of_connections_that_are_gone_are_passed_over() {
    let runtime = runtime();
    let (mut shard, mut peer) = connected(&runtime);
    let (binary, destroy) = (CommandKind::Binary as u32, CommandKind::Destroy as u32);
    let (other, _other_peer) = adoption(OTHER_ID);
    let mut batch = CommandBatch::default();
    for stranger in [ConnectionId::new(99), OTHER_ID.next_generation()] {
        batch.push(stranger.get(), binary, b"for nobody");
        batch.push_large(stranger.get(), binary, Bytes::from_static(b"neither"));
        batch.push(ID.get(), binary, b"a");
        batch.push_large(ID.get(), binary, Bytes::from_static(b"b"));
    }
    batch.push_adoption(other);
    for word in [binary, destroy, binary] {
        batch.push(OTHER_ID.get(), word, b"for one that ends");
        batch.push_large(OTHER_ID.get(), word, Bytes::from_static(b"too"));
    }
    batch.push(ID.get(), binary, b"c");
    let _inside = runtime.enter();
    shard.carry_out(&mut batch);
    let mut seen = [0; 15];
    peer.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"\x82\x01a\x82\x01b\x82\x01a\x82\x01b\x82\x01c");
    assert!(shard.connections.get_mut(OTHER_ID).is_none());
}

#[test]
fn a_connection_is_written_once_a_batch_behind_its_last_command() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let mut shard = shard();
    // Sockets that keep writes apart.
    let pairs = [ID, OTHER_ID].map(|id| {
        let (ours, peer) = socket2::Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap();
        ours.set_nonblocking(true).unwrap();
        peer.set_nonblocking(true).unwrap();
        let socket = AdoptedSocket::from(OwnedFd::from(ours));
        shard.adopt(Adoption { id, socket, ..adoption(id).0 });
        peer
    });
    let mut batch = CommandBatch::default();
    for (id, payload) in [(ID, b"a"), (OTHER_ID, b"b"), (ID, b"c"), (ID, b"d")] {
        batch.push(id.get(), CommandKind::Binary as u32, payload);
    }
    shard.carry_out(&mut batch);
    let wire: [&[u8]; 2] = [b"\x82\x01a\x82\x01c\x82\x01d", b"\x82\x01b"];
    for (mut peer, wire) in pairs.into_iter().zip(wire) {
        let mut seen = [0; 16];
        let read = peer.read(&mut seen).unwrap();
        assert_eq!(&seen[..read], wire);
        assert_eq!(peer.read(&mut seen).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

#[test]
fn a_message_does_not_overtake_commands_that_wait() {
    let runtime = runtime();
    let (mut shard, mut peer) = connected(&runtime);
    shard.commands.submit(&mut message(b"first"));
    let mut second = message(b"second");
    assert_eq!(shard.serve_now(&mut second), None);
    assert!(!second.is_empty());
    assert_eq!(peer.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_the_kernel_refuses_is_left_to_the_shard() {
    let runtime = runtime();
    let (mut shard, mut peer) = connected(&runtime);
    let payload = [7; 4000];
    let mut sent = 0;
    while sent < 1 << 20 {
        assert_eq!(shard.serve_now(&mut message(&payload)), Some(false));
        sent += payload.len() + 4;
    }
    let mut seen = 0;
    runtime.block_on(std::future::poll_fn(|context| {
        let (mut buffer, mut before) = ([0; 4096], None);
        while before.replace(seen) != Some(seen) {
            let _ = shard.poll_turns(Pace { turns: 4, effort: usize::MAX }, context);
            while let Ok(read) = peer.read(&mut buffer) {
                seen += read;
            }
        }
        if seen == sent { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    }));
}

#[test]
fn lone_messages_and_batches_keep_their_order_whoever_writes_them() {
    const MESSAGES: u32 = 20_000;
    let shard = ShardHandle::start(
        "test".to_owned(),
        0,
        Arc::new(Doorbell::new(|| {})),
        Recycler::default(),
    )
    .unwrap();
    let (adoption, mut peer) = adoption(ID);
    peer.set_nonblocking(false).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut batch = CommandBatch::default();
    batch.push_adoption(adoption);
    shard.submit(&mut batch);
    let reader = std::thread::spawn(move || {
        for number in 0..MESSAGES {
            let mut seen = [0; 6];
            peer.read_exact(&mut seen).unwrap();
            assert_eq!(seen[2..], number.to_be_bytes());
        }
    });
    for number in 0..MESSAGES {
        batch.push(ID.get(), CommandKind::Binary as u32, &number.to_be_bytes());
        // Alone, then in twos, and so on up to tens.
        if number % (1 + number / 2000) == 0 {
            shard.submit(&mut batch);
        }
    }
    shard.submit(&mut batch);
    reader.join().unwrap();
}
