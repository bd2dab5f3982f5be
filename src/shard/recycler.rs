//! Memory of large payloads, used again.
//!
//! A fresh megabyte costs its page faults, more than copying into it does. So the memory of a payload
//! that has been written, or that JavaScript has no use for any more, comes back for the next one.
//! While it is not needed it is given back to the system.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::{Deref, DerefMut, RangeInclusive};
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

/// Shelves of emptied buffers. Ownership: a buffer belongs to whoever took it out; what is made of it
/// may travel to any thread, and the last to hold it puts it back.
#[derive(Clone, Debug, Default)]
pub struct Recycler(Arc<Mutex<Store>>);

#[derive(Debug, Default)]
struct Store {
    /// By size, those that hold something or that somebody asks for.
    shelves: BTreeMap<Size, Shelf>,
    /// The sum of the buffers' capacities.
    bytes: usize,
    /// Somebody trims it.
    is_tended: bool,
}

/// Buffers of about a size: so one is found without a search, and those that nobody asks for are
/// not in the way of the others.
#[derive(Debug, Default)]
struct Shelf {
    /// The last one to come is the first to go: it may still be in the processor's cache.
    buffers: Vec<Vec<u8>>,
    /// The least number of them since the last trim.
    unused: usize,
    /// Somebody has asked for this size since the last trim, or between it and the one before.
    is_asked: bool,
    was_asked: bool,
}

impl Shelf {
    fn take(&mut self) -> Option<Vec<u8>> {
        let buffer = self.buffers.pop()?;
        self.unused = self.unused.min(self.buffers.len());
        Some(buffer)
    }

    /// Takes out what was not needed since the last call.
    fn trim(&mut self) -> Vec<Vec<u8>> {
        self.was_asked = std::mem::take(&mut self.is_asked);
        let unused = self.buffers.drain(..self.unused).collect();
        self.unused = self.buffers.len();
        unused
    }

    fn is_wanted(&self) -> bool {
        self.is_asked || self.was_asked
    }
}

/// A step on a scale with four steps from a power of two to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Size(usize);

impl Size {
    /// Steps from a size to its double: buffers so much longer than asked for will do.
    const DOUBLE: usize = 4;

    /// The largest one that fits into so many bytes, 4 or more.
    fn within(bytes: usize) -> Self {
        let octave = bytes.ilog2() as usize;
        let step = (bytes >> (octave - 2)) & 3;
        Self(octave * Self::DOUBLE + step)
    }

    /// The smallest one that holds so many bytes.
    fn holding(bytes: usize) -> Self {
        Self(Self::within(bytes.max(LEAST_BYTES) - 1).0 + 1)
    }

    fn bytes(self) -> usize {
        let Self(steps) = self;
        (4 + steps % Self::DOUBLE) << (steps / Self::DOUBLE - 2)
    }

    /// This one up to its double.
    fn up_to_double(self) -> RangeInclusive<Self> {
        self..=Self(self.0 + Self::DOUBLE)
    }

    /// Half of this one up to itself: for those who ask for these its buffers will do.
    fn down_to_half(self) -> RangeInclusive<Self> {
        Self(self.0 - Self::DOUBLE)..=self
    }
}

