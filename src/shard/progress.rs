//! How many bytes of a connection the kernel has taken, readable without a crossing.
//!
//! One table of numbers is shared with JavaScript. Each number is written by the one thread that
//! drives its connection and read by the JavaScript thread, which subtracts it from what it sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A block of numbers, each the bits of an `f64` (JavaScript reads them as a `Float64Array`).
#[derive(Clone, Debug)]
pub struct ProgressTable(Arc<[AtomicU64]>);

impl ProgressTable {
    /// A table of `entries` zeros.
    #[must_use]
    pub fn new(entries: usize) -> Self {
        Self((0..entries).map(|_| AtomicU64::new(0)).collect())
    }

    /// The numbers, for whoever shows them to JavaScript: that view must hold a clone of the table.
    #[must_use]
    pub fn numbers(&self) -> &[AtomicU64] {
        &self.0
    }

    /// The entry of one connection, set to zero.
    #[must_use]
    pub fn entry(&self, index: usize) -> Progress {
        let progress = Progress { table: self.0.clone(), index };
        progress.set(0);
        progress
    }
}

/// One connection's entry.
#[derive(Debug)]
pub struct Progress {
    table: Arc<[AtomicU64]>,
    index: usize,
}

impl Progress {
    /// An entry that nobody reads.
    #[must_use]
    pub fn detached() -> Self {
        ProgressTable::new(1).entry(0)
    }

    /// Publishes the number of bytes taken.
    pub(crate) fn set(&self, bytes: u64) {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 bytes on one connection")]
        let bits = (bytes as f64).to_bits();
        if let Some(number) = self.table.get(self.index) {
            number.store(bits, Ordering::Relaxed);
        }
    }
}
