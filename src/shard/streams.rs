//! Connections without a socket of ours: the stream driver's half of the work.
//!
//! Some transports have no descriptor to take over (TLS, HTTP/2, a pair of streams in a test). Their
//! owner reads and writes them on its own thread and passes the bytes through here. No threads, no
//! timers: who owns the transport also ends it, and calls [`Streams::tick`].

use std::collections::BTreeMap;
use std::sync::Arc;

use offloop_protocol::{Config, Payload, Role};

use crate::batch::EventBatch;
use crate::cause::Reason;
use crate::endpoint::{Endpoint, Verdict, Workshop};
use crate::profile::Profile;
use crate::progress::Progress;
use crate::record::{CommandKind, EventKind, Tuning};
use crate::registry::{ConnectionId, Registry};

/// All such connections of one thread.
#[derive(Debug, Default)]
pub struct Streams {
    connections: Registry<Endpoint>,
    /// Those of them that are watched, and whether they are not read for reasons of ours.
    watched: BTreeMap<ConnectionId, bool>,
    workshop: Workshop,
    /// A batch that has been delivered, for the next events.
    spent: EventBatch,
}

/// What a connection without a socket of ours begins with.
#[derive(Debug)]
pub struct StreamOpening {
    /// The connection's id; no other living connection of the environment has it.
    pub id: ConnectionId,
    /// Which end of the connection we are.
    pub role: Role,
    /// The protocol's limits.
    pub config: Arc<Config>,
    /// What it is watched for, and where it is counted.
    pub profile: Option<Arc<Profile>>,
    /// What can be read of it without a call; the bytes taken are the caller's to write.
    pub progress: Progress,
}

impl Streams {
    /// Says in which row of a profile's counters these connections are counted.
    pub fn count_in_row(&mut self, row: usize) {
        self.workshop.row = row;
    }

    /// Adds a connection whose opening handshake is done.
    pub fn open(&mut self, opening: StreamOpening) {
        let StreamOpening { id, role, config, profile, progress } = opening;
        self.workshop.begin_turn();
        let numbers = (progress, profile);
        let endpoint = Endpoint::new(id, role, config, numbers, &mut self.workshop);
        if endpoint.is_watched() {
            self.watched.insert(id, false);
        }
        self.connections.insert(id, endpoint);
    }

    /// Takes bytes that the transport has brought; they are unmasked in place. With `lend` messages
    /// stay in them as far as they can, and who calls keeps them until those are delivered.
    pub fn receive(&mut self, id: ConnectionId, input: &mut [u8], lend: bool) -> Received {
        let mut received = Received::default();
        if let Some(endpoint) = self.connections.get_mut(id) {
            if !endpoint.is_deaf() {
                self.workshop.begin_turn();
                endpoint.progress.add_read(input.len());
                if lend {
                    received.has_lent = endpoint.receive_lent(input, &mut self.workshop);
                } else {
                    endpoint.receive(input, &mut self.workshop);
                }
                received.is_behind = endpoint.is_behind();
                if endpoint.is_stopped() {
                    self.workshop.events.push_numbers(id, EventKind::Hold, 1, 0);
                }
            }
            received.pending_bytes = endpoint.outbox.pending_bytes();
        }
        received.has_events = !self.workshop.events.is_empty();
        received
    }

    /// Takes note that the transport is not read, for reasons of ours, or is again.
    pub fn hold(&mut self, id: ConnectionId, is_held: bool) {
        if let Some(was_held) = self.watched.get_mut(&id) {
            *was_held = is_held;
            if let Some(endpoint) = self.connections.get_mut(id) {
                self.workshop.begin_turn();
                endpoint.hold(&mut self.workshop);
            }
        }
    }

    /// The peer has taken something of what it had to be given.
    pub fn note_life(&mut self, id: ConnectionId) {
        if let Some(endpoint) = self.connections.get_mut(id) {
            self.workshop.begin_turn();
            endpoint.note_life(&mut self.workshop);
        }
    }

