//! Memory of large payloads, used again.
//!
//! A fresh megabyte costs its page faults, more than copying into it does. So the memory of a payload
//! that has been written comes back, up to a bound, for the next one.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Bytes kept for reuse.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A shelf of emptied buffers. Ownership: a buffer belongs to whoever took it out; what is made of it
/// may travel to any thread, and the last to hold it puts it back.
#[derive(Clone, Debug, Default)]
pub struct Recycler(Arc<Mutex<Vec<Vec<u8>>>>);

impl Recycler {
    /// An empty buffer with room for so many bytes.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = buffers.iter().position(|buffer| fits(buffer.capacity(), bytes));
        match fitting {
            Some(index) => buffers.swap_remove(index),
            None => Vec::with_capacity(bytes),
        }
    }

    /// Lets many read a buffer; it comes back when nobody does any more.
    #[must_use]
    pub fn share(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Shared { buffer, home: self.clone() })
    }

    fn put_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = buffers.iter().map(Vec::capacity).sum();
        if kept + buffer.capacity() <= MOST_BYTES {
            buffers.push(buffer);
        }
    }
}

/// Whether a buffer is large enough, and not so large that most of it would be wasted.
fn fits(capacity: usize, bytes: usize) -> bool {
    capacity >= bytes && capacity / 4 <= bytes
}

struct Shared {
    buffer: Vec<u8>,
    home: Recycler,
}

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Shared {
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
        let mut buffer = recycler.take(1000);
        buffer.extend_from_slice(b"abc");
        let memory = buffer.as_ptr();
        let shared = recycler.share(buffer);
        let other = shared.slice(1..);
        drop(shared);
        assert_eq!(&other[..], b"bc");
        drop(other);
        let again = recycler.take(900);
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), memory);
        let fresh = recycler.take(900);
        assert_ne!(fresh.as_ptr(), memory, "it is taken once");
    }

    #[test]
    fn a_small_payload_does_not_take_a_large_buffer() {
        let recycler = Recycler::default();
        drop(recycler.share(recycler.take(1 << 20)));
        assert!(recycler.take(1 << 10).capacity() < 1 << 20);
        assert!(recycler.take(1 << 19).capacity() >= 1 << 20);
    }

    #[test]
    fn keeps_no_more_than_its_bound() {
        let recycler = Recycler::default();
        drop(recycler.share(Vec::with_capacity(MOST_BYTES + 1)));
        assert_eq!(recycler.0.lock().unwrap().len(), 0);
        drop(recycler.share(Vec::with_capacity(MOST_BYTES / 2)));
        drop(recycler.share(Vec::with_capacity(MOST_BYTES / 2)));
        drop(recycler.share(Vec::with_capacity(1)));
        assert_eq!(recycler.0.lock().unwrap().len(), 2);
    }
}
