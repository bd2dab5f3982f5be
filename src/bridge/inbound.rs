//! Events, from the shards' batches to JavaScript's memory: one call a batch.
//!
//! JavaScript lends two arrays. Records are overwritten by every call; each byte of the slab is
//! written once, because the Buffers that JavaScript hands out are slices of it. When it is full
//! JavaScript lends a new one.

use napi::bindgen_prelude::{Error, Result};
use offloop_shard::{ConnectionId, EventBatch, EventKind, Received};

use super::environment::Environment;
use super::raw::{Call, Kept, Operation, Returned};

/// Added to the result of `drain` when the next payload does not fit into the slab.
const SLAB_FULL: u32 = 1 << 16;

/// The batch that is being delivered, and where it is delivered to.
#[derive(Default)]
pub(super) struct Inbound {
    records: Kept<u32>,
    slab: Kept<u8>,
    slab_used: usize,
    batch: Option<(EventBatch, Source)>,
    next_shard: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Shard(usize),
    Streams,
}

impl Inbound {
    pub(super) fn attach(&mut self, records: Kept<u32>) {
        self.records = records;
    }
}

/// `useSlab(bytes)`: lends memory for payloads, from its start on.
pub(super) struct UseSlab;

impl Operation<Environment> for UseSlab {
    const NAME: &'static str = "useSlab";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        environment.inbound.slab = call.kept_bytes(0)?;
        environment.inbound.slab_used = 0;
        Ok(Returned::Nothing)
    }
}

/// `drain()`: writes waiting events into the records and the slab. Returns how many, plus 65536
/// when the slab must be replaced first; 0 means that nothing waits and `wake` will be called.
pub(super) struct Drain;

impl Operation<Environment> for Drain {
    const NAME: &'static str = "drain";

    fn run(environment: &mut Environment, _: &Call) -> Result<Returned> {
        let mut drained = drain(environment);
        if drained == 0 {
            // Nothing waits. Let the doorbell ring again, then look once more for what was
            // published while it would not.
            if let Some(doorbell) = &environment.doorbell {
                doorbell.answer();
            }
            if let Some(waker) = &environment.waker {
                waker.watch();
            }
            drained = drain(environment);
        }
        Ok(Returned::Number(drained))
    }
}

fn drain(environment: &mut Environment) -> u32 {
    let mut drained = 0;
    while let Some((mut batch, source)) =
        environment.inbound.batch.take().or_else(|| next_batch(environment))
    {
        if batch.is_spent() {
            give_back(environment, batch, source);
            continue;
        }
        let inbound = &mut environment.inbound;
        let records = inbound.records.get_mut(drained * 4..).unwrap_or_default();
        let slab = inbound.slab.get_mut(inbound.slab_used..).unwrap_or_default();
        let copied = batch.copy_into(records, slab);
        drained += copied.records;
        inbound.slab_used += copied.bytes;
        if !batch.is_spent() {
            // Either array is full, or large payloads are still to be fetched.
            inbound.batch = Some((batch, source));
            let full = if copied.slab_full { SLAB_FULL } else { 0 };
            return u32::try_from(drained).unwrap_or(0) | full;
        }
        give_back(environment, batch, source);
    }
    u32::try_from(drained).unwrap_or(0)
}

/// The next published batch; the shards take turns.
fn next_batch(environment: &mut Environment) -> Option<(EventBatch, Source)> {
    if let Some(batch) = environment.streams.take_events() {
        return Some((batch, Source::Streams));
    }
    let shards = environment.shards.len();
    let first = environment.inbound.next_shard;
    for shard in (first..shards).chain(0..first) {
        if let Some(batch) = environment.shards[shard].events().take() {
            environment.inbound.next_shard = (shard + 1) % shards;
            return Some((batch, Source::Shard(shard)));
        }
    }
    None
}

fn give_back(environment: &mut Environment, batch: EventBatch, source: Source) {
    match source {
        Source::Streams => environment.streams.give_back(batch),
        Source::Shard(shard) => {
            let shard = &environment.shards[shard];
            if shard.events().give_back(batch) {
                shard.nudge();
            }
        }
    }
}

/// `takeLarge()`: the payload of the next large event, as a Buffer of its own.
pub(super) struct TakeLarge;

impl Operation<Environment> for TakeLarge {
    const NAME: &'static str = "takeLarge";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        hand_out(environment, call, EventBatch::take_large, "no large payload waits")
    }
}

/// `takeKept()`: the memory in which the kept payloads of a batch lie, from its first one on.
pub(super) struct TakeKept;

impl Operation<Environment> for TakeKept {
    const NAME: &'static str = "takeKept";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        hand_out(environment, call, EventBatch::take_kept, "no payload was kept")
    }
}

/// Gives JavaScript memory of the batch that is being delivered, as a Buffer.
fn hand_out(
    environment: &mut Environment,
    call: &Call,
    take: fn(&mut EventBatch) -> Option<Vec<u8>>,
    missing: &str,
) -> Result<Returned> {
    let batch = environment.inbound.batch.as_mut();
    let memory =
        batch.and_then(|(batch, _)| take(batch)).ok_or_else(|| Error::from_reason(missing))?;
    call.buffer(environment.recycler.lend(memory)).map(Returned::Value)
}

/// `receive(id, chunk, lend)`: bytes of a stream connection; they are unmasked in place, and with
/// `lend` messages stay in them. Returns 1 if events wait, plus 2 if messages do stay there, plus 4
/// if it is to be called again, with more bytes or none, plus 8 times the bytes that the connection
/// has to write, as far as they can be told.
pub(super) struct Receive;

impl Receive {
    /// The bytes to write are not told beyond this: so the result is a small integer to V8.
    const MOST_TOLD_BYTES: u64 = 1 << 27;
}

impl Operation<Environment> for Receive {
    const NAME: &'static str = "receive";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let id = ConnectionId::new(call.integer(0)?);
        let may_lend = call.boolean(2)?;
        let received = environment.streams.receive(id, call.bytes(1)?, may_lend);
        let pending = received.pending_bytes.min(Self::MOST_TOLD_BYTES);
        let Received { has_events, has_lent, is_behind, .. } = received;
        let flags = u32::from(has_events) | u32::from(has_lent) << 1 | u32::from(is_behind) << 2;
        Ok(Returned::Number(u32::try_from(pending).unwrap_or(0) << 3 | flags))
    }
}

/// `report(id, kind)`: what happened to a stream connection's transport (WRITTEN, ENDED or CLOSED),
/// to be delivered behind the events that wait already.
pub(super) struct Report;

impl Operation<Environment> for Report {
    const NAME: &'static str = "report";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let id = ConnectionId::new(call.integer(0)?);
        let kind = EventKind::of_transport(call.integer(1)?)
            .ok_or_else(|| Error::from_reason("no such event of a transport"))?;
        environment.streams.report(id, kind);
        Ok(Returned::Nothing)
    }
}
