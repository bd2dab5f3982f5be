//! The open loop: messages are due at a fixed rate, whether or not the server keeps up. A latency
//! counts from when the message was due, so a server that stalls pays for all that it kept waiting.
//! The same with requests to an HTTP route, when they are asked for.
//!
//! The loop never sleeps: a timer would be coarser than the latencies.

use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::args::PacedOptions;
use crate::histogram::Histogram;
use crate::http::HttpClients;
use crate::opening::{PATIENCE, poll_once};
use crate::report::{await_word, report};
use crate::talkers::Talkers;
use crate::{Failure, say};

/// Opens, warms up, waits for the word, measures, reports.
///
/// # Errors
/// When the server loses, changes or adds anything, or a connection breaks.
pub(crate) fn run(options: &PacedOptions) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let target = &options.target;
    let talkers = Talkers::open(&mut poll, target, options.payloads, options.size)?;
    let http = HttpClients::connect(&poll, target.server, options.http_connections, talkers.len())?;
    let mut load = Load { poll, talkers, http };
    load.drive(options, options.warmup)?;
    await_word()?;
    let Measured { messages, requests, elapsed } = load.drive(options, options.measured)?;
    let mut line = report(&messages, elapsed);
    if options.http_connections > 0 {
        line = line.number("requests", &requests.total()).latencies("httpLatencyUs", &requests);
    }
    say(&line.finish())?;
    Ok(())
}

struct Load {
    poll: Poll,
    talkers: Talkers,
    http: HttpClients,
}

struct Measured {
    messages: Histogram,
    requests: Histogram,
    elapsed: Duration,
}

impl Load {
    /// Sends for so long, then waits for what is still in flight.
    fn drive(&mut self, options: &PacedOptions, time: Duration) -> Result<Measured, Failure> {
        let start = Instant::now();
        let mut schedule = Schedule::new(options.rate, start, start + time);
        let http_rate = if options.http_connections > 0 { options.http_rate } else { 0.0 };
        let mut http_schedule = Schedule::new(http_rate, start, start + time);
        let mut measured = Measured {
            messages: Histogram::new(),
            requests: Histogram::new(),
            elapsed: Duration::ZERO,
        };
        let mut events = Events::with_capacity(1024);
        let mut progress_at = start;
        let mut turn = 0;
        loop {
            let now = Instant::now();
            while let Some(due) = schedule.next_due(now) {
                self.talkers.queue_message(turn, due);
                self.talkers.flush(turn)?;
                turn = (turn + 1) % self.talkers.len();
            }
            while let Some(due) = http_schedule.next_due(now) {
                self.http.request(due)?;
            }
            if schedule.is_over(now) && self.talkers.in_flight() + self.http.in_flight() == 0 {
                measured.elapsed = start.elapsed();
                return Ok(measured);
            }
            poll_once(&mut self.poll, &mut events, Duration::ZERO)?;
            if !events.is_empty() {
                progress_at = now;
            } else if now.duration_since(progress_at) > PATIENCE {
                return Err("messages are in flight, and nothing comes back".into());
            }
            self.serve(&events, &mut measured)?;
        }
    }

    fn serve(&mut self, events: &Events, measured: &mut Measured) -> Result<(), Failure> {
        for event in events {
            let token = event.token();
            if self.http.own(token) {
                if let Some(due) = self.http.serve(token)? {
                    measured.requests.record(due.elapsed());
                }
            } else {
                self.talkers.serve(token.0, |_, echoes| {
                    for due in echoes {
                        measured.messages.record(due.elapsed());
                    }
                })?;
            }
        }
        Ok(())
    }
}

/// When things are due.
struct Schedule {
    next: Instant,
    interval: Duration,
    end: Instant,
}

impl Schedule {
    /// `rate` a second from `start` to `end`; none at all when the rate is zero.
    fn new(rate: f64, start: Instant, end: Instant) -> Self {
        match Duration::try_from_secs_f64(1.0 / rate) {
            Ok(interval) => Self { next: start, interval, end },
            Err(_) => Self { next: end, interval: Duration::ZERO, end },
        }
    }

    /// When the next one was due, if it was due before now; moves on to the one after.
    fn next_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next;
        if due > now || due >= self.end {
            return None;
        }
        self.next = due + self.interval;
        Some(due)
    }

    /// Whether nothing will be due any more.
    fn is_over(&self, now: Instant) -> bool {
        now >= self.end && self.next >= self.end
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Schedule;

    #[test]
    fn a_late_look_finds_all_that_was_due() {
        let start = Instant::now();
        let end = start + Duration::from_secs(1);
        let mut schedule = Schedule::new(1000.0, start, end);
        let later = start + Duration::from_millis(10);
        let due: Vec<Instant> = std::iter::from_fn(|| schedule.next_due(later)).collect();
        assert_eq!((due.len(), due[0], due[10]), (11, start, later));
        assert!(!schedule.is_over(later));
        assert_eq!(std::iter::from_fn(|| schedule.next_due(end)).count(), 989);
        assert!(schedule.is_over(end));
    }

    #[test]
    fn a_rate_of_zero_is_never_due() {
        let start = Instant::now();
        let mut schedule = Schedule::new(0.0, start, start);
        assert_eq!(schedule.next_due(start), None);
        assert!(schedule.is_over(start));
    }
}
