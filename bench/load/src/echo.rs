//! The closed loop: every echo that comes back sends the next message.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::args::{Budget, EchoOptions};
use crate::connection::{Connection, Shape};
use crate::frame::{self, Masks};
use crate::histogram::Histogram;
use crate::opening::{open_all, poll_once};
use crate::payload::Pattern;
use crate::{Failure, say};

/// A server that says nothing for this long, with messages in flight, has lost one.
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens, warms up, waits for the word, measures, reports.
///
/// # Errors
/// When the server loses, changes or adds anything, or a connection breaks.
pub(crate) fn run(options: &EchoOptions) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let connections = open_all(&mut poll, &options.target)?;
    let mut load = Load {
        poll,
        connections,
        shape: Shape {
            pattern: Pattern::new(options.kind, options.size),
            first_byte: frame::first_byte(options.kind),
        },
        masks: Masks::new(),
        depth: options.depth,
        buffer: vec![0; 256 * 1024],
        answered: Vec::new(),
    };
    load.drive(Budget::Messages(options.warmup))?;
    say(r#"{"event":"ready"}"#)?;
    io::stdin().read_line(&mut String::new())?;
    let (histogram, elapsed) = load.drive(options.measured)?;
    report(&histogram, elapsed)?;
    Ok(())
}

fn report(histogram: &Histogram, elapsed: Duration) -> io::Result<()> {
    let micros = |per_mille| histogram.quantile(per_mille).as_secs_f64() * 1e6;
    say(&format!(
        r#"{{"event":"done","messages":{},"seconds":{:.6},"latencyUs":{{"p50":{:.2},"p99":{:.2},"p999":{:.2},"max":{:.2}}}}}"#,
        histogram.total(),
        elapsed.as_secs_f64(),
        micros(500),
        micros(990),
        micros(999),
        micros(1000),
    ))
}

/// All connections and what they share.
struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    shape: Shape,
    masks: Masks,
    depth: usize,
    buffer: Vec<u8>,
    /// When the messages were sent whose echoes one read brought; empty between reads.
    answered: Vec<Instant>,
}

impl Load {
    /// Sends until the budget is used up, then waits for the last echo. Returns the latencies, and
    /// the time from the first message to the last echo.
    fn drive(&mut self, budget: Budget) -> Result<(Histogram, Duration), Failure> {
        let start = Instant::now();
        let mut round =
            Round { gate: Gate::new(budget, start), in_flight: 0, histogram: Histogram::new() };
        for connection in &mut self.connections {
            for _ in 0..self.depth {
                if round.gate.lets_through(start) {
                    connection.queue_message(&self.shape, &mut self.masks, Instant::now());
                    round.in_flight += 1;
                }
            }
            connection.flush()?;
        }
        let mut events = Events::with_capacity(1024);
        while round.in_flight > 0 {
            poll_once(&mut self.poll, &mut events, PATIENCE)?;
            if events.is_empty() {
                return Err(format!("{} echoes never came", round.in_flight).into());
            }
            for event in &events {
                let Token(index) = event.token();
                self.serve(index, &mut round)?;
            }
        }
        Ok((round.histogram, start.elapsed()))
    }

    /// Reads all that one connection has, and writes the messages that follow in one go.
    fn serve(&mut self, index: usize, round: &mut Round) -> Result<(), Failure> {
        let connection = &mut self.connections[index];
        loop {
            let answered = &mut self.answered;
            let more =
                connection.read_echoes(&self.shape, &mut self.buffer, |at| answered.push(at))?;
            let now = Instant::now();
            for at in self.answered.drain(..) {
                round.histogram.record(now.duration_since(at));
                if round.gate.lets_through(now) {
                    connection.queue_message(&self.shape, &mut self.masks, now);
                } else {
                    round.in_flight -= 1;
                }
            }
            connection.flush()?;
            if !more {
                return Ok(());
            }
        }
    }
}

/// What one call of [`Load::drive`] counts.
struct Round {
    gate: Gate,
    in_flight: usize,
    histogram: Histogram,
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
