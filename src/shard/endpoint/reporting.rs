//! Events of the protocol, as records of a batch.

use std::borrow::Cow;

use offloop_protocol::{Event, MessageKind};

use super::{Endpoint, Input, Workshop};
use crate::batch::{EventBatch, LARGE_PAYLOAD_BYTES};
use crate::read_buffer::{KEPT_PAYLOAD_BYTES, ReadBuffer};
use crate::record::{EVENT_ASCII, EventKind, Record};
use crate::registry::ConnectionId;

/// Writes an event into the batch and returns its weight.
#[inline]
pub(super) fn push_event(events: &mut EventBatch, id: ConnectionId, event: Event<'_>) -> usize {
    let length = match event {
        Event::Message { kind, payload, ascii } => {
            let length = payload.len();
            push_message(events, id, kind, payload, ascii);
            length
        }
        Event::Ping { payload } => {
            events.push(id, EventKind::Ping, 0, payload, 0);
            payload.len()
        }
        Event::Pong { payload } => {
            events.push(id, EventKind::Pong, 0, payload, 0);
            payload.len()
        }
        Event::Close { code, reason } => {
            events.push(id, EventKind::Close, 0, reason, u32::from(code.0));
            reason.len()
        }
        Event::Failed(error) => {
            let number = u32::try_from(error.number()).unwrap_or(u32::MAX);
            events.push_numbers(id, EventKind::Failed, u32::from(error.row_index()), number);
            0
        }
    };
    length + size_of::<Record>()
}

fn push_message(
    events: &mut EventBatch,
    id: ConnectionId,
    kind: MessageKind,
    payload: Cow<'_, [u8]>,
    ascii: bool,
) {
    let (kind, flags) = message_kind(kind, ascii);
    match payload {
        Cow::Owned(payload) if payload.len() >= LARGE_PAYLOAD_BYTES => {
            events.push_large(id, kind, flags, payload);
        }
        payload => events.push(id, kind, flags, &payload, 0),
    }
}

fn message_kind(kind: MessageKind, ascii: bool) -> (EventKind, u32) {
    match kind {
        MessageKind::Text if ascii => (EventKind::Text, EVENT_ASCII),
        MessageKind::Text => (EventKind::Text, 0),
        MessageKind::Binary => (EventKind::Binary, 0),
    }
}

/// Where the reader comes at once, from this size on moving a payload is cheaper than two copies.
const MOVED_PAYLOAD_BYTES: usize = 4096;

/// Below this size two copies are cheaper than for JavaScript to ask a chunk for its memory.
const LENT_PAYLOAD_BYTES: usize = 1024;

/// Where bytes lie that their owner still has when the events are delivered.
#[derive(Clone, Copy)]
pub(super) struct Lender {
    start: usize,
    bytes: usize,
}

impl Lender {
    pub(super) fn of(input: &[u8]) -> Self {
        Self { start: input.as_ptr().addr(), bytes: input.len() }
    }

    /// Writes an event into the batch; a message that lies in the bytes stays there if it is long.
    pub(super) fn push_event(self, events: &mut EventBatch, id: ConnectionId, event: Event<'_>) {
        match event {
            Event::Message { kind, payload: Cow::Borrowed(payload), ascii }
                if let Some(offset) = self.offset(payload, LENT_PAYLOAD_BYTES) =>
            {
                let (kind, flags) = message_kind(kind, ascii);
                events.push_lent(id, kind, flags, offset, payload.len());
            }
            Event::Message { kind, payload: Cow::Owned(payload), ascii }
                if payload.len() >= MOVED_PAYLOAD_BYTES =>
            {
                let (kind, flags) = message_kind(kind, ascii);
                events.push_large(id, kind, flags, payload);
            }
            event => {
                push_event(events, id, event);
            }
        }
    }

