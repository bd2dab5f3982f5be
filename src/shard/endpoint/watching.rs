//! How an endpoint is watched and counted.

use std::time::Instant;

use offloop_protocol::{Event, Payload};

use super::{Endpoint, Surroundings, Workshop};
use crate::cause::Limit;
use crate::guards::{Due, Standing};
use crate::profile::{Counter, Profile};
use crate::record::{CommandKind, EventKind};
use crate::timers::Timers;

/// What came of one piece of input.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) messages: usize,
    message_bytes: usize,
    pings: usize,
    pongs: usize,
}

impl Tally {
    pub(super) fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Message { payload, .. } => {
                self.messages += 1;
                self.message_bytes += payload.len();
            }
            Event::Ping { .. } => self.pings += 1,
            Event::Pong { .. } => self.pongs += 1,
            Event::Close { .. } | Event::Failed(_) => {}
        }
    }
}

/// What is to be done with a connection whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on; it may have something to write.
    Alive,
    /// It goes on, and may be read again.
    Resumed,
    /// Its peer is dead.
    Dead,
}

impl Endpoint {
    /// Counts what came in, and the pongs that it was answered with.
    pub(super) fn count_input(&mut self, size: usize, tally: &Tally, pongs: usize, row: usize) {
        self.progress.count_in(tally.messages);
        let Some(profile) = &self.profile else { return };
        let data_frames = self.protocol.take_data_frames() as usize;
        profile.count(row, Counter::WireBytesIn, size);
        profile.count(row, Counter::MessagesIn, tally.messages);
        profile.count(row, Counter::MessageBytesIn, tally.message_bytes);
        profile.count(row, Counter::FramesIn, data_frames + tally.pings + tally.pongs);
        profile.count(row, Counter::PingsIn, tally.pings);
        profile.count(row, Counter::PongsIn, tally.pongs);
        profile.count(row, Counter::PongsOut, pongs);
        profile.count(row, Counter::FramesOut, pongs);
    }

    /// Looks at what came in with the eyes of the guards, if there are any.
    pub(super) fn guard_input(&mut self, ended: bool, workshop: &mut Workshop) {
        let Some(guards) = &mut self.guards else { return };
        if self.protocol.is_close_received() || self.protocol.is_failed() {
            guards.stand_down();
            return;
        }
        guards.end_input(self.protocol.is_receiving(), ended, workshop.now());
        if let Some(latency) = guards.take_latency() {
            self.progress.set_latency(latency);
        }
        if let Some(limit) = guards.take_limit() {
            self.close_for(limit, workshop);
        }
    }

    /// Does what has become due.
    pub(crate) fn drive_guards(&mut self, held: bool, workshop: &mut Workshop) -> Verdict {
        let mut verdict = Verdict::Alive;
        let now = workshop.now();
        while let Some(guards) = &mut self.guards {
            if self.protocol.is_close_sent() {
                guards.stand_down();
            }
            let (written, blocked) = (self.outbox.written_bytes(), self.outbox.is_blocked());
            match guards.handle_due(Standing { now, held, written, blocked }) {
                Due::Nothing => break,
                Due::Dead => return Verdict::Dead,
                Due::Resume => verdict = Verdict::Resumed,
                Due::Limit(limit) => self.close_for(limit, workshop),
                Due::Ping(payload) => self.send_ping(&payload, workshop),
            }
        }
        verdict
    }

    /// Whether there is anything to watch.
    pub(crate) fn is_watched(&self) -> bool {
        self.guards.is_some()
    }

    /// Whether the peer has passed a limit, and is not listened to any more.
    pub(crate) fn is_limited(&self) -> bool {
        self.guards.as_ref().is_some_and(|guards| guards.is_limited())
    }

    /// Whether it must not be read, because of its rate.
    pub(crate) fn is_stopped(&self) -> bool {
        self.guards.as_ref().is_some_and(|guards| guards.is_stopped())
    }

