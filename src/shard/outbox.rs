//! A connection's bytes on their way to the kernel.
//!
//! Small frames are gathered in one buffer, so that a batch is one write; large payloads stay where
//! they are and go out in the same vectored write. An empty outbox holds no memory.

mod urgent;

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

    pub(crate) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < Self::MOST_BUFFERS && buffer.capacity() <= Self::MOST_BYTES_EACH {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

/// Bytes in one piece.
#[derive(Debug)]
struct Segment {
    content: Content,
    /// A frame begins with it: another one may go out in front of it.
    begins_frame: bool,
}

#[derive(Debug)]
enum Content {
    Gathered(Vec<u8>),
    Shared(Bytes),
    /// Control frames that have overtaken messages.
    Urgent(Vec<u8>),
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Gathered(bytes) | Content::Urgent(bytes) => bytes,
            Content::Shared(bytes) => bytes,
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
    /// What is put in next begins a frame.
    at_frame: bool,
}

impl Outbox {
    const SLICES_A_WRITE: usize = 32;
    const GATHER_BYTES: usize = 64 * 1024;

    /// Says that what is put in next begins a frame.
    pub(crate) fn begin_frame(&mut self) {
        self.at_frame = true;
    }

    /// Adds bytes behind what is here.
    pub(crate) fn put(&mut self, bytes: &[u8], pool: &mut BufferPool) {
        self.queued += bytes.len() as u64;
        let begins_frame = std::mem::take(&mut self.at_frame);
        if let Some(Segment { content: Content::Gathered(last), .. }) = self.segments.back_mut()
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
        self.segments.push_back(Segment { content: Content::Gathered(buffer), begins_frame });
    }

    /// Adds bytes behind what is here, without copying them.
    pub(crate) fn put_shared(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued += bytes.len() as u64;
            let content = Content::Shared(bytes);
            self.segments.push_back(Segment { content, begins_frame: false });
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

    /// Takes the first of what is unwritten, at least `enough` bytes if there are so many, for a writer
    /// that takes them whole.
    pub(crate) fn take(&mut self, enough: usize, pool: &mut BufferPool) -> Option<Vec<u8>> {
        let mut all = match self.segments.pop_front()?.content {
            Content::Gathered(bytes) | Content::Urgent(bytes) => bytes,
            Content::Shared(bytes) => bytes.into(),
        };
        while self.segments.front().is_some_and(|next| all.len() < enough || !next.begins_frame)
            && let Some(segment) = self.segments.pop_front()
        {
            all.extend_from_slice(segment.bytes());
            if let Content::Gathered(buffer) = segment.content {
                pool.give_back(buffer);
            }
        }
        self.written += all.len() as u64;
        Some(all)
    }

    /// Reports what has been written to `progress`; `true` if somebody waits to hear of it.
    pub(crate) fn settle(&mut self, progress: &Progress) -> bool {
        let (taken, notify) = self.settle_marks();
        progress.set_taken(taken, self.written);
        notify
    }

    /// Applies the marks of what has been written. Returns how much of what was charged that is, and
    /// whether somebody waits to hear of it.
    pub(crate) fn settle_marks(&mut self) -> (u64, bool) {
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
        (self.written.saturating_add_signed(self.surplus), notify)
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
            let segment = self.segments.pop_front();
            if let Some(Segment { content: Content::Gathered(buffer), .. }) = segment {
                pool.give_back(buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
