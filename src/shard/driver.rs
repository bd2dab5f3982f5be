//! One connection of a shard: its socket, and the steps that move bytes.
//!
//! ```text
//!   reading ──(our close frame and the peer's, or the peer's FIN)──> ending ──> finished
//!      │  End: write out what is queued, then FIN                      │ both halves ended
//!      └──────────── Destroy, a transport error, the close timer ──────┴──> Closed
//! ```
//!
//! The driver never decides to end: it reports, and the layer above says `End` once its own
//! replies to what was reported are on their way.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use offloop_protocol::Payload;

use crate::adopt::{Adoption, Socket};
use crate::cause::{Ending, Reason};
use crate::endpoint::{Endpoint, TOTAL_HIGH_WATER_BYTES, Verdict, Workshop};
use crate::read_buffer::{READ_BYTES, ReadBuffer};
use crate::readiness::{ReadyList, ready_waker};
use crate::record::{COMMAND_NOTIFY, CommandKind, EventKind, Tuning};
use crate::recycler::Recycler;
use crate::registry::ConnectionId;
use crate::timers::Timers;

/// Undelivered bytes above which a connection is not read, and below half of which it is again.
pub(crate) const HIGH_WATER_BYTES: usize = 1024 * 1024;
/// Unwritten bytes above which a connection is not read: a peer that asks and never listens.
pub(crate) const UNWRITTEN_HIGH_WATER_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes that are read of a paused connection, as Node reads on until a stream's buffer is full: so
/// the end of the connection shows, if not too much is in front of it.
const PAUSED_BYTES: usize = 16 * 1024;
/// Bytes that may be read of one connection before the others get their turn. A read that brings
/// fewer than the buffer could take counts for a whole one.
const BYTES_A_TURN: usize = 256 * 1024;

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Progression {
    /// It goes on.
    Alive,
    /// It goes on, and has more to read at once.
    Hungry,
    /// It is over: remove it and say so.
    Over,
}

/// Where a read has put what it brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The shard's buffer.
    Buffer,
    /// The [room](Endpoint::room) of a message under way.
    Message,
}

/// One direction of the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Open,
    /// `End` was asked for; what is queued goes out first.
    Ending,
    /// The FIN is out.
    Ended,
}

/// A connection that a shard owns.
#[derive(Debug)]
pub(crate) struct Driver {
    id: ConnectionId,
    socket: Socket,
    endpoint: Endpoint,
    waker: Waker,
    undelivered: usize,
    /// The user paused reading, and so many bytes have been read since.
    paused: Option<usize>,
    /// Reading was skipped for pressure; whoever takes the pressure away must resume it.
    is_throttled: bool,
    our_half: Half,
    peers_half: Half,
    close_timeout: Duration,
    /// When the close timer runs out, if it runs.
    deadline: Option<Instant>,
    /// The shard's timers know of that.
    is_armed: bool,
    /// Why it is over, once it is.
    pub(crate) ending: Ending,
    /// Whether it is on the shard's list of connections to flush.
    pub(crate) dirty: bool,
}

impl Driver {
    /// Registers the socket with the runtime of the calling thread.
    pub(crate) fn adopt(
        adoption: Adoption,
        ready: &Arc<ReadyList>,
        workshop: &mut Workshop,
    ) -> io::Result<Self> {
        let Adoption { id, socket, role, config, close_timeout, response, mut head, .. } = adoption;
        let Adoption { progress, profile, .. } = adoption;
        let numbers = (progress, profile);
        let mut driver = Self {
            id,
            socket: Socket::register(socket)?,
            endpoint: Endpoint::new(id, role, config, numbers, workshop),
            waker: ready_waker(ready, id),
            undelivered: 0,
            paused: None,
            is_throttled: false,
            our_half: Half::Open,
            peers_half: Half::Open,
            close_timeout,
            deadline: None,
            is_armed: false,
            ending: Ending::default(),
            dirty: false,
        };
        driver.endpoint.outbox.put(&response, &mut workshop.pool);
        driver.endpoint.outbox.mark_automatic(response.len(), 0);
        if !head.is_empty() {
            driver.take_in(workshop, |endpoint, workshop| endpoint.receive(&mut head, workshop));
        }
        Ok(driver)
    }

