//! A shard's thread, and the other threads' hold on it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::batch::CommandBatch;
use crate::queue::{CommandQueue, Doorbell, EventQueue};
use crate::recycler::Recycler;
use crate::service::{Lead, Service};
use crate::shard::Shard;

/// A running shard, seen from the thread that started it.
#[derive(Debug)]
pub struct ShardHandle {
    service: Arc<Service>,
    commands: Arc<CommandQueue>,
    events: Arc<EventQueue>,
    thread: Option<JoinHandle<()>>,
}

impl ShardHandle {
    /// Starts a shard's thread; `doorbell` is rung when events wait. `row` is where it counts in the
    /// counters of a [`Profile`](crate::Profile): each shard has a row of its own. Memory of large
    /// payloads is from `recycler`, which may serve others too.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread or no descriptor for the runtime.
    pub fn start(
        name: String,
        row: usize,
        doorbell: Arc<Doorbell>,
        recycler: Recycler,
    ) -> std::io::Result<Self> {
        let commands = Arc::<CommandQueue>::default();
        let events = Arc::<EventQueue>::default();
        let mut shard = Shard::new(commands.clone(), events.clone(), doorbell.clone(), row);
        shard.recycle(recycler);
        let service = Arc::new(Service::new(shard, commands.clone(), events.clone(), doorbell)?);
        let served = service.clone();
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| served.run())).is_err() {
                // The loop itself is broken. Its connections would be silent for ever; the panic
                // has printed what happened.
                std::process::abort();
            }
        })?;
        Ok(Self { service, commands, events, thread: Some(thread) })
    }

    /// The right to serve its sockets from the calling thread, when the shard gives it. None where
    /// they cannot be watched from there.
    #[must_use]
    pub fn lead(&self) -> Option<Lead> {
        self.service.lead()
    }

    /// Has commands carried out, and empties the batch. Few and small ones are carried out by the
    /// calling thread, where that costs less than to wake the shard.
    pub fn submit(&self, batch: &mut CommandBatch) {
        if !self.service.serve_now(batch) {
            self.commands.submit(batch);
            self.service.give_back_lead();
        }
    }

    /// Makes the shard look at what has come back to it.
    pub fn nudge(&self) {
        self.commands.nudge();
    }

    /// Waits until the shard has carried out what was submitted.
    pub fn settle(&self) {
        self.service.give_back_lead();
        self.commands.settle();
    }

    /// Where its events come from.
    #[must_use]
    pub fn events(&self) -> &EventQueue {
        &self.events
    }
}

impl Drop for ShardHandle {
    /// Drops every connection of the shard, after a last write, and waits for its thread to end.
    fn drop(&mut self) {
        self.commands.stop();
        self.service.give_back_lead();
        if let Some(thread) = self.thread.take() {
            // Not an Err: a panic ends the process there.
            let _ = thread.join();
        }
    }
}
