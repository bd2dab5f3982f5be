//! A shard over real sockets: what goes in at one end of a pair comes out at the other.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use offloop_protocol::{Config, Role};
use offloop_shard::{
    AdoptedSocket, Adoption, COMMAND_NOTIFY, CommandBatch, CommandKind, ConnectionId, Doorbell,
    EVENT_FIRST_KEPT, EVENT_KEPT, EventBatch, EventKind, Progress, Recycler, ShardHandle,
};

#[path = "loopback/crowds.rs"]
mod crowds;
#[path = "loopback/inflating.rs"]
mod inflating;
#[path = "loopback/last_words.rs"]
mod last_words;
#[cfg(target_os = "linux")]
#[path = "loopback/lead.rs"]
mod lead;
#[path = "loopback/long.rs"]
mod long;
#[path = "loopback/order.rs"]
mod order;

const ID: ConnectionId = ConnectionId::new(3);
const CLOSE_TIMEOUT: Duration = Duration::from_millis(20);
/// Long enough for any machine; only a hang takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What may wait of a connection before it is not read any more.
const HIGH_WATER_BYTES: usize = 1024 * 1024;

const TEXT: u32 = CommandKind::Text as u32;
const END: u32 = CommandKind::End as u32;
const DESTROY: u32 = CommandKind::Destroy as u32;
const PAUSE: u32 = CommandKind::Pause as u32;
const RESUME: u32 = CommandKind::Resume as u32;
const START_CLOSE_TIMER: u32 = CommandKind::StartCloseTimer as u32;
const RAW: u32 = CommandKind::Raw as u32;
const TUNE: u32 = CommandKind::Tune as u32;

/// A shard and what a layer above it would be.
struct Above {
    shard: ShardHandle,
    doorbell: Arc<Doorbell>,
    rings: Receiver<()>,
}

impl Above {
    fn start() -> Self {
        let (ring, rings) = channel();
        let doorbell = Arc::new(Doorbell::new(move || {
            let _ = ring.send(());
        }));
        let recycler = Recycler::default();
        let shard = ShardHandle::start("test".to_owned(), 0, doorbell.clone(), recycler).unwrap();
        Self { shard, doorbell, rings }
    }

    /// Gives one end of a socket pair to the shard and returns the other.
    fn adopt(&self, id: ConnectionId, head: &[u8]) -> UnixStream {
        let mut batch = CommandBatch::default();
        let peer = push_adoption(&mut batch, id, Role::Server, Config::default(), head);
        self.shard.submit(&mut batch);
        peer
    }

    fn command(&self, word: u32, payload: &[u8]) {
        let mut batch = CommandBatch::default();
        batch.push(ID.get(), word, payload);
        self.shard.submit(&mut batch);
    }

    /// The next batch; waits for the doorbell if there is none.
    fn next_batch(&self) -> EventBatch {
        loop {
            if let Some(batch) = self.shard.events().take() {
                return batch;
            }
            self.doorbell.answer();
            if let Some(batch) = self.shard.events().take() {
                return batch;
            }
            self.rings.recv_timeout(PATIENCE).expect("the shard says nothing");
        }
    }

    /// Copies a batch out and gives it back, as the bridge does.
    fn deliver(&self, mut batch: EventBatch) -> Vec<(u32, u32, Vec<u8>)> {
        let (mut events, mut kept) = (Vec::new(), Vec::new());
        while !batch.is_spent() {
            let (mut records, mut slab) = (vec![0; 4 * 64], vec![0; 1 << 20]);
            let copied = batch.copy_into(&mut records, &mut slab);
            let mut rest = &slab[..];
            for record in records.as_chunks::<4>().0.iter().take(copied.records) {
                let (id, kind) = (record[0], record[1] & 0xff);
                if record[1] & EVENT_FIRST_KEPT != 0 {
                    kept = batch.take_kept().unwrap();
                }
                let payload = payload_kept(record, &kept)
                    .or_else(|| payload_in_slab(record, &mut rest))
                    .unwrap_or_else(|| batch.take_large().unwrap());
                events.push((id, kind, payload));
            }
        }
        if self.shard.events().give_back(batch) {
            self.shard.nudge();
        }
        events
    }

    /// Delivers until an event of `kind` has come, and returns everything up to it.
    fn until(&self, kind: EventKind) -> Vec<(u32, u32, Vec<u8>)> {
        let mut events = Vec::new();
        while events.last().is_none_or(|(_, last, _)| *last != kind as u32) {
            events.append(&mut self.deliver(self.next_batch()));
        }
        events
    }
}

