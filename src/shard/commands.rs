//! The commands of a batch on their way to the connections.

use std::collections::VecDeque;

use bytes::Bytes;
use offloop_protocol::Payload;

use crate::record::{COMMAND_COMPRESS, COMMAND_LARGE, CommandKind, Record};
use crate::registry::ConnectionId;

/// Where in a batch a connection's last record is.
#[derive(Debug, Default)]
pub(crate) struct LastRecords {
    /// By connection index; of other connections than the batch's it means nothing.
    places: Vec<usize>,
}

impl LastRecords {
    /// Takes note of a batch.
    pub(crate) fn note(&mut self, records: &[Record]) {
        for (place, record) in records.iter().enumerate() {
            let index = index_of(record);
            if self.places.len() <= index {
                self.places.resize(index + 1, 0);
            }
            self.places[index] = place;
        }
    }

    /// Whether the record at this place of the batch is the last of its connection.
    pub(crate) fn is_last(&self, record: &Record, place: usize) -> bool {
        self.places.get(index_of(record)) == Some(&place)
    }
}

fn index_of(&[id, ..]: &Record) -> usize {
    ConnectionId::new(id).index()
}

/// The payloads of a batch's commands that have not been carried out.
pub(crate) struct Payloads<'a> {
    bytes: &'a [u8],
    large: &'a mut VecDeque<Bytes>,
}

impl<'a> Payloads<'a> {
    /// All payloads of a batch.
    pub(crate) fn new(bytes: &'a [u8], large: &'a mut VecDeque<Bytes>) -> Self {
        Self { bytes, large }
    }

    /// The payload of the next command, whose record this is.
    pub(crate) fn next(&mut self, &[_, word, length, _]: &Record) -> Payload<'a> {
        if word & COMMAND_LARGE != 0 {
            return Payload::Shared(self.large.pop_front().unwrap_or_default());
        }
        let (payload, behind) = self.bytes.split_at(length as usize);
        self.bytes = behind;
        Payload::Slice(payload)
    }
}

/// Whether a record takes a socket over.
pub(crate) fn is_adoption(record: &Record) -> bool {
    CommandKind::of(record[1]) == Some(CommandKind::Adopt)
}

/// Whether a record is a message that is to be compressed.
pub(crate) fn is_compressed(record: &Record) -> bool {
    record[1] & COMMAND_COMPRESS != 0
}