    /// Carries out a command; what it has to write is written by the next flush.
    pub(crate) fn command(
        &mut self,
        kind: CommandKind,
        word: u32,
        payload: Payload<'_>,
        workshop: &mut Workshop,
    ) -> Progression {
        match kind {
            CommandKind::End => {
                if self.our_half == Half::Open {
                    self.our_half = Half::Ending;
                }
                if word & COMMAND_NOTIFY != 0 {
                    self.endpoint.outbox.notify_when_written();
                }
            }
            CommandKind::Destroy => {
                // What came before it goes as far as the kernel takes it at once: it may have been
                // given in the same tick. Nobody waits for the rest, or for an error.
                let socket = &self.socket;
                let _ = self.endpoint.outbox.poll_flush(&mut workshop.pool, |slices| {
                    Poll::Ready(socket.write_now(slices, false))
                });
                return Progression::Over;
            }
            CommandKind::Pause => {
                self.paused.get_or_insert(0);
            }
            CommandKind::Resume => {
                self.paused = None;
                return Progression::Hungry;
            }
            CommandKind::Tune => self.tune(&payload),
            CommandKind::StartCloseTimer => {
                self.start_close_timer(workshop);
            }
            kind => self.endpoint.send(kind, word, payload, workshop),
        }
        Progression::Alive
    }

    /// Reads what has come, up to this connection's share of a turn.
    pub(crate) fn drive_read(
        &mut self,
        buffer: &mut ReadBuffer,
        workshop: &mut Workshop,
    ) -> Progression {
        let mut share = BYTES_A_TURN;
        while share > 0 && !buffer.is_full() {
            if !self.may_read(workshop) {
                self.endpoint.hold(workshop);
                return Progression::Alive;
            }
            if self.endpoint.is_behind() {
                if self.paused.is_some() {
                    return Progression::Alive;
                }
                self.take_in(workshop, |endpoint, workshop| endpoint.receive(&mut [], workshop));
                return Progression::Hungry;
            }
            let (count, place) = match self.poll_read(buffer, share, &workshop.recycler) {
                // Pending also leaves the waker with the runtime.
                Poll::Pending => return Progression::Alive,
                Poll::Ready(Err(error)) => return self.over(Ending::failed(&error, false)),
                Poll::Ready(Ok(read)) => read,
            };
            if count == 0 {
                return self.on_peer_end(workshop);
            }
            share = share.saturating_sub(count.max(READ_BYTES));
            self.endpoint.progress.add_read(count);
            workshop.moved_bytes += count as u64;
            if let Some(read) = &mut self.paused {
                *read += count;
            }
            self.take_in(workshop, |endpoint, workshop| match place {
                Place::Buffer => endpoint.receive_kept(buffer, workshop),
                Place::Message => endpoint.receive_appended(count, workshop),
            });
        }
        Progression::Hungry
    }

    /// Has the protocol receive something, or nothing, so that it goes on with what it has.
    fn take_in(
        &mut self,
        workshop: &mut Workshop,
        receive: impl FnOnce(&mut Endpoint, &mut Workshop) -> usize,
    ) {
        if !self.endpoint.is_deaf() {
            let weight = receive(&mut self.endpoint, workshop);
            self.undelivered += weight;
            workshop.undelivered += weight;
            workshop.moved_bytes += weight as u64;
            self.end_if_limited(workshop);
        }
    }

    /// Reads once: into the middle of a long message, or else into the buffer.
    fn poll_read(
        &mut self,
        buffer: &mut ReadBuffer,
        share: usize,
        recycler: &Recycler,
    ) -> Poll<io::Result<(usize, Place)>> {
        let mut context = Context::from_waker(&self.waker);
        let most = if self.paused.is_some() { PAUSED_BYTES } else { share };
        if let Some(mut room) = self.endpoint.room(most, recycler) {
            let count = ready!(self.socket.poll_read(&mut context, &mut room))?;
            return Poll::Ready(Ok((count, Place::Message)));
        }
        let count = ready!(self.socket.poll_read(&mut context, &mut buffer.room()))?;
        Poll::Ready(Ok((count, Place::Buffer)))
    }

    /// Writes what is queued; ends our half behind it when that was asked for.
    pub(crate) fn drive_write(&mut self, workshop: &mut Workshop) -> Progression {
        let mut context = Context::from_waker(&self.waker);
        let fin_follows = self.our_half == Half::Ending;
        let Self { socket, endpoint, .. } = self;
        let before = endpoint.outbox.written_bytes();
        let flushed = endpoint.outbox.poll_flush(&mut workshop.pool, |slices| {
            socket.poll_write(&mut context, slices, fin_follows)
        });
        workshop.moved_bytes += endpoint.outbox.written_bytes() - before;
        if endpoint.outbox.settle(&endpoint.progress) {
            workshop.events.push_numbers(self.id, EventKind::Written, 0, 0);
        }
        match flushed {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return self.over(Ending::failed(&error, true)),
            Poll::Pending => return Progression::Alive,
        }
        if self.our_half == Half::Ending {
            self.our_half = Half::Ended;
            // A failure means that the transport is gone, which the next read tells.
            let _ = self.socket.shutdown(&mut Context::from_waker(&self.waker));
        }
        if self.our_half == Half::Ended && self.peers_half == Half::Ended {
            return Progression::Over;
        }
        if self.may_resume(workshop) { Progression::Hungry } else { Progression::Alive }
    }

