//! Connections: which driver has which, and how they begin and end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Error, Result};
use offloop_protocol::deflate::DeflateConfig;
use offloop_protocol::{Config, Role};
#[cfg(unix)]
use offloop_shard::{AdoptedSocket, Adoption};
use offloop_shard::{ConnectionId, Progress, ProgressTable, StreamOpening};

use super::environment::Environment;
use super::raw::{Call, Operation, Returned};

/// Who drives a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    Shard(usize),
    Stream,
}

/// Owners by connection index, and what new connections need.
#[derive(Default)]
pub(super) struct Connections {
    owners: Vec<Owner>,
    /// What [`Address`] tells, by connection index; the last one's until there is another.
    addresses: Vec<Addresses>,
    /// Living connections of each shard.
    loads: Vec<usize>,
    progress: Vec<ProgressTable>,
    config: Arc<Config>,
}

/// Whose they are; the peer's and our own.
type Addresses = (ConnectionId, [Option<SocketAddr>; 2]);

/// Connections whose progress lies in one block of shared numbers.
const PROGRESS_BLOCK_ENTRIES: usize = 1024;

impl Connections {
    pub(super) fn add_shard(&mut self) {
        self.loads.push(0);
    }

    pub(super) fn owner(&self, id: u32) -> Owner {
        self.owners.get(ConnectionId::new(id).index()).copied().unwrap_or(Owner::Nobody)
    }

    fn own(&mut self, id: ConnectionId, owner: Owner) {
        if self.owners.len() <= id.index() {
            self.owners.resize(id.index() + 1, Owner::Nobody);
        }
        self.owners[id.index()] = owner;
        if let Owner::Shard(shard) = owner {
            self.loads[shard] += 1;
        }
    }

    #[cfg(unix)]
    fn remember(&mut self, id: ConnectionId, addresses: [Option<SocketAddr>; 2]) {
        if self.addresses.len() <= id.index() {
            self.addresses.resize(id.index() + 1, (id, [None; 2]));
        }
        self.addresses[id.index()] = (id, addresses);
    }

    fn disown(&mut self, id: ConnectionId) -> Owner {
        let Some(place) = self.owners.get_mut(id.index()) else { return Owner::Nobody };
        let owner = std::mem::replace(place, Owner::Nobody);
        if let Owner::Shard(shard) = owner {
            self.loads[shard] -= 1;
        }
        owner
    }

    #[cfg(unix)]
    fn least_loaded_shard(&self) -> Option<usize> {
        (0..self.loads.len()).min_by_key(|&shard| self.loads[shard])
    }

    /// Living connections of all shards.
    pub(super) fn on_shards(&self) -> usize {
        self.loads.iter().sum()
    }

    fn progress(&self, id: ConnectionId) -> Result<Progress> {
        let block = self.progress.get(id.index() / PROGRESS_BLOCK_ENTRIES);
        block
            .map(|block| block.entry(id.index() % PROGRESS_BLOCK_ENTRIES))
            .ok_or_else(|| Error::from_reason("the connection's progress block does not exist"))
    }

    /// The limits in a call's arguments from `first` on; shared between connections that agree.
    fn config(&mut self, call: &Call, first: usize) -> Result<Arc<Config>> {
        const SKIP_UTF8_VALIDATION: u32 = 1;
        const AUTO_PONG: u32 = 2;
        let flags = call.integer(first)?;
        let config = Config {
            max_message_bytes: call.bytes_limit(first + 1)?,
            max_fragments: call.integer(first + 2)?,
            max_pending_auto_pongs: call.integer(first + 3)?,
            skip_utf8_validation: flags & SKIP_UTF8_VALIDATION != 0,
            auto_pong: flags & AUTO_PONG != 0,
            deflate: deflate_config(flags, call.integer(first + 4)?),
        };
        if *self.config != config {
            self.config = Arc::new(config);
        }
        Ok(self.config.clone())
    }
}

/// What was negotiated, as [`super::handshake::negotiate_deflate`] packs it into a connection's flags.
fn deflate_config(flags: u32, threshold_bytes: u32) -> Option<DeflateConfig> {
    const DEFLATE: u32 = 1 << 2;
    const SEND_NO_CONTEXT_TAKEOVER: u32 = 1 << 3;
    const RECEIVE_NO_CONTEXT_TAKEOVER: u32 = 1 << 4;
    let nibble = |shift: u32| u8::try_from(flags >> shift & 0xf).unwrap_or(0);
    (flags & DEFLATE != 0).then(|| DeflateConfig {
        send_no_context_takeover: flags & SEND_NO_CONTEXT_TAKEOVER != 0,
        receive_no_context_takeover: flags & RECEIVE_NO_CONTEXT_TAKEOVER != 0,
        send_window_bits: nibble(8),
        level: nibble(12).cast_signed() - 1,
        mem_level: nibble(16),
        threshold_bytes,
    })
}

