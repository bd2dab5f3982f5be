//! The state of one Node environment (the main thread or a worker), and its start and end.
//!
//! Nothing here is shared between environments: each has its own shards, and its cleanup hook waits
//! for their threads. They reach back over the doorbell only, so nobody rings it when the waker behind
//! it ends.

use std::io;
use std::sync::Arc;

use napi::bindgen_prelude::{Error, Result};
use offloop_shard::{Doorbell, Recycler, ShardHandle, Streams};

use super::connections::Connections;
use super::inbound::Inbound;
use super::outbound::Outbound;
use super::profiles::Profiles;
use super::raw::{Call, Operation, Returned, Waker};

/// Everything that the addon keeps for one environment.
#[derive(Default)]
pub(super) struct Environment {
    /// Dropped first: their threads ring the doorbell.
    pub(super) shards: Vec<ShardHandle>,
    pub(super) doorbell: Option<Arc<Doorbell>>,
    pub(super) waker: Option<Waker>,
    /// How many shards there are to be.
    pub(super) threads: usize,
    /// Memory of large payloads, in both directions.
    pub(super) recycler: Recycler,
    pub(super) streams: Streams,
    pub(super) connections: Connections,
    pub(super) profiles: Profiles,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
}

impl Environment {
    /// Starts the shards that are missing: all at the first adoption; later those for which there
    /// was no thread or no descriptor then. One is enough to go on with.
    pub(super) fn start_shards(&mut self) -> io::Result<()> {
        let Some(doorbell) = self.doorbell.clone() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        while self.shards.len() < self.threads {
            let number = self.shards.len();
            let (name, recycler) = (format!("offloop-{number}"), self.recycler.clone());
            match ShardHandle::start(name, number, doorbell.clone(), recycler) {
                Ok(shard) => self.add_shard(shard),
                Err(error) if self.shards.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Has the shards know how many connections they have together.
    pub(super) fn note_connections(&self) {
        if let Some(waker) = &self.waker {
            waker.note_connections(self.connections.on_shards());
        }
    }

    fn add_shard(&mut self, shard: ShardHandle) {
        if let (Some(waker), Some(lead)) = (&mut self.waker, shard.lead()) {
            waker.take_lead(lead);
        }
        self.shards.push(shard);
        self.outbound.add_shard();
        self.connections.add_shard();
    }
}

/// `start(threads, wake, eventRecords, commandRecords, commandSlab)`: says how many shards there may
/// be; the first adoption starts them. `wake(isRung)` is called on the JavaScript thread when events wait,
/// with whether the doorbell is to be answered; the three arrays are the border's memory.
pub(super) struct Start;

impl Operation<Environment> for Start {
    const NAME: &'static str = "start";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        if environment.doorbell.is_some() {
            return Err(Error::from_reason("offloop is started already"));
        }
        environment.threads = call.integer(0)? as usize;
        let waker = call.waker(1, "offloop:events")?;
        let ring = waker.ringer();
        let doorbell = Arc::new(Doorbell::new(move || ring.call()));
        environment.inbound.attach(call.kept_words(2)?);
        environment.outbound.attach(call.kept_words(3)?, call.kept_bytes(4)?);
        environment.streams.count_in_row(environment.threads);
        environment.doorbell = Some(doorbell);
        environment.waker = Some(waker);
        Ok(Returned::Nothing)
    }
}

/// `settle()`: waits until the shards have written what was submitted, as far as the kernel takes it.
pub(super) struct Settle;

impl Operation<Environment> for Settle {
    const NAME: &'static str = "settle";

    fn run(environment: &mut Environment, _: &Call) -> Result<Returned> {
        for shard in &environment.shards {
            shard.settle();
        }
        Ok(Returned::Nothing)
    }
}

/// `holdLoop(hold)`: whether the event loop stays alive for us.
pub(super) struct HoldLoop;

impl Operation<Environment> for HoldLoop {
    const NAME: &'static str = "holdLoop";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let hold = call.boolean(0)?;
        if let Some(waker) = &environment.waker {
            waker.hold_loop(hold);
        }
        Ok(Returned::Nothing)
    }
}

/// `fatalException(error)`: what Node does with an error that nobody caught.
pub(super) struct FatalException;

impl Operation<Environment> for FatalException {
    const NAME: &'static str = "fatalException";
    const CALLS_BACK: bool = true;

    fn run_unborrowed(call: &Call) -> Result<Returned> {
        call.fatal_exception(0)?;
        Ok(Returned::Nothing)
    }
}
