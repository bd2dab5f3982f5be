//! A shard's connections, and the turns in which they are served.
//!
//! A turn: take the commands, carry them out and write, once a connection; read from the connections that
//! are ready, and write what that has brought about; publish the events. Whoever takes it rings the
//! doorbell for them, and sleeps until a socket, a timer or a command wakes it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context;

use crate::adopt::Adoption;
use crate::batch::{CommandBatch, EFFORT_BYTES, EventBatch};
use crate::cause::{Ending, Reason};
use crate::commands::{LastRecords, Payloads, is_adoption, is_compressed};
use crate::driver::{Driver, Progression};
use crate::endpoint::Workshop;
use crate::queue::{CommandQueue, Doorbell, EventQueue};
use crate::read_buffer::ReadBuffer;
use crate::readiness::ReadyList;
use crate::record::{CommandKind, EventKind, Record};
use crate::recycler::{Caretaker, Recycler};
use crate::registry::{ConnectionId, Registry};
use crate::timers::Timers;

/// Emptied batches kept for reuse.
const SPARE_BATCHES: usize = 8;

/// Bytes of long payloads for which JavaScript is called while the shard still reads others.
const TOLD_BYTES: usize = 512 * 1024;

/// What came of some turns.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The shard was asked to end, and has.
    pub(crate) is_over: bool,
    /// There is nothing to do; if not, more turns must follow.
    pub(crate) is_done: bool,
    /// The doorbell is to be rung.
    pub(crate) has_news: bool,
    /// What they have taken: 1 for each event, and for each KiB read, written or told of.
    pub(crate) effort: usize,
}

/// How much is done before others have their turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Turns before the runtime looks at its sockets again.
    pub(crate) turns: usize,
    /// The effort above which no further connection is read.
    pub(crate) effort: usize,
}

/// What a shard works on.
#[derive(Debug)]
pub(crate) struct Shard {
    commands: Arc<CommandQueue>,
    events: Arc<EventQueue>,
    doorbell: Arc<Doorbell>,
    ready: Arc<ReadyList>,
    connections: Registry<Driver>,
    timers: Timers,
    caretaker: Caretaker,
    workshop: Workshop,
    read_buffer: ReadBuffer,
    /// Connections that are not read until some of their events have been delivered.
    starving: HashSet<ConnectionId>,
    /// Connections with something to write.
    dirty: Vec<ConnectionId>,
    last_records: LastRecords,
    /// Emptied and refilled every turn; kept for their capacity.
    incoming: CommandBatch,
    woken: Vec<ConnectionId>,
    spent: Vec<EventBatch>,
    spare: Vec<EventBatch>,
    /// Events published since the last turns began.
    published: usize,
    /// Bytes of payloads published for which the doorbell has not rung.
    untold_bytes: usize,
}

impl Shard {
    /// A shard without connections; `row` is where it counts in the counters of a
    /// [`Profile`](crate::Profile).
    pub(crate) fn new(
        commands: Arc<CommandQueue>,
        events: Arc<EventQueue>,
        doorbell: Arc<Doorbell>,
        row: usize,
    ) -> Self {
        Self {
            commands,
            events,
            doorbell,
            ready: Arc::default(),
            connections: Registry::default(),
            timers: Timers::default(),
            caretaker: Caretaker::default(),
            workshop: Workshop::new(row),
            read_buffer: ReadBuffer::default(),
            starving: HashSet::new(),
            dirty: Vec::new(),
            last_records: LastRecords::default(),
            incoming: CommandBatch::default(),
            woken: Vec::new(),
            spent: Vec::new(),
            spare: Vec::new(),
            published: 0,
            untold_bytes: 0,
        }
    }

    /// Takes turns until there is nothing to do, but not too many.
    pub(crate) fn poll_turns(&mut self, pace: Pace, context: &mut Context<'_>) -> Turns {
        self.published = 0;
        self.workshop.moved_bytes = 0;
        let mut turns = Turns::default();
        for _ in 0..pace.turns {
            self.workshop.begin_turn();
            if !self.take_commands() {
                // What was sent before the end still goes as far as the kernel takes it.
                self.flush();
                // Here, where the runtime still runs.
                self.connections = Registry::default();
                self.timers = Timers::default();
                self.caretaker = Caretaker::default();
                return Turns { is_over: true, ..Turns::default() };
            }
            self.serve_ready(pace.effort);
            self.expire(context);
            self.flush();
            turns.has_news |= self.publish() | (std::mem::take(&mut self.untold_bytes) > 0);
            // Last, so that what came back before a connection began to starve is not missed.
            self.collect_spent();
            self.caretaker.poll(context);
            if self.ready.sleep(context.waker()) && self.commands.sleep(context.waker()) {
                turns.is_done = true;
                break;
            }
        }
        turns.effort = self.effort();
        turns
    }

    /// What these turns have taken so far.
    fn effort(&self) -> usize {
        let moved = usize::try_from(self.workshop.moved_bytes).unwrap_or(usize::MAX);
        self.published + self.workshop.events.len() + moved / EFFORT_BYTES
    }

    /// Takes memory of large payloads from there, and takes care of it.
    pub(crate) fn recycle(&mut self, recycler: Recycler) {
        self.workshop.recycler = recycler.clone();
        self.caretaker = Caretaker::of(recycler);
    }

    /// Carries out what the layer above has asked for. `false`: it asked the shard to end.
    fn take_commands(&mut self) -> bool {
        let mut batch = std::mem::take(&mut self.incoming);
        let go_on = self.commands.take(&mut batch);
        self.carry_out(&mut batch);
        self.incoming = batch;
        go_on
    }