fn push_adoption(
    batch: &mut CommandBatch,
    id: ConnectionId,
    role: Role,
    config: Config,
    head: &[u8],
) -> UnixStream {
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    batch
        .push_adoption(Adoption { head: head.to_vec(), ..adoption(id, ours.into(), role, config) });
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer
}

fn adoption(id: ConnectionId, socket: OwnedFd, role: Role, config: Config) -> Adoption {
    Adoption {
        id,
        socket: AdoptedSocket::from(socket),
        role,
        config: Arc::new(config),
        close_timeout: CLOSE_TIMEOUT,
        response: b"hello".to_vec(),
        head: Vec::new(),
        progress: Progress::detached(),
        profile: None,
    }
}

/// A record's payload, if it was left where it was read.
fn payload_kept(record: &[u32; 4], kept: &[u8]) -> Option<Vec<u8>> {
    let [begin, length] = [record[3] as usize, record[2] as usize];
    (record[1] & EVENT_KEPT != 0).then(|| kept[begin..begin + length].to_vec())
}

/// A record's payload out of the slab, or `None` if it is a large one.
fn payload_in_slab(record: &[u32; 4], rest: &mut &[u8]) -> Option<Vec<u8>> {
    if record[1] & offloop_shard::EVENT_LARGE != 0 {
        return None;
    }
    let length = if record[1] & 0xff <= EventKind::Close as u32 { record[2] as usize } else { 0 };
    let (payload, behind) = rest.split_at(length);
    *rest = behind;
    Some(payload.to_vec())
}

/// A masked binary frame in the 16-bit length form, with the masking key 0.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut frame = vec![0x82, 0xfe];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// What a batch weighs against the high-water mark.
fn weight(batch: &EventBatch) -> usize {
    batch.weights().map(|(_, bytes)| bytes).sum()
}

fn read_exactly(mut peer: impl Read, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    peer.read_exact(&mut buffer).unwrap();
    buffer
}

#[test]
fn writes_the_response_in_front_of_the_first_frame() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    above.command(TEXT, b"abc");
    assert_eq!(read_exactly(&mut peer, 10), b"hello\x81\x03abc");
}

#[test]
fn delivers_what_was_read_before_the_take_over_first() {
    let above = Above::start();
    let mut peer = above.adopt(ID, &frame(b"first")[..7]);
    peer.write_all(&frame(b"first")[7..]).unwrap();
    peer.write_all(&frame(b"second")).unwrap();
    let mut payloads = Vec::new();
    while payloads.len() < 2 {
        payloads.extend(above.deliver(above.next_batch()).into_iter().map(|event| event.2));
    }
    assert_eq!(payloads, [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn a_flood_beyond_the_high_water_mark_arrives_whole_however_slowly_it_is_delivered() {
    const MESSAGES: usize = 160;
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    let writer = std::thread::spawn(move || {
        for number in 0..MESSAGES {
            let payload = vec![u8::try_from(number).unwrap(); 60_000];
            peer.write_all(&frame(&payload)).unwrap();
        }
        peer
    });
    // So much waits that the shard has stopped reading...
    let mut waiting = VecDeque::new();
    while waiting.iter().map(EventBatch::len).sum::<usize>() < 18 {
        waiting.push_back(above.next_batch());
    }
    // ...and comes back batch by batch, with a chance for the shard to look at each.
    let mut seen = 0;
    while seen < MESSAGES {
        let batch = waiting.pop_front().unwrap_or_else(|| above.next_batch());
        for (_, _, payload) in above.deliver(batch) {
            assert_eq!(payload, vec![u8::try_from(seen).unwrap(); 60_000]);
            seen += 1;
        }
        std::thread::yield_now();
        waiting.extend(above.shard.events().take());
    }
    writer.join().unwrap();
}

#[test]
fn an_undelivered_flood_stops_at_the_high_water_mark() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    peer.set_nonblocking(true).unwrap();
    let message = frame(&vec![7; 60_000]);
    let mut accepted = 0;
    let mut fill = || {
        while let Ok(bytes) = peer.write(&message[accepted % message.len()..]) {
            accepted += bytes;
        }
        accepted
    };
    // Nobody gives a batch back.
    let mut taken = 0;
    while taken <= HIGH_WATER_BYTES {
        fill();
        taken += weight(&above.next_batch());
    }
    let before = fill();
    for _ in 0..3 {
        above.command(TEXT | COMMAND_NOTIFY, b"");
        let events = above.until(EventKind::Written);
        assert_eq!(events.len(), 1, "nothing is read above the mark");
    }
    assert_eq!(fill(), before, "the peer's window is full");
}

#[test]
fn pause_stops_reading_and_resume_goes_on() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    above.command(PAUSE, b"");
    above.command(TEXT | COMMAND_NOTIFY, b"paused");
    above.until(EventKind::Written);
    // What Node would have in its buffer is read nevertheless.
    peer.write_all(&frame(&[0; 16 * 1024])).unwrap();
    above.until(EventKind::Binary);
    peer.write_all(&frame(b"later")).unwrap();
    above.command(TEXT | COMMAND_NOTIFY, b"still paused");
    let events = above.until(EventKind::Written);
    assert!(events.iter().all(|(_, kind, _)| *kind == EventKind::Written as u32));
    above.command(RESUME, b"");
    assert_eq!(above.until(EventKind::Binary).pop().unwrap().2, b"later");
}

#[test]
fn the_end_shows_while_reading_is_paused() {
    let above = Above::start();
    let peer = above.adopt(ID, b"");
    above.command(PAUSE, b"");
    above.command(TEXT | COMMAND_NOTIFY, b"paused");
    above.until(EventKind::Written);
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    above.until(EventKind::Ended);
}

#[test]
fn end_writes_what_is_queued_and_then_a_fin() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    above.command(TEXT, b"last words");
    above.command(END, b"");
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"hello\x81\x0alast words");
    drop(peer);
    above.until(EventKind::Closed);
}

