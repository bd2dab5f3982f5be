//! Tests of the outbox.

use super::*;

/// A writer that takes at most `room` bytes a call, and `calls` calls.
fn write_into(target: &mut Vec<u8>, outbox: &mut Outbox, room: usize, mut calls: usize) -> bool {
    let poll = outbox.poll_flush(&mut BufferPool::default(), |slices| {
        if calls == 0 {
            return Poll::Pending;
        }
        calls -= 1;
        let mut taken = 0;
        for slice in slices {
            let part = slice.len().min(room - taken);
            target.extend_from_slice(&slice[..part]);
            taken += part;
        }
        Poll::Ready(Ok(taken))
    });
    poll.is_ready()
}

#[test]
fn any_sequence_of_short_writes_keeps_the_order() {
    for room in 1..12 {
        let mut pool = BufferPool::default();
        let (mut outbox, mut target) = (Outbox::default(), Vec::new());
        outbox.put(b"ab", &mut pool);
        outbox.put(b"cd", &mut pool);
        outbox.put_shared(Bytes::from_static(b"efgh"));
        outbox.put(b"ij", &mut pool);
        assert_eq!(outbox.pending_bytes(), 10);
        assert!(!write_into(&mut target, &mut outbox, room, 0));
        assert!(write_into(&mut target, &mut outbox, room, 10));
        assert_eq!(target, b"abcdefghij");
        assert_eq!(outbox.pending_bytes(), 0);
    }
}

#[test]
fn tells_of_a_message_only_when_its_last_byte_is_written() {
    let (mut outbox, mut target) = (Outbox::default(), Vec::new());
    let progress = Progress::detached();
    outbox.put(b"abcd", &mut BufferPool::default());
    outbox.notify_when_written();
    assert!(!write_into(&mut target, &mut outbox, 3, 1));
    assert!(!outbox.settle(&progress));
    assert!(write_into(&mut target, &mut outbox, 3, 1));
    assert!(outbox.settle(&progress));
    assert!(!outbox.settle(&progress), "told once");
}

#[test]
fn counts_only_pongs_that_the_kernel_refused() {
    let (mut outbox, mut pool) = (Outbox::default(), BufferPool::default());
    outbox.put(b"pongpong", &mut pool);
    outbox.mark_automatic(8, 2);
    assert_eq!(outbox.refused_pongs(), 0, "not offered yet");
    assert!(!write_into(&mut Vec::new(), &mut outbox, 1, 1));
    outbox.settle(&Progress::detached());
    assert_eq!(outbox.refused_pongs(), 2);
    assert!(write_into(&mut Vec::new(), &mut outbox, 8, 1));
    outbox.settle(&Progress::detached());
    assert_eq!(outbox.refused_pongs(), 0);
}

#[test]
fn progress_leaves_out_what_nobody_sent() {
    let (mut outbox, mut pool) = (Outbox::default(), BufferPool::default());
    let table = crate::ProgressTable::new(1);
    let progress = table.entry(0);
    outbox.put(b"response", &mut pool);
    outbox.mark_automatic(8, 0);
    outbox.put(b"abc", &mut pool);
    assert!(write_into(&mut Vec::new(), &mut outbox, 100, 1));
    outbox.settle(&progress);
    let number = table.numbers()[0].load(std::sync::atomic::Ordering::Relaxed);
    assert!((f64::from_bits(number) - 3.0).abs() < f64::EPSILON);
}

#[test]
fn progress_counts_a_compressed_frame_as_charged_once_it_is_written() {
    let (mut outbox, mut pool) = (Outbox::default(), BufferPool::default());
    let table = crate::ProgressTable::new(1);
    let progress = table.entry(0);
    let taken = || f64::from_bits(table.numbers()[0].load(std::sync::atomic::Ordering::Relaxed));
    outbox.put(b"small", &mut pool);
    outbox.mark_charged(1000, 5);
    assert!(!write_into(&mut Vec::new(), &mut outbox, 4, 1));
    outbox.settle(&progress);
    assert!((taken() - 4.0).abs() < f64::EPSILON);
    assert!(write_into(&mut Vec::new(), &mut outbox, 4, 1));
    outbox.settle(&progress);
    assert!((taken() - 1000.0).abs() < f64::EPSILON);
}

