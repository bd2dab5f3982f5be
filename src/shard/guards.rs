//! What watches over one connection: the heartbeat, deadlines, limits on what comes in.
//!
//! No clock and no I/O: time is an argument, and what is to be done is returned. A connection that
//! is not watched has none of this.
//!
//! A peer is never blamed for what we do: while its connection is not read, be it paused or because
//! the layer above is slow, nothing runs out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use offloop_protocol::Event;

use crate::bucket::Buckets;
use crate::cause::Limit;
use crate::profile::{Heartbeat, Profile, Rate, Watch};

/// The payload of a ping of ours: what marks it, and its number.
pub(crate) type PingPayload = [u8; 8];

/// What has become due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// Send this ping.
    Ping(PingPayload),
    /// The peer is dead.
    Dead,
    /// The peer has passed a limit.
    Limit(Limit),
    /// It may be read again.
    Resume,
}

/// How things stand with a connection when its time has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub now: Instant,
    /// It is not read, for reasons of ours.
    pub held: bool,
    /// What the transport has taken of what is to be written, and whether it has refused more.
    pub written: u64,
    pub blocked: bool,
}

/// What is known of one connection.
#[derive(Debug)]
pub(crate) struct Guards {
    profile: Arc<Profile>,
    /// When something last came in.
    heard: Instant,
    /// When a message last came in or went out.
    busy: Instant,
    pulse: Pulse,
    /// When the message that is coming in began.
    message_since: Option<Instant>,
    buckets: Option<Buckets>,
    /// Not read until then, because of its rate.
    stopped_until: Option<Instant>,
    limit: Option<Limit>,
    /// Nothing is watched any more.
    over: bool,
    /// What the last pong has told and nobody has asked for.
    latency: Option<Duration>,
    /// The moment at which a timer is set.
    pub armed: Option<Instant>,
}

/// The heartbeat.
///
/// ```text
///             interval is over: a ping
///   resting ───────────────────────────> waiting ── timeout ──> dead
///      ^          its pong, or anything else       │
///      └───────────────────────────────────────────┘
/// ```
#[derive(Debug)]
struct Pulse {
    /// Tells our pings from those of the user.
    mark: [u8; 4],
    number: u32,
    /// When the last ping went out.
    sent: Instant,
    /// From when on its timeout counts.
    judged_from: Instant,
    waiting: bool,
    /// How much the transport had taken, if it had refused more.
    stuck_at: Option<u64>,
}

impl Guards {
    /// Guards for a connection that begins now; `mark` is something that nobody can guess.
    pub(crate) fn new(profile: Arc<Profile>, mark: [u8; 4], now: Instant) -> Self {
        let buckets = profile.watch.rate.as_ref().map(|rate| Buckets::new(rate, now));
        Self {
            profile,
            heard: now,
            busy: now,
            pulse: Pulse {
                mark,
                number: 0,
                sent: now,
                judged_from: now,
                waiting: false,
                stuck_at: None,
            },
            message_since: None,
            buckets,
            stopped_until: None,
            limit: None,
            over: false,
            latency: None,
            armed: None,
        }
    }

    /// Input has come; called before it is looked at.
    pub(crate) fn begin_input(&mut self, bytes: usize, now: Instant) {
        self.heard = now;
        if let (Some(rate), Some(buckets)) = (&self.profile.watch.rate, &mut self.buckets) {
            buckets.fill(rate, now);
            #[expect(clippy::cast_precision_loss, reason = "the size of a read")]
            let passed = buckets.take(rate, 0.0, bytes as f64);
            self.passed(passed);
        }
    }

    /// Whether an event of that input is to be told. A pong that answers a ping of ours is not.
    pub(crate) fn admits(&mut self, event: &Event<'_>) -> bool {
        if let Event::Pong { payload } = event
            && self.take_pong(payload)
        {
            return false;
        }
        let counts = !matches!(event, Event::Close { .. } | Event::Failed(_));
        if counts && let (Some(rate), Some(buckets)) = (&self.profile.watch.rate, &mut self.buckets)
        {
            let passed = buckets.take(rate, 1.0, 0.0);
            self.passed(passed);
        }
        self.limit.is_none()
    }

    /// The input has been looked at: whether a message has begun and not ended, and whether one has
    /// ended.
    pub(crate) fn end_input(&mut self, in_message: bool, ended: bool, now: Instant) {
        if ended {
            self.busy = now;
        }
        if !in_message {
            self.message_since = None;
        } else if ended || self.message_since.is_none() {
            self.message_since = Some(now);
        }
        if let (Some(rate), Some(buckets)) = (&self.profile.watch.rate, &self.buckets)
            && rate.pauses
        {
            let wait = buckets.time_to_refill(rate);
            self.stopped_until = (wait > Duration::ZERO).then(|| now + wait);
        }
    }

    /// A message goes out.
    pub(crate) fn note_message(&mut self, now: Instant) {
        self.busy = now;
    }