#[test]
fn the_peers_end_is_told_once_and_the_connection_waits_for_ours() {
    let above = Above::start();
    let peer = above.adopt(ID, b"");
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    above.until(EventKind::Ended);
    above.command(TEXT, b"an answer");
    above.command(END, b"");
    let kinds: Vec<_> = above.until(EventKind::Closed).into_iter().map(|event| event.1).collect();
    assert_eq!(kinds, [EventKind::Closed as u32]);
}

#[test]
fn destroy_ends_the_connection_without_waiting_for_the_peer() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    above.command(DESTROY, b"");
    above.until(EventKind::Closed);
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"hello", "the kernel gets what was queued before");
}

#[test]
fn the_close_timer_ends_a_connection_whose_peer_does_not() {
    let above = Above::start();
    let _peer = above.adopt(ID, b"");
    above.command(START_CLOSE_TIMER, b"");
    above.until(EventKind::Closed);
}

#[test]
fn raw_bytes_keep_their_place_between_the_frames() {
    let above = Above::start();
    let mut peer = above.adopt(ID, b"");
    above.command(TEXT, b"a");
    above.command(RAW | COMMAND_NOTIFY, b"raw");
    above.command(TEXT, b"b");
    assert_eq!(read_exactly(&mut peer, 14), b"hello\x81\x01araw\x81\x01b");
    assert_eq!(above.until(EventKind::Written).len(), 1);
}

#[test]
fn a_limit_on_messages_can_be_changed_while_the_connection_lives() {
    let above = Above::start();
    let mut peer = above.adopt(ID, &frame(b"four"));
    above.until(EventKind::Binary);
    above.command(TUNE, &[4, 3, 0, 0, 0, 0, 0, 0, 0]);
    above.command(TEXT | COMMAND_NOTIFY, b"tuned");
    above.until(EventKind::Written);
    peer.write_all(&frame(b"four")).unwrap();
    above.until(EventKind::Failed);
}

#[test]
fn a_command_for_a_connection_that_is_gone_touches_nobody() {
    let above = Above::start();
    let successor = ID.next_generation();
    let mut peer = above.adopt(successor, b"");
    above.command(TEXT, b"for the predecessor");
    above.command(DESTROY, b"");
    peer.write_all(&frame(b"alive")).unwrap();
    assert_eq!(above.until(EventKind::Binary).pop().unwrap().0, successor.get());
    assert_eq!(read_exactly(&mut peer, 5), b"hello");
    drop(above);
    assert_eq!(peer.read(&mut [0; 32]).unwrap(), 0, "nothing of the predecessor's was written");
}

#[test]
fn a_duplicated_descriptor_survives_its_owners_close() {
    let (ours, mut peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let adopted = AdoptedSocket::duplicate(ours.as_raw_fd()).unwrap();
    drop(ours);
    peer.set_nonblocking(true).unwrap();
    let waits = peer.read(&mut [0; 1]).unwrap_err();
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
    drop(adopted);
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    assert!(AdoptedSocket::duplicate(-1).is_err());
}
