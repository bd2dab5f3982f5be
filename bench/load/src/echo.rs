//! The closed loop: every echo that comes back sends the next message.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::Failure;
use crate::args::{Budget, EchoOptions};
use crate::histogram::Histogram;
use crate::opening::{PATIENCE, poll_once};
use crate::report::measure;
use crate::talkers::Talkers;

/// Opens, warms up, waits for the word, measures, reports.
///
/// # Errors
/// When the server loses, changes or adds anything, or a connection breaks.
pub(crate) fn run(options: &EchoOptions) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let talkers = Talkers::open(&mut poll, &options.target, options.payloads, options.size)?;
    let mut load = Load { poll, talkers, depth: options.depth };
    measure(options.warmup, options.measured, |budget| load.drive(budget))
}

struct Load {
    poll: Poll,
    talkers: Talkers,
    depth: usize,
}

impl Load {
    /// Sends until the budget is used up, then waits for the last echo. Returns the latencies, and
    /// the time from the first message to the last echo.
    fn drive(&mut self, budget: Budget) -> Result<(Histogram, Duration), Failure> {
        let start = Instant::now();
        let mut gate = Gate::new(budget, start);
        let mut histogram = Histogram::new();
        for index in 0..self.talkers.len() {
            for _ in 0..self.depth {
                if gate.lets_through(start) {
                    self.talkers.queue_message(index, Instant::now());
                }
            }
            self.talkers.flush(index)?;
        }
        let mut events = Events::with_capacity(1024);
        while self.talkers.in_flight() > 0 {
            poll_once(&mut self.poll, &mut events, PATIENCE)?;
            if events.is_empty() {
                return Err(format!("{} echoes never came", self.talkers.in_flight()).into());
            }
            for event in &events {
                let Token(index) = event.token();
                self.talkers.serve(index, |talkers, echoes| {
                    let now = Instant::now();
                    for sent_at in echoes {
                        histogram.record(now.duration_since(*sent_at));
                        if gate.lets_through(now) {
                            talkers.queue_message(index, now);
                        }
                    }
                })?;
            }
        }
        Ok((histogram, start.elapsed()))
    }
}

/// Decides whether one more message may be sent.
enum Gate {
    Left(u64),
    Until(Instant),
}

impl Gate {
    fn new(budget: Budget, start: Instant) -> Self {
        match budget {
            Budget::Messages(count) => Self::Left(count),
            Budget::Time(time) => Self::Until(start + time),
        }
    }

    fn lets_through(&mut self, now: Instant) -> bool {
        match self {
            Self::Left(0) => false,
            Self::Left(left) => {
                *left -= 1;
                true
            }
            Self::Until(end) => now < *end,
        }
    }
}
