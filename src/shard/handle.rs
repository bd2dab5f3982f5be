//! A shard's thread, and the other threads' hold on it.
//!
//! Ownership: everything that a shard works on lies in one mutex. Its thread has the lock while it is
//! awake. While it sleeps, whoever sends a lone small message may take the lock and write it out by
//! itself: waking the shard would cost more than the message. Nobody waits for the lock but the shard.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use crate::batch::CommandBatch;
use crate::queue::{CommandQueue, Doorbell, EventQueue};
use crate::recycler::Recycler;
use crate::shard::Shard;

/// A running shard, seen from the thread that started it.
#[derive(Debug)]
pub struct ShardHandle {
    shard: Arc<Mutex<Shard>>,
    commands: Arc<CommandQueue>,
    events: Arc<EventQueue>,
    doorbell: Arc<Doorbell>,
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
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let commands = Arc::<CommandQueue>::default();
        let events = Arc::<EventQueue>::default();
        let mut shard = Shard::new(commands.clone(), events.clone(), doorbell.clone(), row);
        shard.recycle(recycler);
        let shard = Arc::new(Mutex::new(shard));
        let service = Service { shard: shard.clone(), doorbell: doorbell.clone() };
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            // Unconstrained: the shard divides its time itself, tokio's budget would only make it
            // miss reads.
            let serve = || runtime.block_on(tokio::task::unconstrained(service));
            if catch_unwind(AssertUnwindSafe(serve)).is_err() {
                // The loop itself is broken. Its connections would be silent for ever; the panic
                // has printed what happened.
                std::process::abort();
            }
        })?;
        Ok(Self { shard, commands, events, doorbell, thread: Some(thread) })
    }

    /// Has commands carried out, and empties the batch. A lone small message for a shard that sleeps
    /// is written by the calling thread.
    pub fn submit(&self, batch: &mut CommandBatch) {
        if batch.is_lone_message() && self.serve_now(batch) {
            return;
        }
        self.commands.submit(batch);
    }

    /// Makes the shard look at what has come back to it.
    pub fn nudge(&self) {
        self.commands.nudge();
    }

    /// Waits until the shard has carried out what was submitted.
    pub fn settle(&self) {
        self.commands.settle();
    }

    /// Where its events come from.
    #[must_use]
    pub fn events(&self) -> &EventQueue {
        &self.events
    }

    fn serve_now(&self, batch: &mut CommandBatch) -> bool {
        let mut shard = match self.shard.try_lock() {
            Ok(shard) => shard,
            Err(TryLockError::Poisoned(shard)) => shard.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let served = shard.serve_now(batch);
        drop(shard);
        if served == Some(true) {
            self.doorbell.ring();
        }
        served.is_some()
    }
}

impl Drop for ShardHandle {
    /// Drops every connection of the shard, after a last write, and waits for its thread to end.
    fn drop(&mut self) {
        self.commands.stop();
        if let Some(thread) = self.thread.take() {
            // Not an Err: a panic ends the process there.
            let _ = thread.join();
        }
    }
}

/// What the shard's thread does.
struct Service {
    shard: Arc<Mutex<Shard>>,
    doorbell: Arc<Doorbell>,
}

impl Future for Service {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut shard = self.shard.lock().unwrap_or_else(PoisonError::into_inner);
        let (polled, has_news) = shard.poll_turns(context);
        // On a busy core the thread that hears it runs at once, and may want the lock.
        drop(shard);
        if has_news {
            self.doorbell.ring();
        }
        polled
    }
}
