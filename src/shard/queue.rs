//! The two hand-overs between a shard and the thread above it.
//!
//! Both are a mutex around whole batches, held for a swap and no longer. Ownership: a batch belongs
//! to whoever took it out; nobody keeps a reference into one that lies in a queue.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::task::Waker;

use crate::batch::{CommandBatch, EventBatch};
use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering};

/// Commands on their way down to one shard.
#[derive(Debug, Default)]
pub struct CommandQueue {
    state: Mutex<CommandState>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct CommandState {
    batch: CommandBatch,
    nudged: bool,
    stop: bool,
    settling: Settling,
    /// The shard's waker while it sleeps. An awake shard looks here before it sleeps again, so
    /// there is nobody to wake: the write to its eventfd is saved.
    sleeper: Option<Waker>,
}

/// What somebody waits for who wants everything submitted to be with the kernel.
#[derive(Debug, Default, PartialEq, Eq)]
enum Settling {
    /// Nothing.
    #[default]
    No,
    /// That the shard takes the commands.
    Asked,
    /// That it comes again: by then it has written what it was told to.
    Taken,
}

impl CommandQueue {
    /// Moves a batch in, behind what waits already, and sees to it that the shard is awake.
    pub fn submit(&self, batch: &mut CommandBatch) {
        let mut state = lock(&self.state);
        if state.batch.is_empty() {
            std::mem::swap(&mut state.batch, batch);
        } else {
            state.batch.append(batch);
        }
        wake(state);
    }

    /// Makes the shard look at what has come back to it.
    pub fn nudge(&self) {
        let mut state = lock(&self.state);
        state.nudged = true;
        wake(state);
    }

    /// Waits until the shard has carried out what was submitted. It must be running.
    pub fn settle(&self) {
        let mut state = lock(&self.state);
        state.settling = Settling::Asked;
        wake(state);
        let mut state = lock(&self.state);
        while state.settling != Settling::No {
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes the shard drop its connections and end.
    pub fn stop(&self) {
        let mut state = lock(&self.state);
        state.stop = true;
        wake(state);
    }

    /// Whether commands wait for the shard.
    pub(crate) fn has_some(&self) -> bool {
        let state = lock(&self.state);
        state.stop || !state.batch.is_empty()
    }

    /// Whether anybody wants anything of the shard.
    pub(crate) fn is_calling(&self) -> bool {
        lock(&self.state).is_calling()
    }

    /// Swaps the waiting commands out into `batch`, which must be empty. `false`: the shard ends.
    pub(crate) fn take(&self, batch: &mut CommandBatch) -> bool {
        let mut state = lock(&self.state);
        state.nudged = false;
        std::mem::swap(&mut state.batch, batch);
        if state.settling == Settling::Asked {
            state.settling = Settling::Taken;
        } else if state.settling == Settling::Taken {
            state.settling = Settling::No;
            self.settled.notify_one();
        }
        !state.stop
    }

    /// Leaves `sleeper` to be woken by the next command; `false` if one waits already.
    pub(crate) fn sleep(&self, sleeper: &Waker) -> bool {
        let mut state = lock(&self.state);
        if state.is_calling() {
            return false;
        }
        state.sleeper = Some(sleeper.clone());
        true
    }
}

impl CommandState {
    fn is_calling(&self) -> bool {
        let is_awaited = self.settling != Settling::No;
        self.stop || self.nudged || is_awaited || !self.batch.is_empty()
    }
}

/// Events on their way up from one shard, and the emptied batches on their way back.
#[derive(Debug, Default)]
pub struct EventQueue {
    state: Mutex<EventState>,
    starving: AtomicBool,
}

#[derive(Debug, Default)]
struct EventState {
    ready: VecDeque<EventBatch>,
    spent: Vec<EventBatch>,
}

impl EventQueue {
    /// The oldest batch that nobody has taken.
    pub fn take(&self) -> Option<EventBatch> {
        lock(&self.state).ready.pop_front()
    }

    /// Whether everything has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.state).ready.is_empty()
    }

    /// Gives a batch back whose events have all been delivered. `true`: the shard does not read from
    /// somebody until enough comes back, so it must be nudged.
    #[must_use]
    pub fn give_back(&self, spent: EventBatch) -> bool {
        lock(&self.state).spent.push(spent);
        self.starving.load(Ordering::Acquire)
    }

    /// Publishes a batch; `spent` receives what has come back, and the batch is replaced by an
    /// empty one.
    pub(crate) fn publish(&self, batch: &mut EventBatch, spent: &mut Vec<EventBatch>) {
        let batch = std::mem::take(batch);
        let mut state = lock(&self.state);
        state.ready.push_back(batch);
        spent.append(&mut state.spent);
    }

    /// What has come back.
    pub(crate) fn collect(&self, spent: &mut Vec<EventBatch>) {
        spent.append(&mut lock(&self.state).spent);
    }

    /// Whether batches that come back are waited for. What came back before it was said is seen by
    /// the next `collect`; what comes later sees it: the lock is between the two.
    pub(crate) fn set_starving(&self, starving: bool) {
        self.starving.store(starving, Ordering::Release);
    }
}

/// Tells the thread above that events wait: once, until it has looked.
pub struct Doorbell {
    rung: AtomicBool,
    ring: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Doorbell {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Doorbell").field("rung", &self.rung).finish_non_exhaustive()
    }
}

impl Doorbell {
    /// A doorbell that calls `ring` from whatever thread serves a shard.
    pub fn new(ring: impl Fn() + Send + Sync + 'static) -> Self {
        Self { rung: AtomicBool::new(false), ring: Box::new(ring) }
    }

