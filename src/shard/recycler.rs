//! Memory of large payloads, used again.
//!
//! A fresh megabyte costs its page faults, more than copying into it does. So the memory of a payload
//! that has been written, or that JavaScript has no use for any more, comes back for the next one.
//! While it is not needed it is given back to the system.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Sleep, sleep};

/// Bytes kept for reuse: V8 finds out that it has no use for memory 32 MiB at a time.
const MOST_BYTES: usize = 48 * 1024 * 1024;
/// The same where nobody gives back what is not needed.
const MOST_UNTENDED_BYTES: usize = 8 * 1024 * 1024;
/// The allocator has smaller buffers without a page fault.
const LEAST_BYTES: usize = 8 * 1024;
/// What nobody has needed for so long goes.
const TRIM_INTERVAL: Duration = Duration::from_secs(2);

/// A shelf of emptied buffers. Ownership: a buffer belongs to whoever took it out; what is made of it
/// may travel to any thread, and the last to hold it puts it back.
#[derive(Clone, Debug, Default)]
pub struct Recycler(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    /// The last one to come is the first to go: it may still be in the processor's cache.
    buffers: Vec<Vec<u8>>,
    /// Their sum, and the least of that since the last trim.
    bytes: usize,
    unused: usize,
    /// The least that somebody has asked for since the last trim, and since the one before: shorter
    /// buffers are not kept. 0 if nobody has asked.
    least_asked: usize,
    least_useful: usize,
    /// Somebody trims it.
    is_tended: bool,
}

impl Recycler {
    /// An empty buffer with room for so many bytes.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        self.find(bytes).unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// The same, if there is one that costs nothing.
    pub(crate) fn find(&self, bytes: usize) -> Option<Vec<u8>> {
        self.with(|shelf| {
            shelf.least_asked = least(shelf.least_asked, bytes);
            shelf.least_useful = least(shelf.least_useful, bytes);
            let index = shelf.buffers.iter().rposition(|kept| fits(kept.capacity(), bytes))?;
            let buffer = shelf.buffers.remove(index);
            shelf.bytes -= buffer.capacity();
            shelf.unused = shelf.unused.min(shelf.bytes);
            Some(buffer)
        })
    }

    /// Lets many read a buffer; it comes back when nobody does any more.
    #[must_use]
    pub fn share(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(self.lend(buffer))
    }

    /// A buffer, wherever it is from, that comes here when its owner drops it.
    #[must_use]
    pub fn lend(&self, buffer: Vec<u8>) -> Lent {
        Lent { buffer, home: self.clone() }
    }

    /// Whether somebody has to call [`trim`](Self::trim) from now and then.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.with(|shelf| shelf.least_useful > 0 || shelf.bytes > 0)
    }

    /// Frees what nobody has needed since the last call.
    fn trim(&self) {
        let unused = self.with(|shelf| {
            let (mut count, mut bytes) = (0, 0);
            while bytes < shelf.unused {
                bytes += shelf.buffers[count].capacity();
                count += 1;
            }
            shelf.bytes -= bytes;
            shelf.unused = shelf.bytes;
            shelf.least_useful = std::mem::take(&mut shelf.least_asked);
            shelf.buffers.drain(..count).collect::<Vec<_>>()
        });
        drop(unused);
    }

    fn put_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let bytes = buffer.capacity();
        let refused = self.with(|shelf| {
            let most = if shelf.is_tended { MOST_BYTES } else { MOST_UNTENDED_BYTES };
            let is_useful = shelf.least_useful > 0 && bytes >= shelf.least_useful.max(LEAST_BYTES);
            if !is_useful || shelf.bytes + bytes > most {
                return Some(buffer);
            }
            shelf.bytes += bytes;
            shelf.buffers.push(buffer);
            None
        });
        drop(refused);
    }

    fn with<T>(&self, work: impl FnOnce(&mut Shelf) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Gives back in time what a recycler keeps and nobody needs.
#[derive(Debug, Default)]
pub(crate) struct Caretaker {
    recycler: Recycler,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Caretaker {
    /// Somebody calls [`poll`](Self::poll) from now on.
    pub(crate) fn of(recycler: Recycler) -> Self {
        recycler.with(|shelf| shelf.is_tended = true);
        Self { recycler, sleep: None }
    }

    /// Trims when it is time, and has the context woken when it will be.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) {
        while self.recycler.is_busy() {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(TRIM_INTERVAL)));
            if sleep.as_mut().poll(context).is_pending() {
                return;
            }
            self.sleep = None;
            self.recycler.trim();
        }
    }
}

