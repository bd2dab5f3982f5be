//! Threads that own sockets and drive the protocol over them.
//!
//! Layer 2 of offloop. It knows tokio, sockets and time; it must never know Node-API or JavaScript.
//!
//! The contract with the layer above: it starts shards ([`ShardHandle`]), fills [`CommandBatch`]es
//! and submits each whole, and takes [`EventBatch`]es when the [`Doorbell`] has been rung, giving
//! each back once everything in it is delivered. That return is what lets a shard read on, so a
//! slow layer above fills the peers' windows and not our memory.
//!
//! Ownership: a socket belongs to one shard from its adoption to its end; what a shard has is behind
//! one lock (see `service`). Between threads travel whole batches by move, and one table of numbers
//! ([`ProgressTable`]) that one side only writes and the other only reads.

mod adopt;
mod batch;
mod bucket;
mod cause;
mod commands;
mod driver;
mod endpoint;
mod epoll;
mod guards;
mod handle;
mod leadership;
mod masking_keys;
mod outbox;
mod profile;
mod progress;
mod queue;
mod read_buffer;
mod readiness;
mod record;
mod recycler;
mod registry;
mod service;
mod shard;
mod streams;
mod sync;
mod timers;

pub use adopt::{AdoptedSocket, Adoption};
pub use batch::{CommandBatch, Copied, EventBatch, LARGE_PAYLOAD_BYTES};
pub use handle::ShardHandle;
pub use profile::{COUNTERS, Heartbeat, Profile, Rate, Watch};
pub use progress::{Progress, ProgressTable};
pub use queue::{CommandQueue, Doorbell, EventQueue};
pub use record::{
    COMMAND_COMPRESS, COMMAND_DISCARD, COMMAND_LARGE, COMMAND_MORE, COMMAND_NOTIFY, CommandKind,
    EVENT_ASCII, EVENT_FIRST_KEPT, EVENT_KEPT, EVENT_LARGE, EventKind, Tuning,
};
pub use recycler::{Lent, Recycler};
pub use registry::ConnectionId;
pub use service::{Lead, Turn};
pub use streams::{Received, StreamOpening, Streams};