    /// The connection is not read although it might have something, for reasons of ours.
    pub(crate) fn hold(&mut self, now: Instant) {
        if let (Some(rate), Some(buckets)) = (&self.profile.watch.rate, &mut self.buckets) {
            buckets.hold(rate, now);
        }
    }

    /// A sign of life that is not input: the peer has taken what it had refused.
    pub(crate) fn note_life(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Whether it must not be read, because of its rate.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped_until.is_some()
    }

    /// The limit that the peer has passed, told once; from then on nothing is watched.
    pub(crate) fn take_limit(&mut self) -> Option<Limit> {
        let limit = self.limit.filter(|_| !self.over)?;
        self.over = true;
        Some(limit)
    }

    /// Whether the peer has passed a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// The connection is being closed: nothing is watched any more.
    pub(crate) fn stand_down(&mut self) {
        self.over = true;
        self.stopped_until = None;
    }

    /// How long the peer's last pong took, told once.
    pub(crate) fn take_latency(&mut self) -> Option<Duration> {
        self.latency.take()
    }

    /// When [`handle_due`](Self::handle_due) is to be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        let Watch { heartbeat, idle_timeout, message_timeout, .. } = &self.profile.watch;
        let moments = [
            heartbeat.as_ref().map(|heartbeat| self.pulse.due(heartbeat)),
            idle_timeout.map(|timeout| self.busy + timeout),
            self.message_since.and_then(|since| Some(since + (*message_timeout)?)),
            self.stopped_until,
        ];
        moments.into_iter().flatten().min()
    }

    /// One thing that has become due; to be called until there is nothing more.
    pub(crate) fn handle_due(&mut self, standing: Standing) -> Due {
        if self.over {
            return Due::Nothing;
        }
        let Standing { now, held, .. } = standing;
        let profile = self.profile.clone();
        let Watch { heartbeat, idle_timeout, message_timeout, .. } = &profile.watch;
        if self.stopped_until.is_some_and(|until| until <= now) {
            self.stopped_until = None;
            return Due::Resume;
        }
        if held || self.is_stopped() {
            self.busy = now;
            self.message_since = self.message_since.and(Some(now));
            self.pulse.judged_from = now;
        }
        if let (Some(since), Some(timeout)) = (self.message_since, message_timeout)
            && since + *timeout <= now
        {
            return self.end(Limit::MessageTimeout);
        }
        if idle_timeout.is_some_and(|timeout| self.busy + timeout <= now) {
            return self.end(Limit::IdleTimeout);
        }
        match heartbeat {
            Some(heartbeat) => self.pulse.beat(*heartbeat, self.heard, standing),
            None => Due::Nothing,
        }
    }

    fn end(&mut self, limit: Limit) -> Due {
        self.over = true;
        self.limit = Some(limit);
        Due::Limit(limit)
    }

    fn passed(&mut self, limit: Option<Limit>) {
        if self.rate().is_some_and(|rate| !rate.pauses) && self.limit.is_none() {
            self.limit = limit;
        }
    }

    fn rate(&self) -> Option<&Rate> {
        self.profile.watch.rate.as_ref()
    }

    /// Whether a pong answers a ping of ours, be it an old one.
    fn take_pong(&mut self, payload: &[u8]) -> bool {
        let Some((mark, number)) = payload.split_first_chunk::<4>() else { return false };
        let pulse = &mut self.pulse;
        if *mark != pulse.mark || number.len() != 4 || pulse.number == 0 {
            return false;
        }
        if pulse.waiting && *number == pulse.number.to_be_bytes() {
            pulse.waiting = false;
            self.latency = Some(self.heard.saturating_duration_since(pulse.sent));
        }
        true
    }
}

impl Pulse {
    fn due(&self, heartbeat: &Heartbeat) -> Instant {
        if self.waiting {
            self.judged_from + heartbeat.timeout
        } else {
            self.sent + heartbeat.interval
        }
    }

    fn beat(&mut self, heartbeat: Heartbeat, heard: Instant, standing: Standing) -> Due {
        let Standing { now, written, blocked, .. } = standing;
        if self.due(&heartbeat) > now {
            return Due::Nothing;
        }
        if self.waiting {
            if heard > self.sent {
                // Not its pong yet, which may stand behind a long message; but it lives.
                self.waiting = false;
            } else if self.stuck_at.is_some_and(|stuck_at| stuck_at != written) {
                // It takes, slowly, what our ping stands behind.
                self.stuck_at = Some(written);
                self.judged_from = now;
                return Due::Nothing;
            } else {
                return Due::Dead;
            }
            if self.due(&heartbeat) > now {
                return Due::Nothing;
            }
        }
        self.number = self.number.wrapping_add(1).max(1);
        self.sent = now;
        self.judged_from = now;
        self.waiting = true;
        self.stuck_at = blocked.then_some(written);
        let mut payload = [0; 8];
        payload[..4].copy_from_slice(&self.mark);
        payload[4..].copy_from_slice(&self.number.to_be_bytes());
        Due::Ping(payload)
    }
}

#[cfg(test)]
mod tests;
