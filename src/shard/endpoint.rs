//! One end of a connection without its transport: the protocol and what it has to say.
//!
//! Both drivers have one of these a connection; they differ in where the bytes come from and go.

mod reporting;
mod room;
mod watching;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use offloop_protocol::{
    CloseCode, Config, Connection, Event, Host, MaskingKey, MessageKind, Outgoing, Payload, Role,
    deflate,
};

use crate::batch::EventBatch;
use crate::guards::Guards;
use crate::masking_keys::MaskingKeys;
use crate::outbox::{BufferPool, Outbox};
use crate::profile::{Counter, Profile};
use crate::progress::Progress;
use crate::record::{COMMAND_COMPRESS, COMMAND_DISCARD, COMMAND_MORE, COMMAND_NOTIFY, CommandKind};
use crate::recycler::Recycler;
use crate::registry::ConnectionId;

use reporting::push_event;
use room::Input;
pub(crate) use watching::Verdict;
use watching::{Tally, count_frame, count_message};

/// Undelivered bytes of all connections of a shard above which none is read, and below half of which
/// they are again.
pub(crate) const TOTAL_HIGH_WATER_BYTES: usize = 64 * 1024 * 1024;

/// What the connections of one driver share.
#[derive(Debug, Default)]
pub(crate) struct Workshop {
    /// Events that nobody has been told of yet.
    pub events: EventBatch,
    pub(crate) pool: BufferPool,
    pub(crate) keys: MaskingKeys,
    /// Memory of large payloads.
    pub(crate) recycler: Recycler,
    /// Compressors and inflaters that no connection has for itself.
    deflate: deflate::Shared,
    /// The driver's row in the counters of a profile.
    pub(crate) row: usize,
    clock: Option<Instant>,
    /// What the events weigh that have not been delivered.
    pub(crate) undelivered: usize,
    /// What has been read, written, and told of (by its weight) since it was last set to 0.
    pub(crate) moved_bytes: u64,
}

impl Workshop {
    /// One that counts in this row.
    pub(crate) fn new(row: usize) -> Self {
        Self { row, ..Self::default() }
    }

    /// The time, which is looked at once a turn at most.
    pub(crate) fn now(&mut self) -> Instant {
        *self.clock.get_or_insert_with(Instant::now)
    }

    /// Whether so much is undelivered that nobody who waits for that is read again.
    pub(crate) fn is_crowded(&self) -> bool {
        self.undelivered > TOTAL_HIGH_WATER_BYTES / 2
    }

    /// A new turn begins.
    pub(crate) fn begin_turn(&mut self) {
        self.clock = None;
    }
}

/// The protocol's state and the bytes that it wants written.
#[derive(Debug)]
pub(crate) struct Endpoint {
    id: ConnectionId,
    role: Role,
    protocol: Connection,
    /// The key that the user has chosen for the next frame.
    chosen_key: Option<MaskingKey>,
    /// Bytes to be written.
    pub outbox: Outbox,
    /// What can be read of it without a crossing.
    pub progress: Progress,
    /// What it is counted in, with others.
    profile: Option<Arc<Profile>>,
    guards: Option<Box<Guards>>,
}

/// What the protocol sees of its surroundings.
struct Surroundings<'a> {
    outbox: &'a mut Outbox,
    pool: &'a mut BufferPool,
    keys: &'a mut MaskingKeys,
    chosen_key: Option<MaskingKey>,
    deflate: &'a mut deflate::Shared,
    pongs: u32,
    /// Where control frames go that do not wait for messages.
    urgent: Option<Vec<u8>>,
    /// Where bytes lie that somebody else writes, behind all that is in the outbox; 0 for nowhere.
    apart: usize,
    /// Whether they are to be written.
    has_left_out: bool,
}

impl<'a> Surroundings<'a> {
    fn new(
        outbox: &'a mut Outbox,
        pool: &'a mut BufferPool,
        keys: &'a mut MaskingKeys,
        deflate: &'a mut deflate::Shared,
    ) -> Self {
        let (chosen_key, urgent) = (None, None);
        let (pongs, apart, has_left_out) = (0, 0, false);
        Self { outbox, pool, keys, chosen_key, deflate, pongs, urgent, apart, has_left_out }
    }

    fn write_payload(&mut self, payload: Payload<'_>) {
        match payload {
            Payload::Slice(bytes) => self.write(bytes),
            Payload::Shared(bytes) => self.write_shared(bytes),
        }
    }
}