    /// Does what has become due on any of them. To be called now and then: what is due waits for it.
    pub fn tick(&mut self) {
        self.workshop.begin_turn();
        let now = self.workshop.now();
        for (&id, &is_held) in &self.watched {
            let Some(endpoint) = self.connections.get_mut(id) else { continue };
            if endpoint.due().is_none_or(|due| due > now) {
                continue;
            }
            let verdict = endpoint.drive_guards(is_held, &mut self.workshop);
            let events = &mut self.workshop.events;
            match verdict {
                Verdict::Alive => {}
                Verdict::Resumed => events.push_numbers(id, EventKind::Hold, 0, 0),
                Verdict::Dead => {
                    let reason = Reason::Heartbeat as u32;
                    events.push_numbers(id, EventKind::Limited, reason, 0);
                }
            }
            if endpoint.outbox.pending_bytes() > 0 {
                events.push_numbers(id, EventKind::Output, 0, 0);
            }
        }
    }

    /// Carries out a command that sends something; others are the transport owner's.
    pub fn send(&mut self, id: ConnectionId, word: u32, payload: Payload<'_>) {
        if let Some(endpoint) = self.connections.get_mut(id)
            && let Some(kind) = CommandKind::of(word)
        {
            self.workshop.begin_turn();
            match (kind, &payload) {
                (CommandKind::Tune, Payload::Slice(bytes)) => {
                    // What is to be tuned about the transport is its owner's.
                    if let Some(Tuning::MaxMessageBytes(bytes)) = Tuning::of(bytes) {
                        endpoint.set_max_message_bytes(bytes);
                    }
                }
                _ => endpoint.send(kind, word, payload, &mut self.workshop),
            }
        }
    }

    /// Sends a message, or a fragment of one, whose bytes may stay where they are. Returns whether
    /// they do: then who calls writes them, behind the connection's output, before anything else.
    pub fn send_apart(&mut self, id: ConnectionId, word: u32, payload: &[u8]) -> bool {
        match (self.connections.get_mut(id), CommandKind::of(word)) {
            (Some(endpoint), Some(kind)) => {
                self.workshop.begin_turn();
                endpoint.send_apart(kind, word, payload, &mut self.workshop)
            }
            _ => false,
        }
    }

    /// The first of what the connection wants written: at least `enough` bytes, if there are so many.
    /// Its progress then says how much of what was charged has been taken.
    pub fn take_output(&mut self, id: ConnectionId, enough: usize) -> Option<Vec<u8>> {
        let endpoint = self.connections.get_mut(id)?;
        let output = endpoint.outbox.take(enough, &mut self.workshop.pool)?;
        endpoint.progress.set_handed_on(endpoint.outbox.settle_marks().0);
        Some(output)
    }

    /// Adds what happened to a connection's transport behind the events that wait already.
    pub fn report(&mut self, id: ConnectionId, kind: EventKind) {
        self.workshop.events.push_numbers(id, kind, 0, 0);
    }

    /// Forgets a connection.
    pub fn close(&mut self, id: ConnectionId) {
        self.connections.remove(id);
        self.watched.remove(&id);
    }

    /// Takes the memory of an output back that has been copied.
    pub fn give_back_output(&mut self, output: Vec<u8>) {
        self.workshop.pool.give_back(output);
    }

    /// The events since the last call, if there were any.
    pub fn take_events(&mut self) -> Option<EventBatch> {
        if self.workshop.events.is_empty() {
            return None;
        }
        Some(std::mem::replace(&mut self.workshop.events, std::mem::take(&mut self.spent)))
    }

    /// Takes the memory of a batch back whose events have been delivered.
    pub fn give_back(&mut self, mut batch: EventBatch) {
        batch.reset();
        self.spent = batch;
    }
}

/// What came of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Events wait, of this connection or of others.
    pub has_events: bool,
    /// Messages stay in the bytes.
    pub has_lent: bool,
    /// Some of the bytes wait: the connection is to receive again, if only no bytes, when the others
    /// have had their turn.
    pub is_behind: bool,
    /// What the connection has to write.
    pub pending_bytes: u64,
}
