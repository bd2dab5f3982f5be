//! What can be read of a connection without a crossing: how many bytes the kernel has taken, and how
//! long its peer takes to answer.
//!
//! One table of numbers is shared with JavaScript. Each number is written by whoever drives its
//! connection, one thread at a time, and read by the JavaScript thread, which subtracts the first from
//! what it sent.
//!
//! | number | counts |
//! |---|---|
//! | 0 | bytes taken, of those that JavaScript charged |
//! | 1 | bytes read from the transport |
//! | 2 | bytes written to it, whoever they come from; if JavaScript writes them, those handed to it, as charged |
//! | 3 | milliseconds that the last pong of the heartbeat took; 0 is none yet |
//! | 4 | messages that came in |
//! | 5 | messages that went out |

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many numbers a connection has.
const NUMBERS: usize = 6;

/// A block of numbers, each the bits of an `f64` (JavaScript reads them as a `Float64Array`).
#[derive(Clone, Debug)]
pub struct ProgressTable(Arc<[AtomicU64]>);

impl ProgressTable {
    /// A table of zeros for so many connections.
    #[must_use]
    pub fn new(connections: usize) -> Self {
        Self::of_numbers(connections * NUMBERS)
    }

    /// A table of so many zeros.
    pub(crate) fn of_numbers(count: usize) -> Self {
        Self((0..count).map(|_| AtomicU64::new(0)).collect())
    }

    /// The numbers, for whoever shows them to JavaScript: that view must hold a clone of the table.
    #[must_use]
    pub fn numbers(&self) -> &[AtomicU64] {
        &self.0
    }

    /// The entry of one connection, set to zeros.
    #[must_use]
    pub fn entry(&self, index: usize) -> Progress {
        let progress = Progress { table: self.0.clone(), first: index * NUMBERS };
        for number in 0..NUMBERS {
            progress.set(number, 0);
        }
        progress
    }

    /// Adds to a number that nobody else writes.
    pub(crate) fn add(&self, index: usize, more: usize) {
        if let Some(number) = self.0.get(index) {
            add(number, more);
        }
    }
}

/// One connection's entry.
#[derive(Debug)]
pub struct Progress {
    table: Arc<[AtomicU64]>,
    first: usize,
}

impl Progress {
    /// An entry that nobody reads.
    #[must_use]
    pub fn detached() -> Self {
        ProgressTable::new(1).entry(0)
    }

    /// Publishes the number of bytes taken of those charged, and of all bytes written.
    pub(crate) fn set_taken(&self, charged: u64, written: u64) {
        self.set(0, charged);
        self.set(2, written);
    }

    /// Publishes how many of the bytes charged have been handed to whoever writes them.
    pub(crate) fn set_handed_on(&self, charged: u64) {
        self.set(2, charged);
    }

    /// Adds to the number of bytes read.
    pub(crate) fn add_read(&self, bytes: usize) {
        self.add(1, bytes);
    }

    /// Publishes how long the last pong took.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.store(3, latency.as_secs_f64() * 1000.0);
    }

    /// Counts messages that came in.
    pub(crate) fn count_in(&self, messages: usize) {
        self.add(4, messages);
    }

    /// Counts a frame of a message that goes out, if it is the last one.
    pub(crate) fn count_out(&self, fin: bool) {
        self.add(5, usize::from(fin));
    }

    fn set(&self, number: usize, bytes: u64) {
        self.store(number, exact(bytes));
    }

    fn store(&self, number: usize, value: f64) {
        if let Some(number) = self.table.get(self.first + number) {
            number.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    fn add(&self, number: usize, more: usize) {
        if let Some(number) = self.table.get(self.first + number) {
            add(number, more);
        }
    }
}

/// Adds to a number that has one writer, so that nothing comes between.
fn add(number: &AtomicU64, more: usize) {
    let sum = f64::from_bits(number.load(Ordering::Relaxed)) + exact(more as u64);
    number.store(sum.to_bits(), Ordering::Relaxed);
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn exact(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_numbers_of_its_own() {
        let table = ProgressTable::new(2);
        let (first, second) = (table.entry(0), table.entry(1));
        first.set_taken(10, 12);
        second.add_read(5);
        second.add_read(6);
        let numbers = || -> Vec<_> {
            table.numbers().iter().map(|it| f64::from_bits(it.load(Ordering::Relaxed))).collect()
        };
        assert_eq!(numbers(), [10.0, 0.0, 12.0, 0.0, 0.0, 0.0, 0.0, 11.0, 0.0, 0.0, 0.0, 0.0]);
        let _ = table.entry(0);
        assert_eq!(numbers(), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