    /// Does what was due at a moment for which a timer was set.
    pub(crate) fn drive_timer(&mut self, due: Instant, workshop: &mut Workshop) -> Progression {
        if self.deadline == Some(due) {
            self.is_armed = false;
            return self.over(Reason::CloseTimeout.into());
        }
        self.endpoint.timer_expired();
        let held = self.paused.is_some() || self.is_throttled;
        let verdict = self.endpoint.drive_guards(held, workshop);
        self.end_if_limited(workshop);
        match verdict {
            Verdict::Alive => Progression::Alive,
            Verdict::Resumed => Progression::Hungry,
            Verdict::Dead => self.over(Reason::Heartbeat.into()),
        }
    }

    /// Sets the timers that it wants and has not.
    pub(crate) fn arm(&mut self, timers: &mut Timers) {
        if let Some(deadline) = self.deadline
            && !self.is_armed
        {
            self.is_armed = true;
            timers.add(deadline, self.id);
        }
        self.endpoint.arm(timers);
    }

    /// Takes its timers away.
    pub(crate) fn disarm(&mut self, timers: &mut Timers) {
        if let Some(deadline) = self.deadline.take_if(|_| self.is_armed) {
            timers.remove(deadline, self.id);
        }
        self.endpoint.disarm(timers);
    }

    /// Takes back what the layer above has delivered.
    pub(crate) fn delivered(&mut self, bytes: usize, workshop: &Workshop) -> Progression {
        self.undelivered = self.undelivered.saturating_sub(bytes);
        if self.may_resume(workshop) { Progression::Hungry } else { Progression::Alive }
    }

    /// Whether reading waits for the layer above to deliver.
    pub(crate) fn is_starving(&self, workshop: &Workshop) -> bool {
        let is_waiting = self.undelivered > HIGH_WATER_BYTES / 2 || workshop.is_crowded();
        self.is_throttled && is_waiting
    }

    /// A socket that does not know an option goes on without it, as under Node.
    fn tune(&mut self, payload: &Payload<'_>) {
        let Payload::Slice(payload) = payload else { return };
        let tuned = match Tuning::of(payload) {
            Some(Tuning::NoDelay(on)) => self.socket.set_no_delay(on),
            Some(Tuning::KeepAlive(seconds)) => self.socket.set_keep_alive(seconds),
            Some(Tuning::Reset) => self.socket.set_reset(),
            Some(Tuning::MaxMessageBytes(bytes)) => {
                self.endpoint.set_max_message_bytes(bytes);
                Ok(())
            }
            None => Ok(()),
        };
        let _ = tuned;
    }

    /// Sees to the end of a connection whose peer has passed a limit, which waits for nobody above.
    fn end_if_limited(&mut self, workshop: &mut Workshop) {
        if self.our_half == Half::Open && self.endpoint.is_limited() {
            self.our_half = Half::Ending;
            self.start_close_timer(workshop);
        }
    }

    fn start_close_timer(&mut self, workshop: &mut Workshop) {
        let close_timeout = self.close_timeout;
        self.deadline.get_or_insert_with(|| workshop.now() + close_timeout);
    }

    fn over(&mut self, ending: Ending) -> Progression {
        self.ending = ending;
        Progression::Over
    }

    fn on_peer_end(&mut self, workshop: &mut Workshop) -> Progression {
        self.peers_half = Half::Ended;
        workshop.events.push_numbers(self.id, EventKind::Ended, 0, 0);
        if self.our_half == Half::Ended { Progression::Over } else { Progression::Alive }
    }

    fn may_read(&mut self, workshop: &Workshop) -> bool {
        if self.peers_half == Half::Ended
            || self.paused.is_some_and(|read| read >= PAUSED_BYTES)
            || self.endpoint.is_stopped()
        {
            return false;
        }
        self.is_throttled = self.undelivered > HIGH_WATER_BYTES
            || workshop.undelivered > TOTAL_HIGH_WATER_BYTES
            || self.endpoint.outbox.pending_bytes() > UNWRITTEN_HIGH_WATER_BYTES;
        !self.is_throttled
    }

    /// Whether what held reading up has gone; says so once.
    fn may_resume(&mut self, workshop: &Workshop) -> bool {
        let resume = self.is_throttled
            && self.undelivered <= HIGH_WATER_BYTES / 2
            && !workshop.is_crowded()
            && self.endpoint.outbox.pending_bytes() <= UNWRITTEN_HIGH_WATER_BYTES / 2;
        self.is_throttled &= !resume;
        resume
    }
}
