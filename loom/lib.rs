//! Models of the hand-overs between threads, for loom: it runs each again and again, until it has
//! tried every order of the threads' steps in which no more than [`PREEMPTIONS`] of them are stopped
//! where they need not stop. A wake-up that is lost shows as threads that wait for ever.
//!
//! The queues, the doorbell, the list of ready connections and the lead are the source files of `src/shard/`,
//! included by their paths. What they carry is not: a batch is a list of numbers here.

#[expect(dead_code, reason = "whether the lead is accepted never changes here")]
#[path = "../src/shard/leadership.rs"]
mod leadership;
#[expect(dead_code, reason = "what only the service asks")]
#[path = "../src/shard/queue.rs"]
mod queue;
#[path = "../src/shard/readiness.rs"]
mod readiness;
#[expect(dead_code, reason = "the models need an id and nothing else of it")]
#[path = "../src/shard/registry.rs"]
mod registry;

/// What the source files are made of here.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, Ordering};
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
}

/// What they carry here.
mod batch {
    /// Numbers that go down.
    #[derive(Debug, Default)]
    pub struct CommandBatch(pub Vec<u32>);

    impl CommandBatch {
        pub(crate) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn append(&mut self, other: &mut Self) {
            self.0.append(&mut other.0);
        }
    }

    /// A number that goes up.
    #[derive(Debug, Default)]
    pub struct EventBatch(pub u32);
}

use std::sync::Arc;
use std::task::{Wake, Waker};

use loom::sync::Notify;
use loom::thread;

use batch::{CommandBatch, EventBatch};
use leadership::Leadership;
use queue::{CommandQueue, Doorbell, EventQueue};
use readiness::{ReadyList, ready_waker};
use registry::ConnectionId;
use sync::{AtomicBool, Mutex, Ordering};

/// More find no more here, and take minutes.
const PREEMPTIONS: usize = 3;

