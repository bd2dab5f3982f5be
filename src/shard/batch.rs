//! What crosses the border in one piece: events going up, commands coming down.
//!
//! A batch is plain data: fixed-width records, one buffer with the payloads in record order, and a
//! list of payloads too large to be copied once more. Nothing here knows a socket or JavaScript.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::adopt::Adoption;
use crate::record::{
    COMMAND_COMPRESS, COMMAND_LARGE, CommandKind, EVENT_FIRST_KEPT, EVENT_KEPT, EVENT_LARGE,
    EVENT_LAST_LENT, EVENT_LENT, EventKind, KIND_MASK, Record,
};
use crate::registry::ConnectionId;

/// The longest message that whoever sends it writes by itself.
const LONE_MESSAGE_BYTES: usize = 4 * 1024;

/// Payloads from this size on travel as a buffer of their own instead of in the batch's bytes.
pub const LARGE_PAYLOAD_BYTES: usize = 32 * 1024 + 1;

/// Events, or bytes of their payloads, that make a batch full. It ends in memory that the next one
/// uses again, and in the processor's cache.
const FULL_EVENTS: usize = 512;
const FULL_BYTES: usize = 192 * 1024;

/// Bytes that take as much effort as an event or a command.
pub(crate) const EFFORT_BYTES: usize = 1024;

/// Events of one turn of a shard, in the order in which they happened.
#[derive(Debug, Default)]
pub struct EventBatch {
    records: Vec<Record>,
    bytes: Vec<u8>,
    large: VecDeque<Vec<u8>>,
    /// Where the kept payloads lie, once the batch is published.
    kept: Option<Vec<u8>>,
    has_kept: bool,
    next_record: usize,
    next_byte: usize,
    /// Where the last lent payload's record is.
    last_lent: Option<usize>,
}

/// How far a call of [`EventBatch::copy_into`] came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Records written.
    pub records: usize,
    /// Payload bytes written.
    pub bytes: usize,
    /// The next payload does not fit into what is left of the slab.
    pub slab_full: bool,
}

impl EventBatch {
    /// Adds an event whose payload is copied.
    pub fn push(
        &mut self,
        id: ConnectionId,
        kind: EventKind,
        flags: u32,
        payload: &[u8],
        word: u32,
    ) {
        if payload.len() >= LARGE_PAYLOAD_BYTES {
            return self.push_large(id, kind, flags, payload.to_vec());
        }
        self.bytes.extend_from_slice(payload);
        self.records.push([id.get(), kind as u32 | flags, length_word(payload.len()), word]);
    }

    /// Adds an event whose payload moves in without a copy.
    pub fn push_large(&mut self, id: ConnectionId, kind: EventKind, flags: u32, payload: Vec<u8>) {
        self.records.push([
            id.get(),
            kind as u32 | flags | EVENT_LARGE,
            length_word(payload.len()),
            0,
        ]);
        self.large.push_back(payload);
    }

    /// Adds an event whose payload its reader has: it begins at `offset` of what came in.
    pub fn push_lent(
        &mut self,
        id: ConnectionId,
        kind: EventKind,
        flags: u32,
        offset: usize,
        bytes: usize,
    ) {
        self.last_lent = Some(self.records.len());
        self.push_outside(id, kind as u32 | flags | EVENT_LENT, offset, bytes);
    }

    /// Adds an event whose payload stays where it was read, from `offset` on. That memory is to be
    /// [brought](Self::bring) with the batch.
    pub(crate) fn push_kept(
        &mut self,
        id: ConnectionId,
        kind: EventKind,
        flags: u32,
        offset: usize,
        bytes: usize,
    ) {
        let first = if self.has_kept { 0 } else { EVENT_FIRST_KEPT };
        self.has_kept = true;
        self.push_outside(id, kind as u32 | flags | EVENT_KEPT | first, offset, bytes);
    }

    /// Adds an event whose payload does not lie in the batch's bytes.
    fn push_outside(&mut self, id: ConnectionId, word: u32, offset: usize, bytes: usize) {
        self.records.push([id.get(), word, length_word(bytes), length_word(offset)]);
    }

    /// Brings the memory in which the kept payloads lie.
    pub(crate) fn bring(&mut self, kept: Option<Vec<u8>>) {
        self.kept = kept;
    }

    /// The memory in which the kept payloads lie.
    pub fn take_kept(&mut self) -> Option<Vec<u8>> {
        self.kept.take()
    }