    /// Carries out a batch and writes, while the shard sleeps, and wakes it if that gave it something
    /// to do. `None`: other commands are in front of this one; else whether to ring the doorbell.
    pub(crate) fn serve_now(&mut self, batch: &mut CommandBatch) -> Option<bool> {
        if self.commands.has_some() {
            return None;
        }
        let deadline = self.timers.next();
        self.workshop.begin_turn();
        self.carry_out(batch);
        let has_news = self.publish();
        if self.timers.next().is_some_and(|next| deadline.is_none_or(|before| next < before)) {
            self.commands.nudge();
        }
        self.ready.wake_sleeper();
        Some(has_news)
    }

    /// Carries out a batch. A connection is written behind its last command in it, while all that takes
    /// is at hand. What is compressed comes slower than a peer can take it and go to sleep again, so
    /// that is written together with the others' at the end of the turn.
    fn carry_out(&mut self, batch: &mut CommandBatch) {
        let CommandBatch { records, bytes, large, adoptions } = &mut *batch;
        let mut rest = Payloads::new(bytes, large);
        let mut end = 0;
        self.last_records.note(records);
        for run in records.chunk_by(|one, next| one[0] == next[0] && !is_adoption(next)) {
            end += run.len();
            let is_last = self.last_records.is_last(&records[end - 1], end - 1);
            let waits = run.iter().any(is_compressed);
            if !run.first().is_some_and(is_adoption) {
                self.commands(run, &mut rest, is_last && !waits);
            } else if let Some(adoption) = adoptions.pop_front() {
                self.adopt(adoption);
                self.commands(&run[1..], &mut rest, is_last && !waits);
            }
            if is_last && waits {
                self.mark_dirty(ConnectionId::new(run[0][0]));
            }
        }
        batch.reset();
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

    /// Carries out commands for one connection, and writes if that is not to wait for the end of the turn.
    fn commands(&mut self, records: &[Record], rest: &mut Payloads<'_>, are_written: bool) {
        let Some(&[id, ..]) = records.first() else { return };
        let mut remaining = records.iter();
        self.guarded(ConnectionId::new(id), |driver, workshop, _| {
            let mut is_hungry = false;
            for record in remaining.by_ref() {
                let payload = rest.next(record);
                let Some(kind) = CommandKind::of(record[1]) else { continue };
                match driver.command(kind, record[1], payload, workshop) {
                    Progression::Alive => {}
                    Progression::Hungry => is_hungry = true,
                    Progression::Over => return Progression::Over,
                }
            }
            let written =
                if are_written { driver.drive_write(workshop) } else { Progression::Alive };
            if is_hungry && written == Progression::Alive { Progression::Hungry } else { written }
        });
        // Of a connection that is gone: the payloads lie in the order of the records.
        for record in remaining {
            rest.next(record);
        }
    }

    /// Reads from the connections that the runtime has woken; the others have to wait when that was
    /// too much.
    fn serve_ready(&mut self, most_effort: usize) {
        let mut woken = std::mem::take(&mut self.woken);
        self.ready.take(&mut woken);
        let mut ids = woken.drain(..);
        for id in ids.by_ref() {
            self.guarded(id, |driver, workshop, buffer| driver.drive_read(buffer, workshop));
            self.mark_dirty(id);
            self.publish_if_full();
            if self.effort() > most_effort {
                break;
            }
        }
        ids.for_each(|id| self.ready.push(id));
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

    /// Hands the events over, if there are any; whoever calls it rings the doorbell for them.
    fn publish(&mut self) -> bool {
        if self.workshop.events.is_empty() {
            return false;
        }
        let Workshop { events, recycler, .. } = &mut self.workshop;
        events.bring(self.read_buffer.hand_over(recycler));
        self.published += events.len();
        self.events.publish(events, &mut self.spent);
        self.workshop.events = self.spare.pop().unwrap_or_default();
        true
    }

    /// Hands over what is too much for one batch. The doorbell does not ring for each full read buffer:
    /// where it shares a core with JavaScript, the shard would have to stop for each.
    fn publish_if_full(&mut self) {
        let is_many = self.workshop.events.is_full();
        if !is_many && !self.read_buffer.is_full() {
            return;
        }
        self.untold_bytes += self.read_buffer.kept_bytes();
        if self.publish() && (is_many || self.untold_bytes >= TOLD_BYTES) {
            self.untold_bytes = 0;
            self.doorbell.ring();
        }
    }

    /// Counts what has been delivered, and reads again where that was waited for.
    fn collect_spent(&mut self) {
        self.events.collect(&mut self.spent);
        let mut spent = std::mem::take(&mut self.spent);
        let was_crowded = self.workshop.is_crowded();
        for mut batch in spent.drain(..) {
            for (id, bytes) in batch.weights() {
                self.workshop.undelivered = self.workshop.undelivered.saturating_sub(bytes);
                self.guarded(id, |driver, workshop, _| driver.delivered(bytes, workshop));
            }
            batch.reset();
            if self.spare.len() < SPARE_BATCHES {
                self.spare.push(batch);
            }
        }
        self.spent = spent;
        if was_crowded && !self.workshop.is_crowded() {
            // Some of them have nothing of their own undelivered.
            let starving: Vec<_> = self.starving.iter().copied().collect();
            for id in starving {
                self.guarded(id, |driver, workshop, _| driver.delivered(0, workshop));
            }
        }
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
        step: impl FnOnce(&mut Driver, &mut Workshop, &mut ReadBuffer) -> Progression,
    ) {
        let Some(driver) = self.connections.get_mut(id) else { return };
        let (workshop, buffer) = (&mut self.workshop, &mut self.read_buffer);
        let stepped = catch_unwind(AssertUnwindSafe(|| step(driver, workshop, buffer)));
        let is_starving = driver.is_starving(&self.workshop);
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
mod tests;
