//! The state of one Node environment (the main thread or a worker), and its start and end.
//!
//! Nothing here is shared between environments: each has its own shards, and its cleanup hook waits
//! for their threads. Threads reach back over the doorbell only, which lives in the shards and so
//! ends before the thread-safe function behind it does.

use std::sync::Arc;

use napi::bindgen_prelude::{Error, Result};
use offloop_shard::{Doorbell, ShardHandle, Streams};

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
    waker: Option<Waker>,
    pub(super) streams: Streams,
    pub(super) connections: Connections,
    pub(super) profiles: Profiles,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
}

/// `start(threads, wake, eventRecords, commandRecords, commandSlab)`: starts the shards. `wake` is
/// called on the JavaScript thread when events wait; the three arrays are the border's memory.
pub(super) struct Start;

impl Operation<Environment> for Start {
    const NAME: &'static str = "start";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        if environment.doorbell.is_some() {
            return Err(Error::from_reason("offloop is started already"));
        }
        let threads = call.integer(0)?;
        let waker = call.waker(1, "offloop:events")?;
        let ring = waker.ringer();
        let doorbell = Arc::new(Doorbell::new(move || ring.call()));
        environment.inbound.attach(call.kept_words(2)?);
        environment.outbound.attach(call.kept_words(3)?, call.kept_bytes(4)?);
        for number in 0..threads {
            let shard =
                ShardHandle::start(format!("offloop-{number}"), number as usize, doorbell.clone())
                    .map_err(|error| {
                        Error::from_reason(format!("cannot start a thread: {error}"))
                    })?;
            environment.shards.push(shard);
            environment.outbound.add_shard();
            environment.connections.add_shard();
        }
        environment.streams.count_in_row(threads as usize);
        environment.doorbell = Some(doorbell);
        environment.waker = Some(waker);
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
            waker.hold_loop(call, hold)?;
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
