//! Where a shard reads to.
//!
//! Short payloads are copied out, and the memory, which is in the processor's cache, is read to again.
//! Long ones stay where they are: what is read next comes behind them, and the memory goes up with the
//! batch that tells of them.

use bytes::BufMut;
use bytes::buf::Limit;

use crate::recycler::Recycler;

/// Bytes that one read can bring.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// Room for some reads whose payloads stay.
const BUFFER_BYTES: usize = 256 * 1024;
/// Payloads from this size on stay.
pub(crate) const KEPT_PAYLOAD_BYTES: usize = 8 * 1024;

/// Memory that is read to, payload behind payload.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
    /// How much is in front of what was read last: payloads that stay, and what lies between them.
    kept: usize,
}

impl ReadBuffer {
    /// Where the next read goes.
    pub(crate) fn room(&mut self) -> Limit<&mut Vec<u8>> {
        self.bytes.truncate(self.kept);
        self.bytes.reserve_exact(BUFFER_BYTES - self.kept);
        (&mut self.bytes).limit(READ_BYTES)
    }

    /// What the last read has brought, how many bytes are in front of that, and where to note how many
    /// are to stay.
    pub(crate) fn last_read(&mut self) -> (&mut [u8], usize, &mut usize) {
        let Self { bytes, kept } = self;
        let base = *kept;
        (bytes.get_mut(base..).unwrap_or_default(), base, kept)
    }

    /// Bytes in which payloads stay.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept
    }

    /// Whether there is no room for another read.
    pub(crate) fn is_full(&self) -> bool {
        self.kept + READ_BYTES > BUFFER_BYTES
    }

    /// The memory in which payloads stay, if there are any; the next read goes elsewhere.
    pub(crate) fn hand_over(&mut self, recycler: &Recycler) -> Option<Vec<u8>> {
        let kept = std::mem::take(&mut self.kept);
        if kept == 0 {
            return None;
        }
        if kept < BUFFER_BYTES / 2 {
            // So little is copied, rather than that its readers hold all the memory.
            let mut copy = recycler.take(kept);
            copy.extend_from_slice(&self.bytes[..kept]);
            return Some(copy);
        }
        self.bytes.truncate(kept);
        Some(std::mem::replace(&mut self.bytes, recycler.take(BUFFER_BYTES)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(buffer: &mut ReadBuffer, bytes: &[u8]) {
        buffer.room().put_slice(bytes);
    }

    /// Keeps the first bytes of the last read.
    fn keep(buffer: &mut ReadBuffer, count: usize) {
        let (_, base, kept) = buffer.last_read();
        *kept = base + count;
    }

    fn assert_last_read(buffer: &mut ReadBuffer, bytes: &[u8], base: usize) {
        let (read, in_front, _) = buffer.last_read();
        assert_eq!((&*read, in_front), (bytes, base));
    }

    #[test]
    fn what_is_not_kept_is_overwritten() {
        let mut buffer = ReadBuffer::default();
        read(&mut buffer, b"abc");
        let memory = buffer.bytes.as_ptr();
        assert_last_read(&mut buffer, b"abc", 0);
        read(&mut buffer, b"de");
        assert_last_read(&mut buffer, b"de", 0);
        assert_eq!(buffer.bytes.as_ptr(), memory);
        assert!(buffer.hand_over(&Recycler::default()).is_none());
    }

    #[test]
    fn what_is_kept_goes_up_and_what_follows_comes_behind_it() {
        let mut buffer = ReadBuffer::default();
        read(&mut buffer, b"abcd");
        keep(&mut buffer, 3);
        read(&mut buffer, b"efg");
        assert_last_read(&mut buffer, b"efg", 3);
        keep(&mut buffer, 1);
        let memory = buffer.bytes.as_ptr();
        assert_eq!(buffer.hand_over(&Recycler::default()).unwrap(), b"abce");
        read(&mut buffer, b"h");
        assert_last_read(&mut buffer, b"h", 0);
        assert_eq!(buffer.bytes.as_ptr(), memory, "so little was copied");
    }

    #[test]
    fn is_handed_over_itself_when_it_is_half_full() {
        let mut buffer = ReadBuffer::default();
        for round in 0..3 {
            assert!(!buffer.is_full(), "{round}");
            read(&mut buffer, &vec![7; READ_BYTES]);
            assert_eq!(buffer.room().remaining_mut(), READ_BYTES);
            read(&mut buffer, &vec![7; READ_BYTES]);
            keep(&mut buffer, READ_BYTES);
        }
        read(&mut buffer, &vec![7; READ_BYTES]);
        keep(&mut buffer, 1);
        assert!(buffer.is_full());
        let memory = buffer.bytes.as_ptr();
        let handed = buffer.hand_over(&Recycler::default()).unwrap();
        assert_eq!((handed.as_ptr(), handed.len()), (memory, 3 * READ_BYTES + 1));
        assert!(!buffer.is_full());
        read(&mut buffer, b"x");
        assert_eq!(&*buffer.last_read().0, b"x");
    }
}
