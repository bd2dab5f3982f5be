//! Which connections the runtime has something to tell about.
//!
//! A shard is one future that owns all its connections, so that they are plain `&mut` to it. Each
//! connection's waker therefore only puts its id on a list and wakes that one future.

use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};

use crate::registry::ConnectionId;
use crate::sync::{Mutex, MutexGuard};

/// Ids in the order in which they became ready.
#[derive(Debug, Default)]
pub(crate) struct ReadyList {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ids: Vec<ConnectionId>,
    shard: Option<Waker>,
}

impl ReadyList {
    /// Puts an id on the list.
    pub(crate) fn push(&self, id: ConnectionId) {
        self.lock().ids.push(id);
    }

    /// Swaps the list out into `ids`, which must be empty.
    pub(crate) fn take(&self, ids: &mut Vec<ConnectionId>) {
        std::mem::swap(&mut self.lock().ids, ids);
    }

    /// Wakes the shard if it sleeps although somebody is on the list: one that was put there by
    /// another thread than its own.
    pub(crate) fn wake_sleeper(&self) {
        let mut state = self.lock();
        if !state.ids.is_empty()
            && let Some(shard) = state.shard.take()
        {
            drop(state);
            shard.wake();
        }
    }

    /// Whether nobody is on the list; if so, the next one to come wakes `shard`.
    pub(crate) fn sleep(&self, shard: &Waker) -> bool {
        let mut state = self.lock();
        if !state.ids.is_empty() {
            return false;
        }
        state.shard = Some(shard.clone());
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct ReadyWaker {
    list: Arc<ReadyList>,
    id: ConnectionId,
}

impl Wake for ReadyWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.list.lock();
        state.ids.push(self.id);
        if let Some(shard) = state.shard.take() {
            drop(state);
            shard.wake();
        }
    }
}

/// A waker that puts `id` on the list.
pub(crate) fn ready_waker(list: &Arc<ReadyList>, id: ConnectionId) -> Waker {
    Arc::new(ReadyWaker { list: list.clone(), id }).into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn collects_the_ids_of_woken_connections() {
        let list = Arc::new(ReadyList::default());
        assert!(list.sleep(Waker::noop()));
        ready_waker(&list, ConnectionId::new(3)).wake();
        ready_waker(&list, ConnectionId::new(1)).wake_by_ref();
        assert!(!list.sleep(Waker::noop()));
        let mut ids = Vec::new();
        list.take(&mut ids);
        assert_eq!(ids, [ConnectionId::new(3), ConnectionId::new(1)]);
        assert!(list.sleep(Waker::noop()));
    }
    #[test]
    fn wakes_a_sleeper_for_those_that_were_put_on_the_list_by_others() {
        struct Flag(AtomicBool);
        impl Wake for Flag {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let (list, flag) = (ReadyList::default(), Arc::new(Flag(AtomicBool::new(false))));
        assert!(list.sleep(&flag.clone().into()));
        list.wake_sleeper();
        assert!(!flag.0.load(Ordering::SeqCst), "there was nobody");
        list.push(ConnectionId::new(1));
        list.wake_sleeper();
        assert!(flag.0.load(Ordering::SeqCst));
    }
}
