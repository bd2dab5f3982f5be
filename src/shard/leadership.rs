//! Which of two threads waits for a shard's sockets: its own, or the one above.
//!
//! Ownership: who leads is the only one that runs the shard's runtime. The shard's thread gives the
//! lead away and takes it back when the other does not come; the thread above never has to wait.

use crate::sync::{AtomicBool, AtomicU8, Ordering};

/// The shard's thread leads.
const OWN: u8 = 0;
/// The thread above leads, and does something else.
const ABOVE: u8 = 1;
/// The thread above leads, and serves the sockets.
const IN_TURN: u8 = 2;

/// Who leads. At first the shard's thread does.
#[derive(Debug, Default)]
pub(crate) struct Leadership {
    leader: AtomicU8,
    /// Whether the thread above would watch the sockets.
    is_accepted: AtomicBool,
    /// Whether the thread above has served the sockets since the shard's thread last looked.
    has_come: AtomicBool,
}

impl Leadership {
    /// The thread above says whether it will watch the sockets when it leads.
    pub(crate) fn accept(&self, accepts: bool) {
        self.is_accepted.store(accepts, Ordering::Release);
    }

    /// Whether the lead may be given away.
    pub(crate) fn is_accepted(&self) -> bool {
        self.is_accepted.load(Ordering::Acquire)
    }

    /// Whether the thread above leads.
    pub(crate) fn is_above(&self) -> bool {
        self.leader.load(Ordering::Acquire) != OWN
    }

    /// The shard's thread, which leads, lets the one above lead.
    pub(crate) fn give_up(&self) {
        self.has_come.store(false, Ordering::Relaxed);
        self.leader.store(ABOVE, Ordering::Release);
    }

    /// The shard's thread looks after the one above: takes the lead back if that has not come since
    /// the last look. Returns whether the shard's thread leads.
    pub(crate) fn look_after(&self) -> bool {
        if !self.is_above() {
            return true;
        }
        !self.has_come.swap(false, Ordering::AcqRel) && self.change(ABOVE, OWN)
    }

    /// The thread above begins to serve the sockets, if it leads.
    pub(crate) fn begin_turn(&self) -> bool {
        let leads = self.change(ABOVE, IN_TURN);
        if leads {
            self.has_come.store(true, Ordering::Release);
        }
        leads
    }

    /// The thread above has served the sockets; it leads on, or gives the lead back.
    pub(crate) fn end_turn(&self, leads_on: bool) {
        self.leader.store(if leads_on { ABOVE } else { OWN }, Ordering::Release);
    }

    /// The lead goes back to the shard's thread between two turns. Returns whether it was above.
    pub(crate) fn give_back(&self) -> bool {
        self.change(ABOVE, OWN)
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.leader.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_taken_back_from_a_thread_that_does_not_come() {
        let leadership = Leadership::default();
        assert!(!leadership.is_above());
        leadership.give_up();
        assert!(leadership.is_above());
        assert!(leadership.begin_turn());
        leadership.end_turn(true);
        assert!(!leadership.look_after(), "it has come");
        assert!(leadership.look_after());
        assert!(!leadership.begin_turn(), "too late");
        assert!(leadership.look_after(), "it leads already");
    }

    #[test]
    fn stays_above_during_a_turn() {
        let leadership = Leadership::default();
        leadership.give_up();
        assert!(leadership.begin_turn());
        assert!(!leadership.look_after(), "it has come");
        assert!(!leadership.look_after(), "a turn may be long");
        assert!(!leadership.give_back());
        leadership.end_turn(false);
        assert!(leadership.look_after());
        leadership.give_up();
        assert!(leadership.give_back());
        assert!(!leadership.is_above());
    }
}
