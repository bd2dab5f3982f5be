//! A connection's bytes on their way to the kernel.
//!
//! Small frames are gathered in one buffer, so that a batch is one write; large payloads stay where
//! they are and go out in the same vectored write. An empty outbox holds no memory.

use std::collections::VecDeque;
use std::io::{IoSlice, Result};
use std::task::Poll;

use bytes::Bytes;

use crate::progress::Progress;

/// Memory kept for reuse by one shard: a busy connection's writes allocate nothing, and an idle
/// connection has none of it.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    spare: Vec<Vec<u8>>,
    spare_queues: Vec<VecDeque<Segment>>,
}

impl BufferPool {
    const MOST_BUFFERS: usize = 64;
    const MOST_BYTES_EACH: usize = 64 * 1024;

    fn take(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn take_queue(&mut self) -> VecDeque<Segment> {
        self.spare_queues.pop().unwrap_or_default()
    }

    fn give_back_queue(&mut self, queue: VecDeque<Segment>) {
        if self.spare_queues.len() < Self::MOST_BUFFERS
            && queue.capacity() <= Outbox::SLICES_A_WRITE
        {
            self.spare_queues.push(queue);
        }
    }

    fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < Self::MOST_BUFFERS && buffer.capacity() <= Self::MOST_BYTES_EACH {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

#[derive(Debug)]
enum Segment {
    Gathered(Vec<u8>),
    Shared(Bytes),
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Gathered(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// What is due when the bytes up to `end` are with the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Somebody waits for this message.
    Notify,
    /// So many bytes more were charged than written (less, if negative), and so many automatic pongs
    /// leave the count of unwritten ones.
    Settle { surplus: i64, pongs: u32 },
}

/// Frames in wire order, from the first byte that the kernel has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    segments: VecDeque<Segment>,
    /// Bytes of the first segment that are written already.
    front: usize,
    /// Bytes ever put in, and ever written.
    queued: u64,
    written: u64,
    /// How much more than it was is charged for what is written.
    surplus: i64,
    marks: VecDeque<(u64, Mark)>,
    unwritten_pongs: u32,
    /// The kernel has refused bytes since all was last written.
    blocked: bool,
}

impl Outbox {
    const SLICES_A_WRITE: usize = 32;
    const GATHER_BYTES: usize = 64 * 1024;

    /// Adds bytes behind what is here.
    pub(crate) fn put(&mut self, bytes: &[u8], pool: &mut BufferPool) {
        self.queued += bytes.len() as u64;
        if let Some(Segment::Gathered(last)) = self.segments.back_mut()
            && last.len() < Self::GATHER_BYTES
        {
            last.extend_from_slice(bytes);
            return;
        }
        if self.segments.capacity() == 0 {
            self.segments = pool.take_queue();
        }
        let mut buffer = pool.take();
        buffer.extend_from_slice(bytes);
        self.segments.push_back(Segment::Gathered(buffer));
    }

    /// Adds bytes behind what is here, without copying them.
    pub(crate) fn put_shared(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued += bytes.len() as u64;
            self.segments.push_back(Segment::Shared(bytes));
        }
    }

    /// Asks for a `true` of [`Outbox::settle`] once everything that is here now has been written.
    pub(crate) fn notify_when_written(&mut self) {
        self.marks.push_back((self.queued, Mark::Notify));
    }

    /// Takes note that the last bytes put in are nobody's message (the handshake's response,
    /// automatic pongs), and how many pongs they hold.
    pub(crate) fn mark_automatic(&mut self, bytes: usize, pongs: u32) {
        let surplus = -i64::try_from(bytes).unwrap_or(0);
        self.marks.push_back((self.queued, Mark::Settle { surplus, pongs }));
        self.unwritten_pongs += pongs;
    }

    /// Takes note that a frame of `wire` bytes was put in for which its sender charged `charged`.
    pub(crate) fn mark_charged(&mut self, charged: usize, wire: usize) {
        if charged != wire {
            let surplus = i64::try_from(charged).unwrap_or(0) - i64::try_from(wire).unwrap_or(0);
            self.marks.push_back((self.queued, Mark::Settle { surplus, pongs: 0 }));
        }
    }

    /// Automatic pongs that the kernel was offered and has not taken.
    pub(crate) fn refused_pongs(&self) -> u32 {
        if self.blocked { self.unwritten_pongs } else { 0 }
    }

    /// Bytes ever put in.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.queued
    }

    /// Bytes ever written.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written
    }

