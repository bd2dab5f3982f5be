//! Commands, from JavaScript's memory to the shards: one call a tick.
//!
//! JavaScript lends two arrays and fills them; everything is copied out before the call returns. A
//! record is four words: connection id, kind and flags, the payload's offset in the slab, its length.

use std::collections::VecDeque;

use bytes::Bytes;
use napi::bindgen_prelude::{Error, Result};
use offloop_protocol::Payload;
#[cfg(unix)]
use offloop_shard::Adoption;
use offloop_shard::{COMMAND_LARGE, CommandBatch, ConnectionId};

use super::connections::Owner;
use super::environment::Environment;
use super::raw::{Call, Kept, Operation, Returned};

/// Commands that have crossed and not been handed over.
#[derive(Default)]
pub(super) struct Outbound {
    records: Kept<u32>,
    slab: Kept<u8>,
    large: VecDeque<Bytes>,
    output_slab: Kept<u8>,
    output_slab_used: usize,
    /// One batch a shard.
    staged: Vec<CommandBatch>,
}

impl Outbound {
    pub(super) fn attach(&mut self, records: Kept<u32>, slab: Kept<u8>) {
        self.records = records;
        self.slab = slab;
    }

    pub(super) fn add_shard(&mut self) {
        self.staged.push(CommandBatch::default());
    }

    #[cfg(unix)]
    pub(super) fn adopt(&mut self, shard: usize, adoption: Adoption) {
        self.staged[shard].push_adoption(adoption);
    }
}

/// `stageLarge(data)`: copies a string or a `Uint8Array` whose command, flagged as large, is the next
/// such record of `submit`. Returns its length in bytes.
pub(super) struct StageLarge;

impl Operation<Environment> for StageLarge {
    const NAME: &'static str = "stageLarge";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let Environment { recycler, outbound, shards, .. } = environment;
        if !recycler.is_busy()
            && let Some(shard) = shards.first()
        {
            // Which from now on looks after it.
            shard.nudge();
        }
        let payload = if call.is_string(0)? {
            let mut payload = recycler.take(call.utf8_length(0)? + 1);
            call.append_utf8(0, &mut payload)?;
            payload
        } else {
            let bytes = call.bytes(0)?;
            let mut payload = recycler.take(bytes.len());
            payload.extend_from_slice(bytes);
            payload
        };
        let length = u32::try_from(payload.len())
            .map_err(|_| Error::from_reason("a message cannot be longer than 4 GiB"))?;
        outbound.large.push_back(recycler.share(payload));
        Ok(Returned::Number(length))
    }
}

/// `submit(count)`: carries out the first `count` records.
pub(super) struct Submit;

impl Operation<Environment> for Submit {
    const NAME: &'static str = "submit";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let count = call.integer(0)? as usize;
        let Outbound { records, slab, large, staged, .. } = &mut environment.outbound;
        let (records, _) = records.as_chunks::<4>();
        for &[id, word, offset, length] in records.iter().take(count) {
            let payload = if word & COMMAND_LARGE == 0 {
                let (start, length) = (offset as usize, length as usize);
                Payload::Slice(slab.get(start..start + length).unwrap_or_default())
            } else {
                Payload::Shared(large.pop_front().unwrap_or_default())
            };
            match environment.connections.owner(id) {
                Owner::Nobody => {}
                Owner::Stream => environment.streams.send(ConnectionId::new(id), word, payload),
                Owner::Shard(shard) => match payload {
                    Payload::Slice(payload) => staged[shard].push(id, word, payload),
                    Payload::Shared(payload) => staged[shard].push_large(id, word, payload),
                },
            }
        }
        for (shard, batch) in environment.shards.iter().zip(staged) {
            if !batch.is_empty() {
                shard.submit(batch);
            }
        }
        Ok(Returned::Nothing)
    }
}

/// `sendApart(id, word, data)`: sends a message of a stream connection at once. Returns 1 if its bytes
/// are to be written behind what `takeOutput` then returns, 0 if that has all of it.
pub(super) struct SendApart;

impl Operation<Environment> for SendApart {
    const NAME: &'static str = "sendApart";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let (id, word) = (ConnectionId::new(call.integer(0)?), call.integer(1)?);
        let is_apart = environment.streams.send_apart(id, word, call.bytes(2)?);
        Ok(Returned::Number(is_apart.into()))
    }
}

/// `useOutputSlab(bytes)`: lends memory for small outputs, from its start on.
pub(super) struct UseOutputSlab;

impl Operation<Environment> for UseOutputSlab {
    const NAME: &'static str = "useOutputSlab";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        environment.outbound.output_slab = call.kept_bytes(0)?;
        environment.outbound.output_slab_used = 0;
        Ok(Returned::Nothing)
    }
}

/// `takeOutput(id, enough)`: the first of what a stream connection wants written, at least so many bytes
/// if it has them, or undefined. A small output goes behind the one before in the slab, and its length
/// is returned; a larger one is a Buffer of its own. -1 means that the slab must be replaced first.
pub(super) struct TakeOutput;

impl TakeOutput {
    /// Outputs up to this size go through the slab, as Node's own Buffers share memory.
    const SLAB_OUTPUT_BYTES: usize = 4096;
}

impl Operation<Environment> for TakeOutput {
    const NAME: &'static str = "takeOutput";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let Environment { streams, outbound, recycler, .. } = environment;
        let start = outbound.output_slab_used;
        let room = outbound.output_slab.get_mut(start..).unwrap_or_default();
        if room.len() < Self::SLAB_OUTPUT_BYTES {
            return Ok(Returned::Signed(-1));
        }
        let id = ConnectionId::new(call.integer(0)?);
        let Some(output) = streams.take_output(id, call.integer(1)? as usize) else {
            return Ok(Returned::Nothing);
        };
        if output.len() > Self::SLAB_OUTPUT_BYTES {
            return call.buffer(recycler.lend(output)).map(Returned::Value);
        }
        room[..output.len()].copy_from_slice(&output);
        outbound.output_slab_used += output.len();
        let length = u32::try_from(output.len()).unwrap_or(0);
        streams.give_back_output(output);
        Ok(Returned::Number(length))
    }
}