    /// The connection is not read although it might have something, for reasons of ours.
    pub(crate) fn hold(&mut self, workshop: &mut Workshop) {
        if let Some(guards) = &mut self.guards {
            guards.hold(workshop.now());
        }
    }

    /// The peer has taken what it had refused.
    pub(crate) fn note_life(&mut self, workshop: &mut Workshop) {
        if let Some(guards) = &mut self.guards {
            guards.note_life(workshop.now());
        }
    }

    /// When [`drive_guards`](Self::drive_guards) is to be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.guards.as_ref()?.due()
    }

    /// Sets the timer that the guards want. One that is set too early stays: it finds nothing to do
    /// and is set again, which costs less than setting it anew with every message.
    pub(crate) fn arm(&mut self, timers: &mut Timers) {
        let Some(guards) = self.guards.as_deref_mut() else { return };
        let Some(wanted) = guards.due() else { return };
        if guards.armed.is_none_or(|armed| wanted < armed) {
            let former = guards.armed.replace(wanted);
            former.inspect(|&due| timers.remove(due, self.id));
            timers.add(wanted, self.id);
        }
    }

    /// Takes the timer of the guards away.
    pub(crate) fn disarm(&mut self, timers: &mut Timers) {
        if let Some(due) = self.timer_expired() {
            timers.remove(due, self.id);
        }
    }

    /// The timer of the guards is set no more. Returns when it was due.
    pub(crate) fn timer_expired(&mut self) -> Option<Instant> {
        self.guards.as_mut()?.armed.take()
    }

    fn send_ping(&mut self, payload: &[u8], workshop: &mut Workshop) {
        let before = self.outbox.queued_bytes();
        self.send(CommandKind::Ping, 0, Payload::Slice(payload), workshop);
        // Nobody above has charged for it.
        let bytes = usize::try_from(self.outbox.queued_bytes() - before).unwrap_or(0);
        self.outbox.mark_automatic(bytes, 0);
    }

    /// Sends a close frame, unless one is out already, and tells the layer above.
    fn close_for(&mut self, limit: Limit, workshop: &mut Workshop) {
        let (code, reason) = limit.close_frame();
        let before = self.outbox.queued_bytes();
        let Self { protocol, outbox, .. } = self;
        let Workshop { pool, keys, deflate, .. } = workshop;
        let mut host = Surroundings::new(outbox, pool, keys, deflate);
        // Fails only if one is out.
        let _ = protocol.send_close(Some(code), reason.as_bytes(), &mut host);
        let bytes = usize::try_from(self.outbox.queued_bytes() - before).unwrap_or(0);
        self.outbox.mark_automatic(bytes, 0);
        let (limit, code) = (limit as u32, u32::from(code.0));
        workshop.events.push_numbers(self.id, EventKind::Limited, limit, code);
    }
}

/// Counts a control frame that goes out.
pub(super) fn count_frame(profile: Option<&Profile>, row: usize, counter: Counter) {
    if let Some(profile) = profile {
        profile.count(row, counter, 1);
        profile.count(row, Counter::FramesOut, 1);
    }
}

/// Counts a frame of a message: whether it is the last one, its payload's length, and what its
/// sender charged for it beside what it takes on the wire.
pub(super) fn count_message(
    profile: Option<&Profile>,
    row: usize,
    fin: bool,
    length: usize,
    (charged, wire): (usize, usize),
) {
    let Some(profile) = profile else { return };
    profile.count(row, Counter::MessagesOut, usize::from(fin));
    profile.count(row, Counter::MessageBytesOut, length);
    profile.count(row, Counter::WireBytesOut, wire);
    profile.count(row, Counter::FramesOut, 1);
    if charged != wire {
        profile.count(row, Counter::CompressibleBytesOut, length);
        profile.count(row, Counter::CompressedBytesOut, wire);
    }
}