    /// Whether the kernel has refused bytes since all was last written.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Bytes that the kernel has not taken.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.queued - self.written
    }

    /// Writes until all is written or the writer has no room.
    ///
    /// # Errors
    /// The writer's; the outbox is of no use after it.
    pub(crate) fn poll_flush(
        &mut self,
        pool: &mut BufferPool,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<Result<usize>>,
    ) -> Poll<Result<()>> {
        while !self.segments.is_empty() {
            let mut slices = [IoSlice::new(&[]); Self::SLICES_A_WRITE];
            let mut filled = 0;
            for (slice, segment) in slices.iter_mut().zip(&self.segments) {
                let skip = if filled == 0 { self.front } else { 0 };
                *slice = IoSlice::new(&segment.bytes()[skip..]);
                filled += 1;
            }
            let Poll::Ready(written) = write(&slices[..filled])? else {
                self.blocked = true;
                return Poll::Pending;
            };
            self.advance(written, pool);
        }
        self.blocked = false;
        if self.segments.capacity() > 0 {
            pool.give_back_queue(std::mem::take(&mut self.segments));
        }
        Poll::Ready(Ok(()))
    }

    /// Takes everything that is unwritten, for a writer that takes it whole.
    pub(crate) fn take_all(&mut self, pool: &mut BufferPool) -> Option<Vec<u8>> {
        let mut all = match self.segments.pop_front()? {
            Segment::Gathered(bytes) => bytes,
            Segment::Shared(bytes) => bytes.into(),
        };
        for segment in self.segments.drain(..) {
            all.extend_from_slice(segment.bytes());
            if let Segment::Gathered(buffer) = segment {
                pool.give_back(buffer);
            }
        }
        self.written = self.queued;
        Some(all)
    }

    /// Drops every mark: what was taken whole is its taker's to follow.
    pub(crate) fn forget_marks(&mut self) {
        self.marks.clear();
        self.unwritten_pongs = 0;
    }

    /// Reports what has been written to `progress`; `true` if somebody waits to hear of it.
    pub(crate) fn settle(&mut self, progress: &Progress) -> bool {
        let mut notify = false;
        while let Some(&(end, mark)) = self.marks.front()
            && end <= self.written
        {
            self.marks.pop_front();
            match mark {
                Mark::Notify => notify = true,
                Mark::Settle { surplus, pongs } => {
                    self.surplus += surplus;
                    self.unwritten_pongs -= pongs;
                }
            }
        }
        if self.marks.is_empty() && self.marks.capacity() > 0 {
            self.marks = VecDeque::new();
        }
        progress.set_taken(self.written.saturating_add_signed(self.surplus), self.written);
        notify
    }

    fn advance(&mut self, mut written: usize, pool: &mut BufferPool) {
        self.written += written as u64;
        while let Some(segment) = self.segments.front() {
            let left = segment.bytes().len() - self.front;
            if written < left {
                self.front += written;
                return;
            }
            written -= left;
            self.front = 0;
            if let Some(Segment::Gathered(buffer)) = self.segments.pop_front() {
                pool.give_back(buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that takes at most `room` bytes a call, and `calls` calls.
    fn write_into(
        target: &mut Vec<u8>,
        outbox: &mut Outbox,
        room: usize,
        mut calls: usize,
    ) -> bool {
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
        let taken =
            || f64::from_bits(table.numbers()[0].load(std::sync::atomic::Ordering::Relaxed));
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
    fn takes_everything_for_a_writer_that_wants_one_piece() {
        let mut pool = BufferPool::default();
        let mut outbox = Outbox::default();
        assert_eq!(outbox.take_all(&mut pool), None);
        outbox.put(b"ab", &mut pool);
        outbox.put_shared(Bytes::from_static(b"cd"));
        outbox.put(b"ef", &mut pool);
        assert_eq!(outbox.take_all(&mut pool).as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(outbox.pending_bytes(), 0);
    }
}
