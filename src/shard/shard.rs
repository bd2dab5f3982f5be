//! A shard: one thread with a runtime of its own, and the loop that serves its connections.
//!
//! The loop is one future that owns everything. A turn of it: take the commands, carry them out;
//! read from the connections that are ready; write, once a connection; publish the events, and
//! ring the doorbell if the thread above does not know yet. Then sleep until a socket, a timer or a
//! command wakes it.

use std::collections::HashSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use offloop_protocol::Payload;

use crate::adopt::Adoption;
use crate::batch::{CommandBatch, EventBatch};
use crate::cause::{Ending, Reason};
use crate::driver::{Driver, Progression};
use crate::endpoint::Workshop;
use crate::queue::{CommandQueue, Doorbell, EventQueue};
use crate::readiness::ReadyList;
use crate::record::{COMMAND_LARGE, CommandKind, EventKind};
use crate::registry::{ConnectionId, Registry};
use crate::timers::Timers;

/// Bytes that one read can bring; shared by all connections of a shard.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Events that are published without waiting for the end of the turn.
const EVENTS_A_BATCH: usize = 64;
/// Emptied batches kept for reuse.
const SPARE_BATCHES: usize = 8;
/// Turns before the runtime gets to look at its sockets again.
const TURNS_A_POLL: usize = 4;

/// A running shard, seen from the thread that started it.
#[derive(Debug)]
pub struct ShardHandle {
    commands: Arc<CommandQueue>,
    events: Arc<EventQueue>,
    thread: Option<JoinHandle<()>>,
}

impl ShardHandle {
    /// Starts a shard's thread; `doorbell` is rung from there when events wait. `row` is where it
    /// counts in the counters of a [`Profile`](crate::Profile): each shard has a row of its own.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread or no descriptor for the runtime.
    pub fn start(name: String, row: usize, doorbell: Arc<Doorbell>) -> std::io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let commands = Arc::<CommandQueue>::default();
        let events = Arc::<EventQueue>::default();
        let mut shard = Shard::new(commands.clone(), events.clone(), doorbell);
        shard.workshop.row = row;
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            // Unconstrained: the shard divides its time itself, tokio's budget would only make it
            // miss reads.
            let serve = || runtime.block_on(tokio::task::unconstrained(shard));
            if catch_unwind(AssertUnwindSafe(serve)).is_err() {
                // The loop itself is broken. Its connections would be silent for ever; the panic
                // has printed what happened.
                std::process::abort();
            }
        })?;
        Ok(Self { commands, events, thread: Some(thread) })
    }

    /// Where its commands go.
    #[must_use]
    pub fn commands(&self) -> &CommandQueue {
        &self.commands
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
        if let Some(thread) = self.thread.take() {
            // Not an Err: a panic ends the process there.
            let _ = thread.join();
        }
    }
}

struct Shard {
    commands: Arc<CommandQueue>,
    events: Arc<EventQueue>,
    doorbell: Arc<Doorbell>,
    ready: Arc<ReadyList>,
    connections: Registry<Driver>,
    timers: Timers,
    workshop: Workshop,
    read_buffer: Box<[u8]>,
    /// Connections that are not read until some of their events have been delivered.
    starving: HashSet<ConnectionId>,
    /// Connections with something to write.
    dirty: Vec<ConnectionId>,
    /// Emptied and refilled every turn; kept for their capacity.
    incoming: CommandBatch,
    woken: Vec<ConnectionId>,
    spent: Vec<EventBatch>,
    spare: Vec<EventBatch>,
}

