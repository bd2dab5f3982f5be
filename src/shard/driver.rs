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
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use offloop_protocol::Payload;
use tokio::io::ReadBuf;

use crate::adopt::{Adoption, Socket};
use crate::batch::{COMMAND_NOTIFY, CommandKind, EventKind};
use crate::endpoint::{Endpoint, Workshop};
use crate::progress::Progress;
use crate::readiness::{ReadyList, ready_waker};
use crate::registry::ConnectionId;

/// Undelivered bytes above which a connection is not read, and below half of which it is again.
pub(crate) const HIGH_WATER_BYTES: usize = 1024 * 1024;
/// Unwritten bytes above which a connection is not read: a peer that asks and never listens.
pub(crate) const UNWRITTEN_HIGH_WATER_BYTES: u64 = 16 * 1024 * 1024;
/// Reads of one connection before the others get their turn.
const READS_A_TURN: usize = 4;

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
    progress: Progress,
    waker: Waker,
    undelivered: usize,
    /// The user paused reading.
    is_paused: bool,
    /// Reading was skipped for pressure; whoever takes the pressure away must resume it.
    is_throttled: bool,
    our_half: Half,
    peers_half: Half,
    close_timeout: Duration,
    /// When the close timer runs out, if it runs.
    pub(crate) deadline: Option<Instant>,
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
        let Adoption { id, socket, role, config, close_timeout, response, mut head, progress } =
            adoption;
        let mut driver = Self {
            id,
            socket: Socket::register(socket)?,
            endpoint: Endpoint::new(id, role, config),
            progress,
            waker: ready_waker(ready, id),
            undelivered: 0,
            is_paused: false,
            is_throttled: false,
            our_half: Half::Open,
            peers_half: Half::Open,
            close_timeout,
            deadline: None,
            dirty: false,
        };
        driver.endpoint.outbox.put(&response, &mut workshop.pool);
        driver.endpoint.outbox.mark_automatic(response.len(), 0);
        if !head.is_empty() {
            driver.undelivered += driver.endpoint.receive(&mut head, workshop);
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
                let _ = self
                    .endpoint
                    .outbox
                    .poll_flush(&mut workshop.pool, |slices| Poll::Ready(socket.write_now(slices)));
                return Progression::Over;
            }
            CommandKind::Pause => self.is_paused = true,
            CommandKind::Resume => {
                self.is_paused = false;
                return Progression::Hungry;
            }
            CommandKind::StartCloseTimer => {
                self.deadline = Some(Instant::now() + self.close_timeout);
            }
            kind => self.endpoint.send(kind, word, payload, workshop),
        }
        Progression::Alive
    }

    /// Reads what has come, up to this connection's share of a turn.
    pub(crate) fn drive_read(&mut self, buffer: &mut [u8], workshop: &mut Workshop) -> Progression {
        for _ in 0..READS_A_TURN {
            if !self.may_read() {
                return Progression::Alive;
            }
            let mut context = Context::from_waker(&self.waker);
            let mut read = ReadBuf::new(buffer);
            match self.socket.poll_read(&mut context, &mut read) {
                // Pending also leaves the waker with the runtime.
                Poll::Pending => return Progression::Alive,
                Poll::Ready(Err(_)) => return Progression::Over,
                Poll::Ready(Ok(())) => {}
            }
            let input = read.filled_mut();
            if input.is_empty() {
                return self.on_peer_end(workshop);
            }
            if !self.endpoint.is_deaf() {
                self.undelivered += self.endpoint.receive(input, workshop);
            }
        }
        Progression::Hungry
    }

    /// Writes what is queued; ends our half behind it when that was asked for.
    pub(crate) fn drive_write(&mut self, workshop: &mut Workshop) -> Progression {
        let mut context = Context::from_waker(&self.waker);
        let socket = &mut self.socket;
        let flushed = self
            .endpoint
            .outbox
            .poll_flush(&mut workshop.pool, |slices| socket.poll_write(&mut context, slices));
        if self.endpoint.outbox.settle(&self.progress) {
            workshop.events.push_numbers(self.id, EventKind::Written, 0, 0);
        }
        match flushed {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Progression::Over,
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
        if self.may_resume() { Progression::Hungry } else { Progression::Alive }
    }

    /// Takes back what the layer above has delivered.
    pub(crate) fn delivered(&mut self, bytes: usize) -> Progression {
        self.undelivered = self.undelivered.saturating_sub(bytes);
        if self.may_resume() { Progression::Hungry } else { Progression::Alive }
    }

    /// Whether reading waits for the layer above to deliver.
    pub(crate) fn is_starving(&self) -> bool {
        self.is_throttled && self.undelivered > HIGH_WATER_BYTES / 2
    }

    fn on_peer_end(&mut self, workshop: &mut Workshop) -> Progression {
        self.peers_half = Half::Ended;
        if self.our_half == Half::Ended {
            return Progression::Over;
        }
        workshop.events.push_numbers(self.id, EventKind::Ended, 0, 0);
        Progression::Alive
    }

    fn may_read(&mut self) -> bool {
        if self.peers_half == Half::Ended || self.is_paused {
            return false;
        }
        self.is_throttled = self.undelivered > HIGH_WATER_BYTES
            || self.endpoint.outbox.pending_bytes() > UNWRITTEN_HIGH_WATER_BYTES;
        !self.is_throttled
    }

    /// Whether what held reading up has gone; says so once.
    fn may_resume(&mut self) -> bool {
        let resume = self.is_throttled
            && self.undelivered <= HIGH_WATER_BYTES / 2
            && self.endpoint.outbox.pending_bytes() <= UNWRITTEN_HIGH_WATER_BYTES / 2;
        self.is_throttled &= !resume;
        resume
    }
}