#[test]
fn takes_whole_pieces_for_a_writer_that_wants_them() {
    let mut pool = BufferPool::default();
    let mut outbox = Outbox::default();
    assert_eq!(outbox.take(9, &mut pool), None);
    outbox.begin_frame();
    outbox.put(b"ab", &mut pool);
    outbox.put_shared(Bytes::from_static(b"cd"));
    outbox.begin_frame();
    outbox.put(b"ef", &mut pool);
    outbox.mark_charged(10, 6);
    assert_eq!(outbox.take(1, &mut pool).as_deref(), Some(&b"abcd"[..]));
    assert_eq!((outbox.pending_bytes(), outbox.settle_marks()), (2, (4, false)));
    assert_eq!(outbox.take(3, &mut pool).as_deref(), Some(&b"ef"[..]));
    assert_eq!((outbox.pending_bytes(), outbox.settle_marks()), (0, (10, false)));
}

/// An outbox with a frame that is partly written and `frames` large ones behind it.
fn deep(frames: u8, pool: &mut BufferPool) -> Outbox {
    let mut outbox = Outbox::default();
    for frame in 0..=frames {
        outbox.begin_frame();
        outbox.put(&[frame; 2], pool);
        outbox.put_shared(Bytes::from(vec![frame; 100 * 1024]));
        outbox.notify_when_written();
    }
    assert!(!write_into(&mut Vec::new(), &mut outbox, 1, 1));
    outbox
}

#[test]
fn a_control_frame_waits_for_one_frame_at_most() {
    let mut pool = BufferPool::default();
    let mut outbox = deep(2, &mut pool);
    assert!(outbox.is_deep());
    outbox.put_urgent(b"ping", 0, true, &mut pool);
    outbox.put_urgent(b"pong", 1, false, &mut pool);
    let mut target = Vec::new();
    assert!(write_into(&mut target, &mut outbox, usize::MAX, 10));
    assert_eq!(&target[100 * 1024 + 1..][..10], b"pingpong\x01\x01");
    assert_eq!(target.len(), 3 * (100 * 1024 + 2) + 7);
}

#[test]
fn progress_counts_a_control_frame_where_it_was_charged() {
    let mut pool = BufferPool::default();
    let mut outbox = deep(1, &mut pool);
    outbox.put_urgent(b"ping", 0, true, &mut pool);
    outbox.put_urgent(b"pong", 1, false, &mut pool);
    let table = crate::ProgressTable::new(1);
    let progress = table.entry(0);
    let taken = |outbox: &mut Outbox| {
        let notified = outbox.settle(&progress);
        let bits = table.numbers()[0].load(std::sync::atomic::Ordering::Relaxed);
        (f64::from_bits(bits), notified)
    };
    let frame = 100.0 * 1024.0 + 2.0;
    let first = 100 * 1024 + 1 + 8;
    assert!(!write_into(&mut Vec::new(), &mut outbox, first, 1));
    assert_eq!(taken(&mut outbox), (frame, true));
    assert!(write_into(&mut Vec::new(), &mut outbox, usize::MAX, 10));
    assert_eq!(taken(&mut outbox), (2.0 * frame + 4.0, true));
    assert_eq!(outbox.unwritten_pongs, 0);
}

#[test]
fn what_is_discarded_counts_as_taken_once_the_frame_before_it_is_written() {
    let mut pool = BufferPool::default();
    let mut outbox = deep(2, &mut pool);
    outbox.discard();
    outbox.put(b"close", &mut pool);
    let mut target = Vec::new();
    assert!(write_into(&mut target, &mut outbox, usize::MAX, 10));
    assert_eq!(target.len(), 100 * 1024 + 1 + 5);
    let table = crate::ProgressTable::new(1);
    assert!(outbox.settle(&table.entry(0)));
    let bits = table.numbers()[0].load(std::sync::atomic::Ordering::Relaxed);
    let all = 3.0 * (100.0 * 1024.0 + 2.0) + 5.0;
    assert!((f64::from_bits(bits) - all).abs() < f64::EPSILON);
}