/// Runs a model in every order.
fn try_all(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// Wakes a thread, as the runtime wakes a shard and Node its JavaScript.
struct Alarm(Notify);

impl Alarm {
    fn new() -> Arc<Self> {
        Arc::new(Self(Notify::new()))
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// A shard that does nothing but take what comes.
struct Shard {
    commands: Arc<CommandQueue>,
    ready: Arc<ReadyList>,
    alarm: Arc<Alarm>,
    taken: Vec<u32>,
    woken: Vec<ConnectionId>,
}

impl Shard {
    fn new(commands: &Arc<CommandQueue>, ready: &Arc<ReadyList>) -> Self {
        let (commands, ready) = (commands.clone(), ready.clone());
        Self { commands, ready, alarm: Alarm::new(), taken: Vec::new(), woken: Vec::new() }
    }

    /// A turn of its loop, `false` at its end; sleeps if there is nothing to do, as `Shard::poll`
    /// does.
    fn turn(&mut self, mut work: impl FnMut(&mut Self) -> bool) -> bool {
        let mut batch = CommandBatch::default();
        let go_on = self.commands.take(&mut batch);
        self.taken.append(&mut batch.0);
        let mut ids = Vec::new();
        self.ready.take(&mut ids);
        self.woken.append(&mut ids);
        if !go_on || work(self) {
            return false;
        }
        let waker: Waker = self.alarm.clone().into();
        if self.ready.sleep(&waker) && self.commands.sleep(&waker) {
            self.alarm.0.wait();
        }
        true
    }
}

/// Two threads of the runtime wake connections while commands are submitted: the shard gets all of
/// them, and the commands in their order.
pub fn no_command_and_no_waking_is_missed() {
    try_all(|| {
        let (commands, ready) = (Arc::<CommandQueue>::default(), Arc::<ReadyList>::default());
        let mut shard = Shard::new(&commands, &ready);
        let waking = thread::spawn(move || ready_waker(&ready, ConnectionId::new(7)).wake());
        let submitting = thread::spawn(move || {
            commands.submit(&mut CommandBatch(vec![1]));
            commands.submit(&mut CommandBatch(vec![2]));
        });
        while shard.turn(|shard| shard.taken.len() == 2 && shard.woken.len() == 1) {}
        assert_eq!(shard.taken, [1, 2]);
        waking.join().expect("woken");
        submitting.join().expect("submitted");
    });
}

/// A stop reaches a shard that falls asleep, and so does what was submitted before it.
pub fn a_stop_reaches_a_shard_that_falls_asleep() {
    try_all(|| {
        let (commands, ready) = (Arc::<CommandQueue>::default(), Arc::default());
        let mut shard = Shard::new(&commands, &ready);
        let stopping = thread::spawn(move || {
            commands.submit(&mut CommandBatch(vec![1]));
            commands.stop();
        });
        while shard.turn(|_| false) {}
        assert_eq!(shard.taken, [1]);
        stopping.join().expect("stopped");
    });
}

/// Who settles goes on when his commands have been carried out, and not before.
pub fn settling_waits_for_the_commands_and_no_longer() {
    try_all(|| {
        let (commands, ready) = (Arc::<CommandQueue>::default(), Arc::default());
        let mut shard = Shard::new(&commands, &ready);
        let carried_out = Arc::new(AtomicBool::new(false));
        let seen = carried_out.clone();
        let settling = thread::spawn(move || {
            commands.submit(&mut CommandBatch(vec![1]));
            commands.settle();
            assert!(seen.load(Ordering::Relaxed));
            commands.stop();
        });
        while shard.turn(|shard| {
            carried_out.store(!shard.taken.is_empty(), Ordering::Relaxed);
            false
        }) {}
        settling.join().expect("settled");
    });
}

/// Who takes a sleeping shard, to write by himself, leaves somebody on its list: the shard hears of it.
/// Who cannot take it submits, and nothing overtakes anything.
pub fn who_takes_a_sleeping_shard_wakes_it_for_what_is_left() {
    try_all(|| {
        let (commands, ready) = (Arc::<CommandQueue>::default(), Arc::<ReadyList>::default());
        let held = Arc::new(Mutex::new(Vec::new()));
        let sending = thread::spawn({
            let (commands, ready, held) = (commands.clone(), ready.clone(), held.clone());
            move || {
                for number in 1..=2 {
                    match held.try_lock() {
                        Ok(mut carried_out) if !commands.has_some() => {
                            carried_out.push(number);
                            ready.push(ConnectionId::new(number));
                            ready.wake_sleeper();
                        }
                        _ => commands.submit(&mut CommandBatch(vec![number])),
                    }
                }
            }
        });
        let alarm = Alarm::new();
        let waker: Waker = alarm.clone().into();
        let mut heard = 0;
        loop {
            // As `Service::poll`, which has the lock for as long as the shard is awake.
            let mut carried_out = held.lock().expect("nobody panics");
            let mut batch = CommandBatch::default();
            commands.take(&mut batch);
            heard += batch.0.len();
            carried_out.append(&mut batch.0);
            let mut ids = Vec::new();
            ready.take(&mut ids);
            heard += ids.len();
            if heard == 2 {
                assert_eq!(*carried_out, [1, 2]);
                break;
            }
            let sleeps = ready.sleep(&waker) && commands.sleep(&waker);
            drop(carried_out);
            if sleeps {
                alarm.0.wait();
            }
        }
        sending.join().expect("sent");
    });
}

/// JavaScript hears of every batch, in order, though the doorbell rings once for many.
pub fn no_event_is_missed() {
    try_all(|| {
        let (events, alarm) = (Arc::<EventQueue>::default(), Alarm::new());
        let waker = Waker::from(alarm.clone());
        let doorbell = Arc::new(Doorbell::new(move || waker.wake_by_ref()));
        let shard = thread::spawn({
            let (events, doorbell) = (events.clone(), doorbell.clone());
            move || {
                for number in 1..=2 {
                    events.publish(&mut EventBatch(number), &mut Vec::new());
                    doorbell.ring();
                }
            }
        });
        let mut delivered = Vec::new();
        let mut drain = || {
            let before = delivered.len();
            delivered.extend(std::iter::from_fn(|| events.take()).map(|batch| batch.0));
            (delivered.len() - before, delivered.len())
        };
        // As `drain()` of the bridge, which JavaScript calls until it says that nothing waits.
        loop {
            let (mut fresh, mut all) = drain();
            if fresh == 0 {
                doorbell.answer();
                (fresh, all) = drain();
            }
            if all == 2 {
                break;
            }
            if fresh == 0 {
                alarm.0.wait();
            }
        }
        assert_eq!(delivered, [1, 2]);
        shard.join().expect("published");
    });
}

/// A shard that does not read until its events are delivered hears that they are.
pub fn a_starving_shard_hears_of_every_delivery() {
    try_all(|| {
        let (commands, ready) = (Arc::<CommandQueue>::default(), Arc::default());
        let events = Arc::<EventQueue>::default();
        let mut shard = Shard::new(&commands, &ready);
        events.publish(&mut EventBatch(1), &mut Vec::new());
        let above = thread::spawn({
            let (events, commands) = (events.clone(), commands.clone());
            move || {
                let batch = events.take().expect("published before");
                if events.give_back(batch) {
                    commands.nudge();
                }
            }
        });
        // It reads, and has read too much; then it looks at what has come back, as every turn does.
        events.set_starving(true);
        let mut spent = Vec::new();
        while shard.turn(|_| {
            events.collect(&mut spent);
            spent.len() == 1
        }) {}
        above.join().expect("delivered");
    });
}

/// Who leads has the runtime for itself, and the lead is never with nobody.
pub fn only_one_leads() {
    try_all(|| {
        let leadership = Arc::new(Leadership::default());
        let is_occupied = Arc::new(AtomicBool::new(false));
        let run = |is_occupied: &AtomicBool| {
            assert!(!is_occupied.swap(true, Ordering::AcqRel), "two are in the runtime");
            is_occupied.store(false, Ordering::Release);
        };
        let above = thread::spawn({
            let (leadership, is_occupied) = (leadership.clone(), is_occupied.clone());
            move || {
                for leads_on in [true, false] {
                    if leadership.begin_turn() {
                        run(&is_occupied);
                        leadership.end_turn(leads_on);
                    }
                }
                leadership.give_back();
            }
        });
        leadership.give_up();
        for _ in 0..2 {
            if leadership.look_after() {
                run(&is_occupied);
                leadership.give_up();
            }
        }
        above.join().expect("ends");
        // What was given up behind the end of the other is taken back, at the second look at the latest.
        assert!(leadership.look_after() || leadership.look_after());
    });
}
