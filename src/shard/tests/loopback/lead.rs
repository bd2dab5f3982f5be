//! A shard whose sockets are served by the thread above.

use std::io::Write;
use std::os::unix::net::UnixStream;

use offloop_protocol::{Config, Role};
use offloop_shard::{CommandBatch, ConnectionId, EventKind, Lead, Turn};

use super::{Above, ID, TEXT, frame, push_adoption, read_exactly};

const BINARY: u32 = EventKind::Binary as u32;

/// A connection whose shard has given its lead to this thread.
struct Led {
    above: Above,
    lead: Lead,
    peer: UnixStream,
}

impl Led {
    fn start() -> Self {
        let above = Above::start();
        let lead = above.shard.lead().expect("Linux, with /proc");
        lead.accept(1);
        let mut peer = above.adopt(ID, b"");
        read_exactly(&mut peer, 5);
        let mut started = Self { above, lead, peer };
        started.earn();
        started
    }

    /// Sends messages one by one until the lead is this thread's.
    fn earn(&mut self) {
        while !self.lead.is_ours() {
            self.peer.write_all(&frame(b"calm")).unwrap();
            let events = self.above.until(EventKind::Binary);
            assert_eq!(events, [(ID.get(), BINARY, b"calm".to_vec())]);
        }
    }
}

#[test]
fn a_shard_whose_lead_nobody_accepts_keeps_it() {
    let above = Above::start();
    let lead = above.shard.lead().unwrap();
    let mut peer = above.adopt(ID, b"");
    for _ in 0..200 {
        peer.write_all(&frame(b"calm")).unwrap();
        above.until(EventKind::Binary);
    }
    assert!(!lead.is_ours());
    assert_eq!(lead.take_turn(), Turn::NotOurs);
}

#[test]
fn who_leads_reads_and_writes_by_itself() {
    // From a thread that is too slow the lead is taken back, at any moment: then once more.
    loop {
        let mut led = Led::start();
        led.peer.write_all(&frame(b"to above")).unwrap();
        let turn = led.lead.take_turn();
        if turn == Turn::NotOurs {
            continue;
        }
        assert_eq!(turn, Turn::News);
        let events = led.above.deliver(led.above.shard.events().take().unwrap());
        assert_eq!(events, [(ID.get(), BINARY, b"to above".to_vec())]);
        led.above.command(TEXT, b"from above");
        if led.lead.is_ours() {
            led.peer.set_nonblocking(true).unwrap();
            assert_eq!(read_exactly(&mut led.peer, 12), b"\x81\x0afrom above");
            return;
        }
    }
}

#[test]
fn a_leader_that_does_not_come_is_not_waited_for() {
    let mut led = Led::start();
    led.peer.write_all(&frame(b"anybody?")).unwrap();
    let events = led.above.until(EventKind::Binary);
    assert_eq!(events, [(ID.get(), BINARY, b"anybody?".to_vec())]);
    led.peer.write_all(&frame(b"and now?")).unwrap();
    led.above.until(EventKind::Binary);
}

#[test]
fn the_lead_goes_back_when_there_is_much_to_do() {
    let mut led = Led::start();
    let mut many = Vec::new();
    for number in 0..100_u8 {
        many.extend_from_slice(&frame(&[number]));
    }
    led.peer.write_all(&many).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 100 {
        match led.lead.take_turn() {
            Turn::Quiet => {}
            Turn::News => {
                while let Some(batch) = led.above.shard.events().take() {
                    seen.append(&mut led.above.deliver(batch));
                }
                assert!(!led.lead.is_ours());
            }
            Turn::NotOurs => seen.append(&mut led.above.until(EventKind::Binary)),
        }
    }
    for (number, (_, _, payload)) in (0_u8..).zip(seen) {
        assert_eq!(payload, [number]);
    }
    led.earn();
}

#[test]
fn with_many_connections_in_all_the_lead_stays_below() {
    let mut led = Led::start();
    led.lead.accept(17);
    assert!(!led.lead.is_ours());
    for _ in 0..200 {
        led.peer.write_all(&frame(b"calm")).unwrap();
        led.above.until(EventKind::Binary);
    }
    assert!(!led.lead.is_ours());
    led.lead.accept(16);
    led.earn();
}

