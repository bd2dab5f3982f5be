//! Deadlines of a shard's connections, behind one timer of the runtime.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::Context;
use std::time::Instant;

use tokio::time::Sleep;

use crate::registry::ConnectionId;

/// Deadlines in order.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    deadlines: BTreeSet<(Instant, ConnectionId)>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timers {
    /// Adds a connection's deadline.
    pub(crate) fn add(&mut self, deadline: Instant, id: ConnectionId) {
        self.deadlines.insert((deadline, id));
    }

    /// Takes a connection's deadline away.
    pub(crate) fn remove(&mut self, deadline: Instant, id: ConnectionId) {
        self.deadlines.remove(&(deadline, id));
    }

    /// The first deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// The next deadline that has passed, and whose it is. When there is none, the context is woken
    /// at the next deadline.
    pub(crate) fn poll_expired(
        &mut self,
        context: &mut Context<'_>,
    ) -> Option<(Instant, ConnectionId)> {
        let &(first, id) = self.deadlines.first()?;
        let target = tokio::time::Instant::from_std(first);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(target)));
        if sleep.deadline() != target {
            sleep.as_mut().reset(target);
        }
        if sleep.as_mut().poll(context).is_pending() {
            return None;
        }
        // One that is set anew would wake whoever polls it, if its time has come, too.
        self.sleep = None;
        self.deadlines.pop_first();
        Some((first, id))
    }
}