    /// The same for bytes of a [`ReadBuffer`](crate::read_buffer::ReadBuffer), of which `base` are in
    /// front. Returns the event's weight, and how many bytes are to stay for a message that does.
    #[inline]
    pub(super) fn push_kept(
        self,
        events: &mut EventBatch,
        id: ConnectionId,
        base: usize,
        event: Event<'_>,
    ) -> (usize, Option<usize>) {
        if let Event::Message { kind, payload: Cow::Borrowed(payload), ascii } = event
            && let Some(offset) = self.offset(payload, KEPT_PAYLOAD_BYTES)
        {
            let (kind, flags) = message_kind(kind, ascii);
            let begin = base + offset;
            events.push_kept(id, kind, flags, begin, payload.len());
            return (payload.len() + size_of::<Record>(), Some(begin + payload.len()));
        }
        (push_event(events, id, event), None)
    }

    /// Where a payload begins that has so many bytes and lies in ours.
    #[inline]
    fn offset(self, payload: &[u8], least: usize) -> Option<usize> {
        let offset = payload.as_ptr().addr().checked_sub(self.start)?;
        let is_long = payload.len() >= least;
        (is_long && offset + payload.len() <= self.bytes).then_some(offset)
    }
}

impl Endpoint {
    /// The same as `receive` for one who still has the input when the events are delivered: messages
    /// that lie in it stay there. Returns whether any do.
    pub(crate) fn receive_lent(&mut self, input: &mut [u8], workshop: &mut Workshop) -> bool {
        let lender = Lender::of(input);
        self.receive_for(Input::Read(input), workshop, |events, id, event| {
            lender.push_event(events, id, event);
            0
        });
        workshop.events.end_loan()
    }

    /// The same as `receive` for what was read last into a shard's buffer: long messages that lie in it
    /// stay there.
    pub(crate) fn receive_kept(
        &mut self,
        buffer: &mut ReadBuffer,
        workshop: &mut Workshop,
    ) -> usize {
        let (input, base, kept) = buffer.last_read();
        let lender = Lender::of(input);
        self.receive_for(Input::Read(input), workshop, |events, id, event| {
            let (weight, end) = lender.push_kept(events, id, base, event);
            if let Some(end) = end {
                *kept = end;
            }
            weight
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{EVENT_LAST_LENT, EVENT_LENT};

    const ID: ConnectionId = ConnectionId::new(7);

    fn message(payload: Cow<'_, [u8]>) -> Event<'_> {
        Event::Message { kind: MessageKind::Text, payload, ascii: true }
    }

    #[test]
    fn a_message_is_lent_only_if_it_lies_in_the_input() {
        const LENT: usize = LENT_PAYLOAD_BYTES;
        let (input, other) = ([b'a'; 3 * LENT], [b'b'; LENT]);
        let lender = Lender::of(&input);
        let mut events = EventBatch::default();
        for payload in [&input[8..2 * LENT], &input[..LENT], &other[..LENT], &input[..LENT - 1]] {
            lender.push_event(&mut events, ID, message(Cow::Borrowed(payload)));
        }
        assert!(events.end_loan());
        assert!(!events.end_loan(), "it ends once");
        let (mut records, mut slab) = ([0; 16], [0; 4 * LENT]);
        let copied = events.copy_into(&mut records, &mut slab);
        let in_slab = 2 * LENT - 1;
        assert_eq!((copied.records, copied.bytes), (4, in_slab), "what is lent takes no room");
        let text = EventKind::Text as u32 | EVENT_ASCII;
        let lent = text | EVENT_LENT;
        assert_eq!(records[..8], [7, lent, 2040, 8, 7, lent | EVENT_LAST_LENT, 1024, 0]);
        assert_eq!(records[8..], [7, text, 1024, 0, 7, text, 1023, 0]);
    }

    #[test]
    fn a_message_put_together_is_moved_from_some_size_on() {
        let lender = Lender::of(&[]);
        let mut events = EventBatch::default();
        for length in [MOVED_PAYLOAD_BYTES - 1, MOVED_PAYLOAD_BYTES] {
            lender.push_event(&mut events, ID, message(vec![b'a'; length].into()));
        }
        assert_eq!(events.take_large().map(|payload| payload.len()), Some(MOVED_PAYLOAD_BYTES));
        assert_eq!(events.take_large(), None);
    }
}
