//! Connections that each expect their own messages back, and when these were sent.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use mio::Poll;

use crate::Failure;
use crate::args::{Payloads, Target};
use crate::connection::{Connection, Shared};
use crate::messages::Messages;
use crate::opening::open_all;
use crate::payload::MessageNumber;

/// All connections of an echo run.
pub(crate) struct Talkers {
    all: Vec<Talker>,
    shared: Shared,
    in_flight: usize,
    /// When the messages were sent whose echoes one read brought; empty between reads.
    answered: Vec<Instant>,
}

struct Talker {
    connection: Connection,
    /// When each message in flight was sent, or should have been, oldest first.
    sent_at: VecDeque<Instant>,
}

impl Talkers {
    /// Opens the connections; the `index`th has the token `index`.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(crate) fn open(
        poll: &mut Poll,
        target: &Target,
        payloads: Payloads,
        size: usize,
    ) -> Result<Self, Failure> {
        let messages = match payloads {
            Payloads::Plain(kind) => Messages::plain(kind, size),
            Payloads::Json => Messages::compressed(size),
        };
        let streams = open_all(poll, target, messages.need_deflate())?;
        let talkers = streams.into_iter().zip(0..).map(|(stream, index)| {
            let number = MessageNumber::first(index);
            let connection = Connection::new(stream, number, number);
            Talker { connection, sent_at: VecDeque::new() }
        });
        Ok(Self {
            all: talkers.collect(),
            shared: Shared::new(messages),
            in_flight: 0,
            answered: Vec::new(),
        })
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Messages whose echo has not come yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Queues one message on a connection; [`Self::flush`] writes it. Its latency counts from `at`.
    pub(crate) fn queue_message(&mut self, index: usize, at: Instant) {
        let talker = &mut self.all[index];
        talker.connection.queue_message(&mut self.shared);
        talker.sent_at.push_back(at);
        self.in_flight += 1;
    }

    /// Writes what is queued on a connection.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn flush(&mut self, index: usize) -> io::Result<()> {
        self.all[index].connection.flush()
    }

    /// Reads all that a connection has. After each read that brought echoes `on_echoes` is called
    /// with when their messages were sent, and may queue more; they are written in one go.
    ///
    /// # Errors
    /// When the connection is broken, or the server sent anything that is not the echo due next.
    pub(crate) fn serve(
        &mut self,
        index: usize,
        mut on_echoes: impl FnMut(&mut Self, &[Instant]),
    ) -> Result<(), Failure> {
        loop {
            let Talker { connection, sent_at } = &mut self.all[index];
            let mut answered = std::mem::take(&mut self.answered);
            let more = connection.read_messages(&mut self.shared, || {
                answered.push(sent_at.pop_front().ok_or("an echo came before its message")?);
                Ok(())
            })?;
            self.in_flight -= answered.len();
            on_echoes(self, &answered);
            answered.clear();
            self.answered = answered;
            self.flush(index)?;
            if !more {
                return Ok(());
            }
        }
    }
}