impl Recycler {
    /// An empty buffer with room for so many bytes.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        self.find(bytes).unwrap_or_else(|| {
            let capacity = if bytes < LEAST_BYTES { bytes } else { Size::holding(bytes).bytes() };
            Vec::with_capacity(capacity)
        })
    }

    /// The same, if there is one that costs nothing.
    pub(crate) fn find(&self, bytes: usize) -> Option<Vec<u8>> {
        let size = Size::holding(bytes);
        self.with(|store| {
            store.shelves.entry(size).or_default().is_asked = true;
            let mut shelves = store.shelves.range_mut(size.up_to_double());
            let buffer = shelves.find_map(|(_, shelf)| shelf.take())?;
            store.bytes -= buffer.capacity();
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
        self.with(|store| !store.shelves.is_empty())
    }

    /// Frees what nobody has needed since the last call.
    fn trim(&self) {
        let unused = self.with(|store| {
            let unused: Vec<_> = store.shelves.values_mut().flat_map(Shelf::trim).collect();
            store.bytes -= unused.iter().map(Vec::capacity).sum::<usize>();
            store.shelves.retain(|_, shelf| shelf.is_wanted() || !shelf.buffers.is_empty());
            unused
        });
        drop(unused);
    }

    fn put_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let bytes = buffer.capacity();
        if bytes < LEAST_BYTES {
            return;
        }
        let size = Size::within(bytes);
        let refused = self.with(|store| {
            let most = if store.is_tended { MOST_BYTES } else { MOST_UNTENDED_BYTES };
            let mut served = store.shelves.range(size.down_to_half());
            if store.bytes + bytes > most || !served.any(|(_, shelf)| shelf.is_wanted()) {
                return Some(buffer);
            }
            store.bytes += bytes;
            store.shelves.entry(size).or_default().buffers.push(buffer);
            None
        });
        drop(refused);
    }

    fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
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
        recycler.with(|store| store.is_tended = true);
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

    impl Store {
        fn count(&self) -> usize {
            self.shelves.values().map(|shelf| shelf.buffers.len()).sum()
        }
    }

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
    fn sizes_are_a_quarter_of_a_power_of_two_apart() {
        for bytes in (LEAST_BYTES..4 * LEAST_BYTES).chain([1 << 20, (1 << 20) + 1, MOST_BYTES]) {
            let (within, holding) = (Size::within(bytes).bytes(), Size::holding(bytes).bytes());
            assert!(within <= bytes && bytes <= holding, "{within} {bytes} {holding}");
            assert!(holding - within <= within / 4, "{within} {bytes} {holding}");
            assert_eq!(
                Size::within(holding),
                Size::holding(bytes),
                "it serves whom it was made for"
            );
        }
        assert_eq!(Size::holding(1 << 20).bytes(), 1 << 20);
        assert_eq!(Size::holding(1).bytes(), LEAST_BYTES);
        assert!(Size::holding(usize::MAX) > Size::within(usize::MAX));
    }

    #[test]
    fn keeps_no_more_than_its_bound_and_nothing_small() {
        let recycler = Caretaker::of(Recycler::default()).recycler;
        for bytes in [1, MOST_BYTES / 2, MOST_BYTES] {
            assert!(recycler.find(bytes).is_none());
        }
        for bytes in [MOST_BYTES + 1, MOST_BYTES / 2, MOST_BYTES / 2, LEAST_BYTES] {
            drop(recycler.lend(Vec::with_capacity(bytes)));
        }
        assert_eq!(recycler.with(|store| store.bytes), MOST_BYTES);
        assert_eq!(recycler.with(|store| store.count()), 2);
        let other = Recycler::default();
        assert!(other.find(1).is_none());
        drop(other.lend(Vec::with_capacity(LEAST_BYTES - 1)));
        assert_eq!(other.with(|store| store.count()), 0);
    }

    #[test]
    fn keeps_only_what_those_who_ask_can_use() {
        let recycler = Recycler::default();
        let asked = [recycler.take(1 << 14), recycler.take(1 << 18)];
        for bytes in [1 << 13, (1 << 15) + (1 << 13), 1 << 17, (1 << 18) - 1, 1 << 20] {
            drop(recycler.lend(Vec::with_capacity(bytes)));
        }
        assert_eq!(recycler.with(|store| store.count()), 0);
        for bytes in [1 << 15, 1 << 19] {
            drop(recycler.lend(Vec::with_capacity(bytes)));
        }
        drop(asked.map(|buffer| recycler.lend(buffer)));
        assert_eq!(recycler.with(|store| store.count()), 4);
        recycler.trim();
        recycler.trim();
        assert!(recycler.find(1 << 16).is_none());
        drop(recycler.lend(Vec::with_capacity(1 << 16)));
        assert_eq!(recycler.with(|store| store.count()), 1, "now it is asked for");
    }

    #[test]
    fn a_trim_frees_what_was_not_needed_since_the_last_one() {
        let recycler = Recycler::default();
        let buffers = [recycler.take(1 << 20), recycler.take(1 << 20), recycler.take(1 << 20)];
        drop(buffers.map(|buffer| recycler.lend(buffer)));
        recycler.trim();
        assert_eq!(recycler.with(|store| store.count()), 3, "they have just come");
        drop(recycler.lend(recycler.take(1 << 20)));
        recycler.trim();
        assert_eq!(recycler.with(|store| store.count()), 1);
        recycler.trim();
        assert_eq!(recycler.with(|store| (store.count(), store.bytes)), (0, 0));
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
        assert_eq!(recycler.with(|store| store.count()), 0);
    }
}
