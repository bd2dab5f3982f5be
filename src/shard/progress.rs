//! How many bytes of a connection the kernel has taken and given, readable without a crossing.
//!
//! One table of numbers is shared with JavaScript. Each number is written by the one thread that
//! drives its connection and read by the JavaScript thread, which subtracts the first from what it
//! sent.
//!
//! | number | counts |
//! |---|---|
//! | 0 | bytes taken, of those that JavaScript charged |
//! | 1 | bytes read from the transport |
//! | 2 | bytes written to it, whoever they come from |

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many numbers a connection has.
const NUMBERS: usize = 3;

/// A block of numbers, each the bits of an `f64` (JavaScript reads them as a `Float64Array`).
#[derive(Clone, Debug)]
pub struct ProgressTable(Arc<[AtomicU64]>);

impl ProgressTable {
    /// A table of zeros for so many connections.
    #[must_use]
    pub fn new(connections: usize) -> Self {
        Self((0..connections * NUMBERS).map(|_| AtomicU64::new(0)).collect())
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

    /// Adds to the number of bytes read. There is one writer, so that nothing comes between.
    pub(crate) fn add_read(&self, bytes: usize) {
        if let Some(number) = self.table.get(self.first + 1) {
            let before = f64::from_bits(number.load(Ordering::Relaxed));
            number.store((before + exact(bytes as u64)).to_bits(), Ordering::Relaxed);
        }
    }

    fn set(&self, number: usize, bytes: u64) {
        if let Some(number) = self.table.get(self.first + number) {
            number.store(exact(bytes).to_bits(), Ordering::Relaxed);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 bytes on one connection")]
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
        assert_eq!(numbers(), [10.0, 0.0, 12.0, 0.0, 11.0, 0.0]);
        let _ = table.entry(0);
        assert_eq!(numbers(), [0.0, 0.0, 0.0, 0.0, 11.0, 0.0]);
    }
}