/// Whether a buffer is large enough, and not so large that most of it would be wasted.
fn fits(capacity: usize, bytes: usize) -> bool {
    capacity >= bytes && capacity / 2 <= bytes
}

/// The lesser of two sizes, of which the first may be 0 for none.
fn least(former: usize, bytes: usize) -> usize {
    if former == 0 { bytes } else { former.min(bytes) }
}

/// A filled buffer that goes home when it is dropped.
#[derive(Debug)]
pub struct Lent {
    buffer: Vec<u8>,
    home: Recycler,
}

impl Deref for Lent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.put_back(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_reader_is_gone() {
        let recycler = Recycler::default();
        let mut buffer = recycler.take(100_000);
        buffer.extend_from_slice(b"abc");
        let memory = buffer.as_ptr();
        let shared = recycler.share(buffer);
        let other = shared.slice(1..);
        drop(shared);
        assert_eq!(&other[..], b"bc");
        drop(other);
        let again = recycler.take(90_000);
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), memory);
        assert!(recycler.find(90_000).is_none(), "it is taken once");
    }

    #[test]
    fn a_small_payload_does_not_take_a_large_buffer() {
        let recycler = Recycler::default();
        drop(recycler.lend(recycler.take(1 << 20)));
        assert!(recycler.take(1 << 10).capacity() < 1 << 20);
        assert!(recycler.take(1 << 19).capacity() >= 1 << 20);
    }

    #[test]
    fn keeps_no_more_than_its_bound_and_nothing_small() {
        let recycler = Caretaker::of(Recycler::default()).recycler;
        assert!(recycler.find(1).is_none());
        for bytes in [MOST_BYTES + 1, MOST_BYTES / 2, MOST_BYTES / 2, LEAST_BYTES] {
            drop(recycler.lend(Vec::with_capacity(bytes)));
        }
        assert_eq!(recycler.with(|shelf| shelf.bytes), MOST_BYTES);
        assert_eq!(recycler.with(|shelf| shelf.buffers.len()), 2);
        let other = Recycler::default();
        assert!(other.find(1).is_none());
        drop(other.lend(Vec::with_capacity(LEAST_BYTES - 1)));
        assert_eq!(other.with(|shelf| shelf.buffers.len()), 0);
    }

    #[test]
    fn keeps_nothing_that_is_too_short_for_those_who_ask() {
        let recycler = Recycler::default();
        let buffer = recycler.take(1 << 18);
        drop(recycler.lend(Vec::with_capacity(1 << 16)));
        assert_eq!(recycler.with(|shelf| shelf.buffers.len()), 0);
        recycler.trim();
        drop(recycler.lend(buffer));
        assert_eq!(recycler.with(|shelf| shelf.buffers.len()), 1);
        assert!(recycler.find(1 << 16).is_none());
        drop(recycler.lend(Vec::with_capacity(1 << 16)));
        assert_eq!(recycler.with(|shelf| shelf.buffers.len()), 2, "now it is asked for");
    }

    #[test]
    fn a_trim_frees_what_was_not_needed_since_the_last_one() {
        let recycler = Recycler::default();
        let buffers = [recycler.take(1 << 20), recycler.take(1 << 20), recycler.take(1 << 20)];
        drop(buffers.map(|buffer| recycler.lend(buffer)));
        recycler.trim();
        assert_eq!(recycler.with(|shelf| shelf.buffers.len()), 3, "they have just come");
        drop(recycler.lend(recycler.take(1 << 20)));
        recycler.trim();
        assert_eq!(recycler.with(|shelf| shelf.buffers.len()), 1);
        recycler.trim();
        assert_eq!(recycler.with(|shelf| (shelf.buffers.len(), shelf.bytes)), (0, 0));
        assert!(!recycler.is_busy());
    }

    #[test]
    fn keeps_nothing_that_comes_back_long_after() {
        let recycler = Recycler::default();
        let late = recycler.lend(recycler.take(1 << 20));
        recycler.trim();
        assert!(recycler.is_busy(), "somebody has asked");
        recycler.trim();
        assert!(!recycler.is_busy());
        drop(late);
        assert_eq!(recycler.with(|shelf| shelf.buffers.len()), 0);
    }
}
