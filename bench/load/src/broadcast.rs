//! Broadcast: one connection sends a message, the server sends it to every connection, and when all
//! have it the next one is sent.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::Failure;
use crate::args::{BroadcastOptions, Budget};
use crate::connection::{Connection, Shared};
use crate::histogram::Histogram;
use crate::messages::Messages;
use crate::opening::{PATIENCE, open_all, poll_once};
use crate::payload::MessageNumber;
use crate::report::measure;

/// Which connection sends.
const PUBLISHER: usize = 0;

/// Opens, warms up, waits for the word, measures, reports. A delivery counts as a message.
///
/// # Errors
/// When the server loses, changes or adds anything, or a connection breaks.
pub(crate) fn run(options: &BroadcastOptions) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let streams = open_all(&mut poll, &options.target, false)?;
    let number = MessageNumber::first(0);
    let mut load = Load {
        poll,
        connections: streams
            .into_iter()
            .map(|stream| Connection::new(stream, number, number))
            .collect(),
        shared: Shared::new(Messages::plain(options.kind, options.size)),
    };
    measure(options.warmup, options.measured, |budget| load.drive(budget))
}

struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    shared: Shared,
}

impl Load {
    /// Sends until the budget is used up. Returns how long each delivery took, and all of them.
    fn drive(&mut self, budget: Budget) -> Result<(Histogram, Duration), Failure> {
        let start = Instant::now();
        let mut histogram = Histogram::new();
        let mut sent = 0;
        while match budget {
            Budget::Messages(count) => sent < count,
            Budget::Time(time) => start.elapsed() < time,
        } {
            self.broadcast(&mut histogram)?;
            sent += 1;
        }
        Ok((histogram, start.elapsed()))
    }

    /// Sends one message and waits until every connection has it.
    fn broadcast(&mut self, histogram: &mut Histogram) -> Result<(), Failure> {
        let sent_at = Instant::now();
        self.connections[PUBLISHER].queue_message(&mut self.shared);
        self.connections[PUBLISHER].flush()?;
        let mut missing = self.connections.len();
        let mut events = Events::with_capacity(1024);
        while missing > 0 {
            poll_once(&mut self.poll, &mut events, PATIENCE)?;
            if events.is_empty() {
                return Err(format!("{missing} connections never got a message").into());
            }
            for event in &events {
                let Token(index) = event.token();
                let connection = &mut self.connections[index];
                connection.flush()?;
                while connection.read_messages(&mut self.shared, || {
                    missing = missing.checked_sub(1).ok_or("a message came twice")?;
                    histogram.record(sent_at.elapsed());
                    Ok(())
                })? {}
            }
        }
        Ok(())
    }
}
