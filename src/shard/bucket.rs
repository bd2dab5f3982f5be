//! Token buckets: how much a peer may send.

use std::time::{Duration, Instant};

use crate::cause::Limit;
use crate::profile::Rate;

/// Two buckets of one connection. Time fills them, input empties them.
#[derive(Debug)]
pub(crate) struct Buckets {
    messages: f64,
    bytes: f64,
    filled: Instant,
    /// Nothing was read for reasons of ours: what the peer was owed meanwhile does not spill over.
    held: bool,
}

impl Buckets {
    /// Full ones.
    pub(crate) fn new(rate: &Rate, now: Instant) -> Self {
        Self {
            messages: rate.messages * rate.burst,
            bytes: rate.bytes * rate.burst,
            filled: now,
            held: false,
        }
    }

    /// Takes note that the connection is not read although it might have something.
    pub(crate) fn hold(&mut self, rate: &Rate, now: Instant) {
        if !self.held {
            self.fill(rate, now);
            self.held = true;
        }
    }

    /// Lets the time that has passed fill them.
    pub(crate) fn fill(&mut self, rate: &Rate, now: Instant) {
        let intervals = intervals(now.saturating_duration_since(self.filled), rate);
        let room = if self.held { f64::INFINITY } else { 1.0 };
        self.messages = filled(self.messages, rate.messages, rate.burst * room, intervals);
        self.bytes = filled(self.bytes, rate.bytes, rate.burst * room, intervals);
        self.filled = now;
        self.held = false;
    }

    /// Takes tokens for input; which limit it has passed, if it has.
    pub(crate) fn take(&mut self, rate: &Rate, messages: f64, bytes: f64) -> Option<Limit> {
        if rate.messages > 0.0 {
            self.messages -= messages;
        }
        if rate.bytes > 0.0 {
            self.bytes -= bytes;
        }
        if self.messages < 0.0 {
            Some(Limit::MessageRate)
        } else if self.bytes < 0.0 {
            Some(Limit::ByteRate)
        } else {
            None
        }
    }

    /// How long it takes until nothing is owed any more.
    pub(crate) fn time_to_refill(&self, rate: &Rate) -> Duration {
        let messages = shortage(self.messages, rate.messages);
        let bytes = shortage(self.bytes, rate.bytes);
        rate.interval.mul_f64(messages.max(bytes).min(MOST_INTERVALS))
    }
}

/// Nobody is held for longer at once.
const MOST_INTERVALS: f64 = 1000.0;

fn intervals(elapsed: Duration, rate: &Rate) -> f64 {
    elapsed.as_secs_f64() / rate.interval.as_secs_f64()
}

fn filled(tokens: f64, an_interval: f64, burst: f64, intervals: f64) -> f64 {
    if an_interval == 0.0 {
        return 0.0;
    }
    let full = an_interval * burst;
    // A held bucket may be above its brim, and stays there until it is used.
    (tokens + an_interval * intervals).min(full.max(tokens))
}

/// How many intervals' worth of tokens is missing.
fn shortage(tokens: f64, an_interval: f64) -> f64 {
    if tokens < 0.0 { -tokens / an_interval } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rate() -> Rate {
        Rate { messages: 10.0, bytes: 0.0, interval: SECOND, burst: 2.0, pauses: false }
    }

    #[test]
    fn a_silent_peer_saves_up_no_more_than_the_burst() {
        let (rate, start) = (rate(), Instant::now());
        let mut buckets = Buckets::new(&rate, start);
        assert_eq!(buckets.take(&rate, 20.0, 1e9), None);
        assert_eq!(buckets.take(&rate, 1.0, 0.0), Some(Limit::MessageRate));
        buckets.fill(&rate, start + 100 * SECOND);
        assert_eq!(buckets.take(&rate, 20.0, 0.0), None);
        assert_eq!(buckets.take(&rate, 1.0, 0.0), Some(Limit::MessageRate));
    }

    #[test]
    fn a_peer_is_owed_what_it_could_not_send_while_it_was_held() {
        let (rate, start) = (rate(), Instant::now());
        let mut buckets = Buckets::new(&rate, start);
        buckets.hold(&rate, start);
        buckets.hold(&rate, start + 5 * SECOND);
        buckets.fill(&rate, start + 10 * SECOND);
        assert_eq!(buckets.take(&rate, 120.0, 0.0), None);
        assert_eq!(buckets.take(&rate, 1.0, 0.0), Some(Limit::MessageRate));
    }

    #[test]
    fn tells_how_long_a_debt_takes_to_be_paid() {
        let (rate, start) = (rate(), Instant::now());
        let mut buckets = Buckets::new(&rate, start);
        assert_eq!(buckets.time_to_refill(&rate), Duration::ZERO);
        assert_eq!(buckets.take(&rate, 25.0, 0.0), Some(Limit::MessageRate));
        assert_eq!(buckets.time_to_refill(&rate), SECOND / 2);
        buckets.fill(&rate, start + SECOND / 2);
        assert_eq!(buckets.take(&rate, 0.0, 0.0), None);
    }
}