    /// Rings, unless a ring is under way.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            (self.ring)();
        }
    }

    /// Lets it ring again. To be called before the last look into the queues: what is published
    /// after that look rings, what was published before is seen by it.
    pub fn answer(&self) {
        // A swap, not a store: it orders the look that follows after the ring that it undoes.
        self.rung.swap(false, Ordering::AcqRel);
    }
}

/// Wakes the shard, if it sleeps, without the lock that it will want first.
fn wake(mut state: MutexGuard<'_, CommandState>) {
    let sleeper = state.sleeper.take();
    drop(state);
    if let Some(sleeper) = sleeper {
        sleeper.wake();
    }
}

/// A panic while a lock is held leaves whole batches behind, so a poisoned lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;
    use crate::record::EventKind;
    use crate::registry::ConnectionId;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn batch() -> CommandBatch {
        let mut batch = CommandBatch::default();
        batch.push(1, 7, b"x");
        batch
    }

    #[test]
    fn wakes_a_sleeping_shard_once_and_an_awake_one_never() {
        let (queue, count) = (CommandQueue::default(), Arc::new(Count::default()));
        queue.submit(&mut batch());
        assert!(!queue.sleep(&count.clone().into()), "a command waits");
        let mut taken = CommandBatch::default();
        assert!(queue.take(&mut taken));
        assert_eq!(taken.records.len(), 1);
        assert!(queue.sleep(&count.clone().into()));
        queue.submit(&mut batch());
        queue.submit(&mut batch());
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        taken.reset();
        queue.take(&mut taken);
        assert_eq!(taken.records.len(), 2);
    }

    #[test]
    fn a_nudge_and_a_stop_keep_the_shard_awake() {
        let (queue, count) = (CommandQueue::default(), Arc::new(Count::default()));
        queue.nudge();
        assert!(!queue.sleep(&count.clone().into()));
        assert!(queue.take(&mut CommandBatch::default()));
        assert!(queue.sleep(&count.clone().into()));
        queue.stop();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(!queue.take(&mut CommandBatch::default()));
    }

    #[test]
    fn is_settled_when_the_shard_comes_again_after_the_commands() {
        let queue = Arc::new(CommandQueue::default());
        let mut taken = CommandBatch::default();
        queue.submit(&mut batch());
        let submitter = std::thread::spawn({
            let queue = queue.clone();
            move || queue.settle()
        });
        while lock(&queue.state).settling == Settling::No {
            std::thread::yield_now();
        }
        assert!(!queue.sleep(Waker::noop()), "somebody waits");
        queue.take(&mut taken);
        assert_eq!(taken.records.len(), 1);
        assert!(!queue.sleep(Waker::noop()), "it is to come again");
        assert!(!submitter.is_finished());
        taken.reset();
        queue.take(&mut taken);
        submitter.join().expect("settled");
        assert!(queue.sleep(Waker::noop()));
    }

    #[test]
    fn asks_for_a_nudge_only_while_the_shard_starves() {
        let queue = EventQueue::default();
        let mut events = EventBatch::default();
        events.push(ConnectionId::new(1), EventKind::Text, 0, b"x", 0);
        queue.publish(&mut events, &mut Vec::new());
        let taken = queue.take().expect("published");
        queue.set_starving(true);
        assert!(queue.give_back(taken));
        assert!(queue.give_back(EventBatch::default()), "it may need more than one");
        queue.set_starving(false);
        assert!(!queue.give_back(EventBatch::default()));
        let mut spent = Vec::new();
        queue.collect(&mut spent);
        assert_eq!(spent.len(), 3);
    }

    #[test]
    fn rings_once_until_it_is_answered() {
        let count = Arc::new(AtomicUsize::new(0));
        let rings = count.clone();
        let doorbell = Doorbell::new(move || {
            rings.fetch_add(1, Ordering::SeqCst);
        });
        doorbell.ring();
        doorbell.ring();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        doorbell.answer();
        doorbell.ring();
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
}