fn role(call: &Call, argument: usize) -> Result<Role> {
    Ok(if call.boolean(argument)? { Role::Client } else { Role::Server })
}

/// `adopt(id, isClient, flags, maxPayload, maxFragments, maxPendingAutoPongs, threshold, fd,
/// closeTimeout, response, head)`: gives the socket behind a descriptor to a shard. The descriptor stays the
/// caller's. Returns 0, or the operating system's error number.
pub(super) struct Adopt;

impl Operation<Environment> for Adopt {
    const NAME: &'static str = "adopt";

    #[cfg(unix)]
    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let id = ConnectionId::new(call.integer(0)?);
        let descriptor = call.signed(7)?;
        let started = environment.start_shards();
        let socket = match started.and_then(|()| AdoptedSocket::duplicate(descriptor)) {
            Ok(socket) => socket,
            Err(error) => return Ok(Returned::Signed(error.raw_os_error().unwrap_or(-1))),
        };
        let connections = &mut environment.connections;
        let shard = connections
            .least_loaded_shard()
            .ok_or_else(|| Error::from_reason("offloop is not started"))?;
        let adoption = Adoption {
            id,
            socket,
            role: role(call, 1)?,
            config: connections.config(call, 2)?,
            close_timeout: Duration::from_millis(call.integer(8)?.into()),
            response: call.bytes(9)?.to_vec(),
            head: call.bytes(10)?.to_vec(),
            progress: connections.progress(id)?,
            profile: environment.profiles.take_current(),
        };
        connections.own(id, Owner::Shard(shard));
        connections.remember(id, adoption.socket.addresses());
        environment.outbound.adopt(shard, adoption);
        environment.note_connections();
        Ok(Returned::Signed(0))
    }

    #[cfg(not(unix))]
    fn run(_: &mut Environment, _: &Call) -> Result<Returned> {
        Err(Error::from_reason("sockets are taken over on Unix only"))
    }
}

/// `address(id, which)`: the address of the peer (0) or our own (1) of a connection that was adopted, also
/// when it is gone, until another has its place: `address port`, a link-local address with the number of
/// its interface behind a percent sign. Undefined if there is none.
pub(super) struct Address;

impl Operation<Environment> for Address {
    const NAME: &'static str = "address";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let (id, which) = (ConnectionId::new(call.integer(0)?), call.integer(1)? as usize);
        let known = environment.connections.addresses.get(id.index());
        let address = known.filter(|known| known.0 == id).and_then(|known| *known.1.get(which)?);
        let Some(address) = address else { return Ok(Returned::Nothing) };
        let interface = match address {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => format!("%{}", v6.scope_id()),
            _ => String::new(),
        };
        let text = format!("{}{interface} {}", address.ip(), address.port());
        call.string(&text).map(Returned::Value)
    }
}

/// `openStream(id, isClient, flags, maxPayload, maxFragments, maxPendingAutoPongs, threshold)`: a connection
/// whose bytes the caller moves.
pub(super) struct OpenStream;

impl Operation<Environment> for OpenStream {
    const NAME: &'static str = "openStream";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let id = ConnectionId::new(call.integer(0)?);
        environment.streams.open(StreamOpening {
            id,
            role: role(call, 1)?,
            config: environment.connections.config(call, 2)?,
            profile: environment.profiles.take_current(),
            // A codec without a connection has no place among those that JavaScript sees.
            progress: environment.connections.progress(id).unwrap_or_else(|_| Progress::detached()),
        });
        environment.connections.own(id, Owner::Stream);
        Ok(Returned::Nothing)
    }
}

/// `release(id)`: nobody speaks of this connection any more.
pub(super) struct Release;

impl Operation<Environment> for Release {
    const NAME: &'static str = "release";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let id = ConnectionId::new(call.integer(0)?);
        if environment.connections.disown(id) == Owner::Stream {
            environment.streams.close(id);
        } else {
            environment.note_connections();
        }
        Ok(Returned::Nothing)
    }
}

/// `progressBlock()`: the next 1024 connections' numbers, six each (see `ProgressTable`),
/// as the memory of a `Float64Array`.
pub(super) struct ProgressBlock;

impl Operation<Environment> for ProgressBlock {
    const NAME: &'static str = "progressBlock";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let table = ProgressTable::new(PROGRESS_BLOCK_ENTRIES);
        environment.connections.progress.push(table.clone());
        call.shared_numbers(table).map(Returned::Value)
    }
}
