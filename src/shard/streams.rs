//! Connections without a socket of ours: the stream driver's half of the work.
//!
//! Some transports have no descriptor to take over (TLS, HTTP/2, a pair of streams in a test). Their
//! owner reads and writes them on its own thread and passes the bytes through here. No threads, no
//! timers: who owns the transport also ends it.

use std::sync::Arc;

use offloop_protocol::{Config, Payload, Role};

use crate::batch::EventBatch;
use crate::endpoint::{Endpoint, Workshop};
use crate::record::{CommandKind, EventKind, Tuning};
use crate::registry::{ConnectionId, Registry};

/// All such connections of one thread.
#[derive(Debug, Default)]
pub struct Streams {
    connections: Registry<Endpoint>,
    workshop: Workshop,
}

impl Streams {
    /// Adds a connection whose opening handshake is done.
    pub fn open(&mut self, id: ConnectionId, role: Role, config: Arc<Config>) {
        self.connections.insert(id, Endpoint::new(id, role, config));
    }

    /// Takes bytes that the transport has brought; they are unmasked in place.
    pub fn receive(&mut self, id: ConnectionId, input: &mut [u8]) {
        if let Some(endpoint) = self.connections.get_mut(id)
            && !endpoint.is_deaf()
        {
            endpoint.receive(input, &mut self.workshop);
        }
    }

    /// Carries out a command that sends something; others are the transport owner's.
    pub fn send(&mut self, id: ConnectionId, word: u32, payload: Payload<'_>) {
        if let Some(endpoint) = self.connections.get_mut(id)
            && let Some(kind) = CommandKind::of(word)
        {
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

    /// What the connection wants written, all of it.
    pub fn take_output(&mut self, id: ConnectionId) -> Option<Vec<u8>> {
        let endpoint = self.connections.get_mut(id)?;
        let output = endpoint.outbox.take_all(&mut self.workshop.pool);
        endpoint.outbox.forget_marks();
        output
    }

    /// Adds what happened to a connection's transport behind the events that wait already.
    pub fn report(&mut self, id: ConnectionId, kind: EventKind) {
        self.workshop.events.push_numbers(id, kind, 0, 0);
    }

    /// Forgets a connection.
    pub fn close(&mut self, id: ConnectionId) {
        self.connections.remove(id);
    }

    /// The events since the last call, if there were any.
    pub fn take_events(&mut self) -> Option<EventBatch> {
        (!self.workshop.events.is_empty()).then(|| std::mem::take(&mut self.workshop.events))
    }
}
