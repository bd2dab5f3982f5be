//! Serving a shard's sockets: by its own thread, or by the thread above while little happens.
//!
//! To wake a thread costs more than to read and write a small message. So when there are few connections
//! and their messages come a few at a time, the shard's thread gives the lead to the thread
//! above, which then waits for the sockets among everything else that it waits for. The shard's thread
//! looks after it every [`LOOK_INTERVAL`], and leads again when the other has not come: because nothing
//! happens, or because it is busy. It also gets the lead back when there is more to do.
//!
//! Ownership: everything that a shard works on lies in one mutex. Who leads has the lock while it
//! serves. Between that, whoever sends something small may take the lock and write it by itself.
//! Nobody waits for the lock but the leader.

use std::ffi::c_int;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::task::{Context, Poll};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::{unconstrained, yield_now};

use crate::batch::CommandBatch;
use crate::epoll::runtime_with_descriptor;
use crate::leadership::Leadership;
use crate::queue::{CommandQueue, Doorbell, EventQueue};
use crate::shard::{Pace, Shard, Turns};

/// How often the shard's thread looks after a leader above.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// The lead goes up when so many times in a row there was little to do, within [`LOOK_INTERVAL`] of
/// one another.
const CALM_TURNS: u32 = 64;
/// Connections of all shards together that the thread above can serve besides what else it does.
const FEW_CONNECTIONS: usize = 16;
/// What is little to do, and what is too much to be done from above, see [`Turns::effort`].
const LITTLE_EFFORT: usize = 10;
const MOST_EFFORT: usize = 24;

const OWN_PACE: Pace = Pace { turns: 4, effort: usize::MAX };
const PACE_ABOVE: Pace = Pace { turns: 1, effort: MOST_EFFORT };

/// A shard, and all that it takes to serve it.
#[derive(Debug)]
pub(crate) struct Service {
    shard: Mutex<Shard>,
    runtime: Runtime,
    descriptor: Option<c_int>,
    commands: Arc<CommandQueue>,
    events: Arc<EventQueue>,
    doorbell: Arc<Doorbell>,
    leadership: Leadership,
    /// The shard's own.
    thread: OnceLock<Thread>,
}

/// What came of a [turn](Lead::take_turn).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// None was taken: the shard's thread leads. The sockets are not to be watched any more.
    NotOurs,
    /// Nothing to tell.
    Quiet,
    /// Events wait.
    News,
}

/// The right to serve a shard's sockets, while the shard gives it to the thread above.
#[derive(Clone, Debug)]
pub struct Lead {
    service: Arc<Service>,
    descriptor: c_int,
}

impl Lead {
    /// What is to be watched while the lead is ours: it is readable when there is something to serve.
    /// It stays open as long as this lead.
    #[must_use]
    pub fn descriptor(&self) -> c_int {
        self.descriptor
    }

    /// Says that the descriptor will be watched whenever the lead [is ours](Self::is_ours), which is
    /// to be looked at when the doorbell has been answered, and how many connections there are on all
    /// shards that may be served from here. With many the lead is not given.
    pub fn accept(&self, connections: usize) {
        let are_few = connections <= FEW_CONNECTIONS;
        self.service.leadership.accept(are_few);
        if !are_few {
            self.give_back();
        }
    }

    /// Whether the thread above leads.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.service.leadership.is_above()
    }

    /// Serves the sockets once, without waiting for any.
    #[must_use]
    pub fn take_turn(&self) -> Turn {
        self.service.take_turn()
    }

    /// Has the shard's thread serve the sockets, if the lead is ours: the thread above has better things
    /// to do.
    pub fn give_back(&self) {
        self.service.give_back_lead();
    }
}

impl Service {
    /// A shard that nobody serves yet.
    ///
    /// # Errors
    /// The operating system's, when it gives no descriptor for the runtime.
    pub(crate) fn new(
        shard: Shard,
        commands: Arc<CommandQueue>,
        events: Arc<EventQueue>,
        doorbell: Arc<Doorbell>,
    ) -> io::Result<Self> {
        let (runtime, descriptor) = runtime_with_descriptor()?;
        Ok(Self {
            shard: Mutex::new(shard),
            runtime,
            descriptor,
            commands,
            events,
            doorbell,
            leadership: Leadership::default(),
            thread: OnceLock::new(),
        })
    }

    /// The right to serve the sockets, if they can be watched from above.
    pub(crate) fn lead(self: &Arc<Self>) -> Option<Lead> {
        Some(Lead { service: self.clone(), descriptor: self.descriptor? })
    }