impl Host for Surroundings<'_> {
    fn write(&mut self, bytes: &[u8]) {
        if bytes.as_ptr().addr() == self.apart {
            self.has_left_out = true;
            return;
        }
        match &mut self.urgent {
            Some(urgent) => urgent.extend_from_slice(bytes),
            None => self.outbox.put(bytes, self.pool),
        }
    }

    fn write_shared(&mut self, bytes: Bytes) {
        self.outbox.put_shared(bytes);
    }

    fn masking_key(&mut self) -> MaskingKey {
        self.chosen_key.take().unwrap_or_else(|| self.keys.next_key())
    }

    fn deflate(&mut self) -> &mut deflate::Shared {
        self.deflate
    }

    fn pong_queued(&mut self) -> u32 {
        self.pongs += 1;
        match self.outbox.refused_pongs() {
            0 => 0,
            refused => refused + self.pongs,
        }
    }
}

impl Endpoint {
    /// A connection whose opening handshake is done.
    pub(crate) fn new(
        id: ConnectionId,
        role: Role,
        config: Arc<Config>,
        (progress, profile): (Progress, Option<Arc<Profile>>),
        workshop: &mut Workshop,
    ) -> Self {
        let watched = profile.as_ref().filter(|profile| profile.watch.is_on()).cloned();
        let guards = watched.map(|profile| {
            let mark = workshop.keys.next_key().0;
            Box::new(Guards::new(profile, mark, workshop.now()))
        });
        let protocol = Connection::new(role, config);
        let outbox = Outbox::default();
        Self { id, role, protocol, chosen_key: None, outbox, progress, profile, guards }
    }

    /// Takes bytes from the transport. Returns what the events weigh that came of them.
    pub(crate) fn receive(&mut self, input: &mut [u8], workshop: &mut Workshop) -> usize {
        self.receive_for(Input::Read(input), workshop, push_event)
    }

    fn receive_for(
        &mut self,
        input: Input<'_>,
        workshop: &mut Workshop,
        mut push: impl FnMut(&mut EventBatch, ConnectionId, Event<'_>) -> usize,
    ) -> usize {
        let size = input.len();
        if let Some(guards) = &mut self.guards {
            guards.begin_input(size, workshop.now());
        }
        let Self { id, protocol, outbox, guards, .. } = self;
        let Workshop { events, pool, keys, deflate, .. } = workshop;
        let before = outbox.queued_bytes();
        // All that is written here is pongs.
        let urgent = outbox.is_deep().then(Vec::new);
        let mut host = Surroundings::new(outbox, pool, keys, deflate);
        host.urgent = urgent;
        let mut weight = 0;
        let mut tally = Tally::default();
        let mut sink = |event: Event<'_>| {
            tally.add(&event);
            if guards.as_mut().is_none_or(|guards| guards.admits(&event)) {
                weight += push(events, *id, event);
            }
        };
        match input {
            Input::Read(bytes) => protocol.handle_input(bytes, &mut host, &mut sink),
            Input::Appended(count) => protocol.handle_appended(count, &mut sink),
        }
        let Surroundings { pongs, urgent, .. } = host;
        if let Some(urgent) = urgent.filter(|_| pongs > 0) {
            outbox.put_urgent(&urgent, pongs, false, pool);
        } else if pongs > 0 {
            let bytes = usize::try_from(outbox.queued_bytes() - before).unwrap_or(0);
            outbox.mark_automatic(bytes, pongs);
        }
        self.count_input(size, &tally, pongs as usize, workshop.row);
        self.guard_input(tally.messages > 0, workshop);
        weight
    }

    /// Carries out a command that sends something. After our close frame nothing is sent any more;
    /// the layer above knows that and says so to its user.
    pub(crate) fn send(
        &mut self,
        kind: CommandKind,
        word: u32,
        payload: Payload<'_>,
        workshop: &mut Workshop,
    ) {
        self.send_beside(0, kind, word, payload, workshop);
    }

    /// The same for a payload whose bytes may stay where they are. Returns whether they do: then who
    /// calls writes them, at once behind all that the outbox has.
    pub(crate) fn send_apart(
        &mut self,
        kind: CommandKind,
        word: u32,
        payload: &[u8],
        workshop: &mut Workshop,
    ) -> bool {
        let apart = payload.as_ptr().addr();
        self.send_beside(apart, kind, word, Payload::Slice(payload), workshop)
    }