impl Future for Shard {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shard = &mut *self;
        for _ in 0..TURNS_A_POLL {
            shard.workshop.begin_turn();
            if !shard.take_commands() {
                // What was sent before the end still goes as far as the kernel takes it.
                shard.flush();
                return Poll::Ready(());
            }
            shard.serve_ready();
            shard.expire(context);
            shard.flush();
            shard.publish();
            // Last, so that what came back before a connection began to starve is not missed.
            shard.collect_spent();
            if shard.ready.sleep(context.waker()) && shard.commands.sleep(context.waker()) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Shard {
    fn new(commands: Arc<CommandQueue>, events: Arc<EventQueue>, doorbell: Arc<Doorbell>) -> Self {
        Self {
            commands,
            events,
            doorbell,
            ready: Arc::default(),
            connections: Registry::default(),
            timers: Timers::default(),
            workshop: Workshop::default(),
            read_buffer: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            starving: HashSet::new(),
            dirty: Vec::new(),
            incoming: CommandBatch::default(),
            woken: Vec::new(),
            spent: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Carries out what the layer above has asked for. `false`: it asked the shard to end.
    fn take_commands(&mut self) -> bool {
        let mut batch = std::mem::take(&mut self.incoming);
        let go_on = self.commands.take(&mut batch);
        let CommandBatch { records, bytes, large, adoptions } = &mut batch;
        let mut rest = &bytes[..];
        for &[id, word, length, _] in &*records {
            let payload = if word & COMMAND_LARGE == 0 {
                let (payload, behind) = rest.split_at(length as usize);
                rest = behind;
                Payload::Slice(payload)
            } else {
                Payload::Shared(large.pop_front().unwrap_or_default())
            };
            match CommandKind::of(word) {
                Some(CommandKind::Adopt) => {
                    if let Some(adoption) = adoptions.pop_front() {
                        self.adopt(adoption);
                    }
                }
                Some(kind) => self.command(ConnectionId::new(id), kind, word, payload),
                None => {}
            }
        }
        batch.reset();
        self.incoming = batch;
        go_on
    }

    fn adopt(&mut self, adoption: Adoption) {
        let id = adoption.id;
        let (ready, workshop) = (&self.ready, &mut self.workshop);
        // It may have bytes of the peer with it, so it is guarded like every step that follows.
        match catch_unwind(AssertUnwindSafe(|| Driver::adopt(adoption, ready, workshop))) {
            Ok(Ok(driver)) => {
                self.connections.insert(id, driver);
                self.mark_dirty(id);
                self.ready.push(id);
            }
            Ok(Err(error)) => self.report_closed(id, Ending::failed(&error, false)),
            Err(_) => self.report_closed(id, Reason::Internal.into()),
        }
    }

    fn command(&mut self, id: ConnectionId, kind: CommandKind, word: u32, payload: Payload<'_>) {
        self.guarded(id, |driver, workshop, _| driver.command(kind, word, payload, workshop));
        self.mark_dirty(id);
    }

    /// Reads from every connection that the runtime has woken.
    fn serve_ready(&mut self) {
        let mut woken = std::mem::take(&mut self.woken);
        self.ready.take(&mut woken);
        for id in woken.drain(..) {
            self.guarded(id, |driver, workshop, buffer| driver.drive_read(buffer, workshop));
            self.mark_dirty(id);
            if self.workshop.events.len() >= EVENTS_A_BATCH {
                self.publish();
            }
        }
        self.woken = woken;
    }

    fn expire(&mut self, context: &mut Context<'_>) {
        while let Some((due, id)) = self.timers.poll_expired(context) {
            self.guarded(id, |driver, workshop, _| driver.drive_timer(due, workshop));
            self.mark_dirty(id);
        }
    }

    /// Writes once for every connection that has something to write or may have ended.
    fn flush(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            self.guarded(id, |driver, workshop, _| {
                driver.dirty = false;
                driver.drive_write(workshop)
            });
        }
        self.dirty = dirty;
    }

    /// Hands the events over, if there are any.
    fn publish(&mut self) {
        if self.workshop.events.is_empty() {
            return;
        }
        self.events.publish(&mut self.workshop.events, &mut self.spent);
        self.workshop.events = self.spare.pop().unwrap_or_default();
        self.doorbell.ring();
    }

    /// Counts what has been delivered, and reads again where that was waited for.
    fn collect_spent(&mut self) {
        self.events.collect(&mut self.spent);
        let mut spent = std::mem::take(&mut self.spent);
        for mut batch in spent.drain(..) {
            for (id, bytes) in batch.weights() {
                self.guarded(id, |driver, _, _| driver.delivered(bytes));
            }
            batch.reset();
            if self.spare.len() < SPARE_BATCHES {
                self.spare.push(batch);
            }
        }
        self.spent = spent;
    }

    /// Takes note whether a connection waits for deliveries before it is read again.
    fn note_starving(&mut self, id: ConnectionId, is_starving: bool) {
        if is_starving == self.starving.contains(&id) {
            return;
        }
        if is_starving {
            self.starving.insert(id);
        } else {
            self.starving.remove(&id);
        }
        self.events.set_starving(!self.starving.is_empty());
    }

    fn mark_dirty(&mut self, id: ConnectionId) {
        if let Some(driver) = self.connections.get_mut(id)
            && !driver.dirty
        {
            driver.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Takes a step of one connection. A panic in it ends that connection and no other.
    fn guarded(
        &mut self,
        id: ConnectionId,
        step: impl FnOnce(&mut Driver, &mut Workshop, &mut [u8]) -> Progression,
    ) {
        let Some(driver) = self.connections.get_mut(id) else { return };
        let (workshop, buffer) = (&mut self.workshop, &mut self.read_buffer);
        let stepped = catch_unwind(AssertUnwindSafe(|| step(driver, workshop, buffer)));
        let is_starving = driver.is_starving();
        driver.arm(&mut self.timers);
        match stepped {
            Ok(Progression::Alive) => {}
            Ok(Progression::Hungry) => self.ready.push(id),
            Ok(Progression::Over) => return self.remove(id),
            Err(_) => {
                driver.ending = Reason::Internal.into();
                return self.remove(id);
            }
        }
        self.note_starving(id, is_starving);
    }

    fn remove(&mut self, id: ConnectionId) {
        if let Some(mut driver) = self.connections.remove(id) {
            driver.disarm(&mut self.timers);
            self.note_starving(id, false);
            self.report_closed(id, driver.ending);
        }
    }

    fn report_closed(&mut self, id: ConnectionId, ending: Ending) {
        let (errno, words) = ending.words();
        self.workshop.events.push_numbers(id, EventKind::Closed, errno, words);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use offloop_protocol::{Config, Role};

    use super::*;
    use crate::adopt::AdoptedSocket;
    use crate::progress::Progress;

    fn shard() -> Shard {
        Shard::new(Arc::default(), Arc::default(), Arc::new(Doorbell::new(|| {})))
    }

    fn adoption(id: u32) -> (Adoption, UnixStream) {
        let (ours, peer) = UnixStream::pair().expect("a pair");
        let adoption = Adoption {
            id: ConnectionId::new(id),
            socket: AdoptedSocket::from(OwnedFd::from(ours)),
            role: Role::Server,
            config: Arc::new(Config::default()),
            close_timeout: Duration::from_secs(30),
            response: Vec::new(),
            head: Vec::new(),
            progress: Progress::detached(),
            profile: None,
        };
        (adoption, peer)
    }

    /// Ids and kinds of the events that are not published yet.
    fn events(shard: &mut Shard) -> Vec<(u32, u32)> {
        let (mut records, mut slab) = ([0; 64], []);
        let copied = shard.workshop.events.copy_into(&mut records, &mut slab);
        let records = records.as_chunks::<4>().0.iter().take(copied.records);
        records.map(|record| (record[0], record[1])).collect()
    }

    #[test]
    fn a_panic_ends_the_connection_that_is_served_and_no_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.expect("a runtime");
        let _inside = runtime.enter();
        let mut shard = shard();
        let ((first, _peer), (second, _other_peer)) = (adoption(1), adoption(2));
        shard.adopt(first);
        shard.adopt(second);
        shard.guarded(ConnectionId::new(1), |_, _, _| unreachable!("on purpose"));
        assert_eq!(events(&mut shard), [(1, EventKind::Closed as u32)]);
        assert!(shard.connections.get_mut(ConnectionId::new(1)).is_none());
        assert!(shard.connections.get_mut(ConnectionId::new(2)).is_some());
    }

    #[test]
    fn a_panic_while_a_connection_is_taken_over_ends_it() {
        let mut shard = shard();
        // There is no runtime, which tokio answers with a panic.
        shard.adopt(adoption(1).0);
        assert_eq!(events(&mut shard), [(1, EventKind::Closed as u32)]);
    }
}