    /// What the shard's thread does: leads, or looks after who leads, until the shard ends.
    pub(crate) fn run(&self) {
        // The first to come here is the shard's thread, and the only one.
        let _ = self.thread.set(thread::current());
        // Unconstrained: the shard divides its time itself, tokio's budget would only make it miss
        // reads.
        while self.runtime.block_on(unconstrained(OwnLead::of(self))) == Outcome::Calm {
            // Not before the runtime is free: two threads must never be in it.
            self.leadership.give_up();
            // Of those who wanted something since the last turn only this thread knows; who comes from
            // now on finds that the lead is above.
            if self.commands.is_calling() {
                self.leadership.give_back();
            }
            self.doorbell.ring();
            self.look_after_leader();
        }
    }

    /// Waits until the shard's thread leads again.
    fn look_after_leader(&self) {
        // Takes the token of a wake-up that came when it led already.
        thread::park_timeout(Duration::ZERO);
        while self.leadership.is_above() {
            thread::park_timeout(LOOK_INTERVAL);
            if self.leadership.look_after() {
                break;
            }
        }
    }

    fn take_turn(&self) -> Turn {
        if !self.leadership.begin_turn() {
            return Turn::NotOurs;
        }
        if !self.events.is_empty() {
            // The thread above is late with what it has.
            self.end_turn(false);
            return Turn::NotOurs;
        }
        let turns = self.runtime.block_on(unconstrained(async {
            // Lets the runtime look at the sockets.
            yield_now().await;
            poll_fn(|context| Poll::Ready(self.lock().poll_turns(PACE_ABOVE, context))).await
        }));
        self.end_turn(turns.is_done && turns.effort <= MOST_EFFORT);
        if turns.has_news { Turn::News } else { Turn::Quiet }
    }

    fn end_turn(&self, leads_on: bool) {
        self.leadership.end_turn(leads_on);
        if !leads_on {
            self.wake_thread();
        }
    }

    /// Carries out commands on the calling thread, if they are little and nobody is in front of them.
    /// While the shard's thread leads, that is a lone message for a shard that sleeps.
    pub(crate) fn serve_now(&self, batch: &mut CommandBatch) -> bool {
        let is_little = if self.leadership.is_above() {
            batch.effort().is_some_and(|effort| effort <= MOST_EFFORT)
        } else {
            batch.is_lone_message()
        };
        if !is_little {
            return false;
        }
        let mut shard = match self.shard.try_lock() {
            Ok(shard) => shard,
            Err(TryLockError::Poisoned(shard)) => shard.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let served = shard.serve_now(batch);
        drop(shard);
        if served == Some(true) {
            self.doorbell.ring();
        }
        served.is_some()
    }

    /// Has the shard's thread lead.
    pub(crate) fn give_back_lead(&self) {
        if self.leadership.give_back() {
            self.wake_thread();
        }
    }

    fn wake_thread(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the shard's thread stops to lead.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The shard has ended.
    Over,
    /// The thread above had better lead, and the doorbell is to be rung.
    Calm,
}

/// The shard's thread leads.
struct OwnLead<'a> {
    service: &'a Service,
    calm_turns: u32,
    last_news: Instant,
}

impl<'a> OwnLead<'a> {
    fn of(service: &'a Service) -> Self {
        Self { service, calm_turns: 0, last_news: Instant::now() }
    }

    /// Whether it has been calm for so long, after these turns that have brought news, that the thread
    /// above had better lead.
    fn is_calm(&mut self, turns: &Turns) -> bool {
        let now = Instant::now();
        let is_lively = now.duration_since(self.last_news) < LOOK_INTERVAL;
        self.last_news = now;
        let is_little = turns.is_done && turns.effort <= LITTLE_EFFORT;
        self.calm_turns = if is_lively && is_little { self.calm_turns + 1 } else { 0 };
        self.calm_turns >= CALM_TURNS
    }
}

impl Future for OwnLead<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let service = self.service;
        let mut shard = service.lock();
        let turns = shard.poll_turns(OWN_PACE, context);
        // On a busy core the thread that hears the doorbell runs at once, and may want the lock.
        drop(shard);
        if turns.is_over {
            return Poll::Ready(Outcome::Over);
        }
        if !turns.is_done {
            context.waker().wake_by_ref();
        }
        if turns.has_news && service.leadership.is_accepted() && self.is_calm(&turns) {
            return Poll::Ready(Outcome::Calm);
        }
        if turns.has_news {
            service.doorbell.ring();
        }
        Poll::Pending
    }
}