    /// What came in has been gone through. Returns whether anything is lent of it.
    pub fn end_loan(&mut self) -> bool {
        let last = self.last_lent.take().and_then(|index| self.records.get_mut(index));
        last.map(|record| record[1] |= EVENT_LAST_LENT).is_some()
    }

    /// Adds an event that has two numbers and no payload.
    pub fn push_numbers(&mut self, id: ConnectionId, kind: EventKind, first: u32, second: u32) {
        self.records.push([id.get(), kind as u32, first, second]);
    }

    /// Copies records, and their payloads one behind the other, until either room ends.
    pub fn copy_into(&mut self, records: &mut [u32], slab: &mut [u8]) -> Copied {
        let mut copied = Copied::default();
        let (slots, _) = records.as_chunks_mut::<4>();
        for slot in slots {
            let Some(record) = self.records.get(self.next_record) else { break };
            let in_slab = in_slab_bytes(record);
            let room = copied.bytes..copied.bytes + in_slab;
            let Some(target) = slab.get_mut(room) else {
                copied.slab_full = true;
                break;
            };
            target.copy_from_slice(&self.bytes[self.next_byte..self.next_byte + in_slab]);
            *slot = *record;
            self.next_record += 1;
            self.next_byte += in_slab;
            copied.records += 1;
            copied.bytes += in_slab;
        }
        copied
    }

    /// The next large payload, in record order.
    pub fn take_large(&mut self) -> Option<Vec<u8>> {
        self.large.pop_front()
    }

    /// Whether every record has been copied out.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.next_record == self.records.len() && self.large.is_empty() && self.kept.is_none()
    }

    /// How many events the batch holds, copied or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the batch is better handed over than filled further.
    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= FULL_EVENTS || self.bytes.len() >= FULL_BYTES
    }

    /// Whether the batch holds no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Each event's connection and what it weighs against that connection's high-water mark; only those
    /// that came of what was read weigh anything.
    pub fn weights(&self) -> impl Iterator<Item = (ConnectionId, usize)> {
        self.records
            .iter()
            .filter(|record| EventKind::is_read(record[1] & KIND_MASK))
            .map(|record| (ConnectionId::new(record[0]), weight(record)))
    }

    /// Empties the batch for its next turn; what a burst has blown up is given back.
    pub fn reset(&mut self) {
        empty(&mut self.records);
        empty(&mut self.bytes);
        self.large.clear();
        self.kept = None;
        self.has_kept = false;
        self.next_record = 0;
        self.next_byte = 0;
    }
}

/// What one event weighs: its payload, and its record so that empty messages count too.
pub(crate) fn weight(record: &Record) -> usize {
    let payload =
        if EventKind::has_payload(record[1] & KIND_MASK) { record[2] as usize } else { 0 };
    payload + size_of::<Record>()
}

fn in_slab_bytes(record: &Record) -> usize {
    let kind = record[1] & KIND_MASK;
    if EventKind::has_payload(kind) && record[1] & (EVENT_LARGE | EVENT_LENT | EVENT_KEPT) == 0 {
        record[2] as usize
    } else {
        0
    }
}

/// Message sizes end at 4 GiB: `ws` cannot hold more than that in one Buffer either.
fn length_word(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Commands of one tick for one shard, in the order in which they were given.
#[derive(Debug, Default)]
pub struct CommandBatch {
    pub(crate) records: Vec<Record>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) large: VecDeque<Bytes>,
    pub(crate) adoptions: VecDeque<Adoption>,
}

impl CommandBatch {
    /// Adds a command with a payload that is copied.
    pub fn push(&mut self, id: u32, word: u32, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.records.push([id, word & !COMMAND_LARGE, length_word(payload.len()), 0]);
    }

    /// Adds a command whose payload moves in without a copy.
    pub fn push_large(&mut self, id: u32, word: u32, payload: Bytes) {
        self.records.push([id, word | COMMAND_LARGE, length_word(payload.len()), 0]);
        self.large.push_back(payload);
    }

    /// Adds the take-over of a socket; commands for it may follow in the same batch.
    pub fn push_adoption(&mut self, adoption: Adoption) {
        self.records.push([adoption.id.get(), CommandKind::Adopt as u32, 0, 0]);
        self.adoptions.push_back(adoption);
    }

    /// Whether the batch holds no command.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether the batch is one small message, which is not to be compressed.
    pub(crate) fn is_lone_message(&self) -> bool {
        let &[[_, word, length, _]] = &self.records[..] else { return false };
        length as usize <= LONE_MESSAGE_BYTES
            && word & COMMAND_COMPRESS == 0
            && CommandKind::of(word).is_some_and(CommandKind::is_message)
    }

