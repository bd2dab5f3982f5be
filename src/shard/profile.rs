//! What the connections of one server have in common: what they are watched for, and the numbers in
//! which everything about them is counted.

use std::time::Duration;

use crate::progress::ProgressTable;

/// Numbers that one shard counts for one profile.
pub const COUNTERS: usize = 16;

/// What is counted. JavaScript reads the same numbers; `lib/profiles.js` has the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Counter {
    MessagesIn = 0,
    /// Payloads of messages, inflated.
    MessageBytesIn = 1,
    /// Everything that was read.
    WireBytesIn = 2,
    MessagesOut = 3,
    /// Payloads of messages, before they are compressed.
    MessageBytesOut = 4,
    /// Frames of messages, as they go out.
    WireBytesOut = 5,
    FramesOut = 6,
    PingsIn = 7,
    PongsIn = 8,
    PingsOut = 9,
    PongsOut = 10,
    FramesIn = 11,
    /// Payloads of the messages that were compressed, and what became of them.
    CompressibleBytesOut = 12,
    CompressedBytesOut = 13,
}

/// Settings and counters that connections share. A connection that has none is neither watched nor
/// counted.
#[derive(Debug)]
pub struct Profile {
    pub(crate) watch: Watch,
    /// A row for each shard, and one for the connections without a socket of ours.
    counters: ProgressTable,
}

impl Profile {
    /// A profile for as many drivers as have `rows`.
    #[must_use]
    pub fn new(watch: Watch, rows: usize) -> Self {
        Self { watch, counters: ProgressTable::of_numbers(rows * COUNTERS) }
    }

    /// The counters of all rows, for whoever shows them to JavaScript.
    #[must_use]
    pub fn counters(&self) -> &ProgressTable {
        &self.counters
    }

    /// Counts. Only the driver that has the row may call this: reading and writing are two steps.
    pub(crate) fn count(&self, row: usize, counter: Counter, more: usize) {
        if more > 0 {
            self.counters.add(row * COUNTERS + counter as usize, more);
        }
    }
}

/// What a connection is watched for; everything is off by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {
    /// Pings of ours, and how long their pongs may take.
    pub heartbeat: Option<Heartbeat>,
    /// How long there may be no message, in either direction.
    pub idle_timeout: Option<Duration>,
    /// How long a message may take to arrive.
    pub message_timeout: Option<Duration>,
    /// How much may come in.
    pub rate: Option<Rate>,
}

impl Watch {
    /// Whether there is anything to watch.
    pub(crate) fn is_on(&self) -> bool {
        *self != Self::default()
    }
}

/// Pings that a peer must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// From one ping to the next.
    pub interval: Duration,
    /// From a ping to the latest sign of life.
    pub timeout: Duration,
}

/// How much may come in: two token buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Messages, pings and pongs an interval; 0 is no limit.
    pub messages: f64,
    /// Bytes on the wire an interval; 0 is no limit.
    pub bytes: f64,
    /// The interval.
    pub interval: Duration,
    /// How many intervals' worth can be saved up by silence.
    pub burst: f64,
    /// Stop reading until there are tokens again, instead of closing the connection.
    pub pauses: bool,
}