#[test]
fn what_is_read_of_a_message_that_is_not_complete_counts() {
    let mut led = Led::start();
    let wire = frame(&vec![0; 60_000]);
    let (beginning, rest) = wire.split_at(30_000);
    led.peer.write_all(beginning).unwrap();
    while led.lead.take_turn() == Turn::Quiet {}
    assert!(!led.lead.is_ours());
    led.peer.write_all(rest).unwrap();
    assert_eq!(led.above.until(EventKind::Binary)[0].2.len(), 60_000);
}

#[test]
fn who_is_late_with_what_it_has_does_not_lead() {
    let mut led = Led::start();
    led.peer.write_all(&frame(b"first")).unwrap();
    led.peer.write_all(&frame(b"second")).unwrap();
    while led.lead.take_turn() == Turn::Quiet {}
    assert_eq!(led.lead.take_turn(), Turn::NotOurs);
    assert!(!led.lead.is_ours());
    let mut seen = led.above.until(EventKind::Binary);
    while seen.len() < 2 {
        seen.append(&mut led.above.until(EventKind::Binary));
    }
    assert_eq!(seen[1].2, b"second");
}

#[test]
fn a_new_connection_is_the_business_of_the_shards_thread() {
    let mut led = Led::start();
    let other = ConnectionId::new(9);
    let mut batch = CommandBatch::default();
    let mut peer = push_adoption(&mut batch, other, Role::Server, Config::default(), b"");
    led.above.shard.submit(&mut batch);
    assert_eq!(read_exactly(&mut peer, 5), b"hello");
    peer.write_all(&frame(b"other")).unwrap();
    assert_eq!(led.above.until(EventKind::Binary), [(other.get(), BINARY, b"other".to_vec())]);
    led.earn();
}

#[test]
fn what_was_submitted_is_settled_whoever_leads() {
    let mut led = Led::start();
    for number in 0..100_u8 {
        led.above.command(TEXT, &[number]);
    }
    led.above.shard.settle();
    led.peer.set_nonblocking(true).unwrap();
    for number in 0..100_u8 {
        assert_eq!(read_exactly(&mut led.peer, 3), [0x81, 1, number]);
    }
}

#[test]
fn a_shard_ends_whoever_leads() {
    let Led { above, lead, mut peer } = Led::start();
    above.command(TEXT, b"last words");
    drop(above);
    assert_eq!(read_exactly(&mut peer, 12), b"\x81\x0alast words");
    assert_eq!(lead.take_turn(), Turn::NotOurs);
}

#[test]
fn nothing_is_lost_while_the_lead_goes_back_and_forth() {
    const MESSAGES: u32 = 30_000;
    let led = Led::start();
    let mut peer = &led.peer;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut answered = 0;
            for number in 0..MESSAGES {
                peer.write_all(&frame(&number.to_be_bytes())).unwrap();
                // Some alone, their answers awaited, and some in a row.
                while number % 500 < 200 && answered <= number {
                    assert_eq!(read_exactly(peer, 6)[2..], answered.to_be_bytes());
                    answered += 1;
                }
            }
        });
        let (mut expected, mut reigns) = (0, 0);
        while expected < MESSAGES {
            let was_ours = led.lead.is_ours();
            let batch = led.above.shard.events().take().or_else(|| {
                led.above.doorbell.answer();
                led.above.shard.events().take()
            });
            if let Some(batch) = batch {
                for (_, kind, payload) in led.above.deliver(batch) {
                    assert_eq!((kind, payload), (BINARY, expected.to_be_bytes().to_vec()));
                    led.above.command(TEXT, &expected.to_be_bytes());
                    expected += 1;
                }
            } else if led.lead.take_turn() == Turn::NotOurs {
                std::thread::yield_now();
            }
            reigns += u32::from(!was_ours && led.lead.is_ours());
        }
        assert!(reigns > 1, "{reigns}");
    });
}