    /// What it takes to carry these commands out: 1 for each, and for each KiB. None for those that are
    /// better left to the shard's thread.
    pub(crate) fn effort(&self) -> Option<usize> {
        let is_light = |record: &Record| record[1] & (COMMAND_COMPRESS | COMMAND_LARGE) == 0;
        let are_light = self.adoptions.is_empty() && self.records.iter().all(is_light);
        are_light.then(|| self.records.len() + self.bytes.len() / EFFORT_BYTES)
    }

    /// Moves every command of `other` behind the ones that are here.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.records.append(&mut other.records);
        self.bytes.append(&mut other.bytes);
        self.large.append(&mut other.large);
        self.adoptions.append(&mut other.adoptions);
    }

    /// Empties the batch for its next turn; what a burst has blown up is given back.
    pub(crate) fn reset(&mut self) {
        empty(&mut self.records);
        empty(&mut self.bytes);
        self.large.clear();
        self.adoptions.clear();
    }
}

/// Empties a buffer for its next turn, and gives back what a burst has blown up.
fn empty<T>(buffer: &mut Vec<T>) {
    const KEEP_BYTES: usize = 256 * 1024;
    buffer.clear();
    if buffer.capacity() * size_of::<T>() > KEEP_BYTES {
        *buffer = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::EVENT_ASCII;

    const ID: ConnectionId = ConnectionId::new(7);

    #[test]
    fn copies_records_with_their_payloads_in_order() {
        let mut batch = EventBatch::default();
        batch.push(ID, EventKind::Text, EVENT_ASCII, b"abc", 0);
        batch.push_numbers(ID, EventKind::Failed, 3, 9);
        batch.push(ID, EventKind::Close, 0, b"bye", 1000);
        let (mut records, mut slab) = ([0; 12], [0; 16]);
        let copied = batch.copy_into(&mut records, &mut slab);
        assert_eq!(copied, Copied { records: 3, bytes: 6, slab_full: false });
        assert_eq!(records, [7, 257, 3, 0, 7, 6, 3, 9, 7, 5, 3, 1000]);
        assert_eq!(&slab[..6], b"abcbye");
        assert!(batch.is_spent());
    }

    #[test]
    fn stops_at_a_full_slab_and_goes_on_with_the_same_event() {
        let mut batch = EventBatch::default();
        batch.push(ID, EventKind::Binary, 0, b"abc", 0);
        batch.push(ID, EventKind::Binary, 0, b"def", 0);
        let (mut records, mut slab) = ([0; 8], [0; 5]);
        let copied = batch.copy_into(&mut records, &mut slab);
        assert_eq!(copied, Copied { records: 1, bytes: 3, slab_full: true });
        assert!(!batch.is_spent());
        let copied = batch.copy_into(&mut records, &mut slab);
        assert_eq!(copied, Copied { records: 1, bytes: 3, slab_full: false });
        assert_eq!(&slab[..3], b"def");
        assert!(batch.is_spent());
    }

    #[test]
    fn stops_when_there_is_no_record_left_to_write_to() {
        let mut batch = EventBatch::default();
        batch.push(ID, EventKind::Binary, 0, b"a", 0);
        batch.push(ID, EventKind::Binary, 0, b"b", 0);
        let copied = batch.copy_into(&mut [0; 4], &mut [0; 8]);
        assert_eq!(copied, Copied { records: 1, bytes: 1, slab_full: false });
        assert!(!batch.is_spent());
    }

    #[test]
    fn large_payloads_take_no_room_in_the_slab() {
        let mut batch = EventBatch::default();
        batch.push(ID, EventKind::Binary, 0, &vec![1; LARGE_PAYLOAD_BYTES], 0);
        let mut records = [0; 4];
        let copied = batch.copy_into(&mut records, &mut []);
        assert_eq!(copied, Copied { records: 1, bytes: 0, slab_full: false });
        assert_eq!(records[1], EventKind::Binary as u32 | EVENT_LARGE);
        assert!(!batch.is_spent());
        assert_eq!(batch.take_large().map(|payload| payload.len()), Some(LARGE_PAYLOAD_BYTES));
        assert!(batch.is_spent());
    }

    #[test]
    fn an_event_weighs_its_payload_and_its_record() {
        let mut batch = EventBatch::default();
        batch.push(ID, EventKind::Text, 0, b"abc", 0);
        batch.push_numbers(ID, EventKind::Failed, 300, 0);
        let weights: Vec<_> = batch.weights().map(|(_, bytes)| bytes).collect();
        assert_eq!(weights, [19, 16]);
    }
}