    fn send_beside(
        &mut self,
        apart: usize,
        kind: CommandKind,
        word: u32,
        payload: Payload<'_>,
        workshop: &mut Workshop,
    ) -> bool {
        if let Some(guards) = &mut self.guards
            && matches!(kind, CommandKind::Text | CommandKind::Binary)
        {
            guards.note_message(workshop.now());
        }
        let Self { role, protocol, chosen_key, outbox, progress, profile, .. } = self;
        let Workshop { pool, keys, deflate, row, .. } = workshop;
        let (counts, row) = (profile.as_deref(), *row);
        let is_ping_or_pong = matches!(kind, CommandKind::Ping | CommandKind::Pong);
        let urgent = (is_ping_or_pong && outbox.is_deep()).then(Vec::new);
        let mut host = Surroundings::new(outbox, pool, keys, deflate);
        (host.chosen_key, host.urgent, host.apart) = (chosen_key.take(), urgent, apart);
        let sent = match kind {
            CommandKind::Text | CommandKind::Binary => {
                host.outbox.begin_frame();
                let length = bytes(&payload).len();
                let charged = charged_bytes(length, *role);
                let outgoing = outgoing(kind, word, payload);
                let fin = outgoing.fin;
                protocol.send_message(outgoing, &mut host).map(|wire| {
                    let left_out = if host.has_left_out { length } else { 0 };
                    host.outbox.mark_charged(charged, wire - left_out);
                    progress.count_out(fin);
                    count_message(counts, row, fin, length, (charged, wire));
                })
            }
            CommandKind::Ping => {
                count_frame(counts, row, Counter::PingsOut);
                protocol.send_ping(bytes(&payload), &mut host)
            }
            CommandKind::Pong => {
                count_frame(counts, row, Counter::PongsOut);
                protocol.send_pong(bytes(&payload), &mut host)
            }
            CommandKind::Close => {
                let (code, reason) = close_body(bytes(&payload));
                if word & COMMAND_DISCARD != 0 {
                    host.outbox.discard();
                }
                host.outbox.begin_frame();
                protocol.send_close(code, reason, &mut host)
            }
            CommandKind::Raw => {
                host.write_payload(payload);
                Ok(())
            }
            CommandKind::MaskingKey => {
                self.chosen_key = bytes(&payload).first_chunk().copied().map(MaskingKey);
                return false;
            }
            _ => return false,
        };
        let has_left_out = host.has_left_out;
        if let Some(urgent) = host.urgent.filter(|urgent| !urgent.is_empty()) {
            outbox.put_urgent(&urgent, 0, true, pool);
        }
        if sent.is_ok() && word & COMMAND_NOTIFY != 0 {
            self.outbox.notify_when_written();
        }
        has_left_out
    }

    /// Changes the limit on a message's length; 0 is none.
    pub(crate) fn set_max_message_bytes(&mut self, bytes: u64) {
        self.protocol.set_max_message_bytes(bytes);
    }

    /// Whether bytes that it has received wait for it to receive again, if only no bytes.
    pub(crate) fn is_behind(&self) -> bool {
        self.protocol.is_behind() && !self.is_deaf()
    }

    /// Whether what the peer still sends is of no interest to anybody.
    pub(crate) fn is_deaf(&self) -> bool {
        self.protocol.is_close_received() || self.protocol.is_failed() || self.is_limited()
    }
}

/// The code and the reason in a close frame's body.
fn close_body(body: &[u8]) -> (Option<CloseCode>, &[u8]) {
    match body {
        [high, low, reason @ ..] => (Some(CloseCode(u16::from_be_bytes([*high, *low]))), reason),
        _ => (None, &[]),
    }
}

/// The message that a command sends.
fn outgoing(kind: CommandKind, word: u32, payload: Payload<'_>) -> Outgoing<'_> {
    let kind = match kind {
        CommandKind::Text => MessageKind::Text,
        _ => MessageKind::Binary,
    };
    let (fin, compress) = (word & COMMAND_MORE == 0, word & COMMAND_COMPRESS != 0);
    Outgoing { kind, fin, compress, payload }
}

/// What the layer above charges for a message: its frame's size, uncompressed (RFC 6455 5.2).
fn charged_bytes(payload: usize, role: Role) -> usize {
    let length = match payload {
        0..=125 => 0,
        126..=65_535 => 2,
        _ => 8,
    };
    let key = if role == Role::Client { 4 } else { 0 };
    2 + length + key + payload
}

fn bytes<'a>(payload: &'a Payload<'_>) -> &'a [u8] {
    match payload {
        Payload::Slice(bytes) => bytes,
        Payload::Shared(bytes) => bytes,
    }
}
