//! Profiles: what the connections of a server are watched for, and where they are counted.

use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Error, Result};
use offloop_shard::{ConnectionId, Heartbeat, Profile, Rate, Watch};

use super::environment::Environment;
use super::raw::{Call, Operation, Returned};

/// Profiles by number, and the one of the next connection.
#[derive(Default)]
pub(super) struct Profiles {
    known: Vec<Option<Arc<Profile>>>,
    current: Option<Arc<Profile>>,
}

impl Profiles {
    /// The profile of the next connection, which it is for no other.
    pub(super) fn take_current(&mut self) -> Option<Arc<Profile>> {
        self.current.take()
    }

    fn get(&self, number: u32) -> Result<&Arc<Profile>> {
        let profile = self.known.get(number as usize).and_then(Option::as_ref);
        profile.ok_or_else(|| Error::from_reason("no such profile"))
    }

    fn add(&mut self, profile: Profile) -> Result<u32> {
        let free = self.known.iter().position(Option::is_none);
        let number = free.unwrap_or(self.known.len());
        if number == self.known.len() {
            self.known.push(None);
        }
        self.known[number] = Some(Arc::new(profile));
        u32::try_from(number).map_err(|_| Error::from_reason("too many profiles"))
    }
}

/// The numbers of `createProfile`, in their order. Times are in milliseconds, 0 is off.
#[derive(Clone, Copy)]
enum Setting {
    HeartbeatInterval,
    HeartbeatTimeout,
    IdleTimeout,
    MessageTimeout,
    RateMessages,
    RateBytes,
    RateInterval,
    RateBurst,
    RatePauses,
}

/// `createProfile(settings)`: makes a profile of a `Float64Array`'s bytes and returns its number.
pub(super) struct CreateProfile;

impl Operation<Environment> for CreateProfile {
    const NAME: &'static str = "createProfile";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let settings = call.bytes(0)?;
        let rows = environment.threads + 1;
        let profile = Profile::new(watch(settings.as_chunks().0), rows);
        environment.profiles.add(profile).map(Returned::Number)
    }
}

/// What the settings ask for.
fn watch(settings: &[[u8; 8]]) -> Watch {
    let number =
        |setting: Setting| settings.get(setting as usize).map_or(0.0, |it| f64::from_ne_bytes(*it));
    let time = |setting| {
        let milliseconds = number(setting);
        (milliseconds > 0.0).then(|| Duration::from_secs_f64(milliseconds / 1000.0))
    };
    let rate = Rate {
        messages: number(Setting::RateMessages),
        bytes: number(Setting::RateBytes),
        interval: time(Setting::RateInterval).unwrap_or(Duration::from_secs(1)),
        burst: number(Setting::RateBurst),
        pauses: number(Setting::RatePauses) > 0.0,
    };
    let timeout = time(Setting::HeartbeatTimeout);
    let heartbeat = time(Setting::HeartbeatInterval)
        .and_then(|interval| Some(Heartbeat { interval, timeout: timeout? }));
    Watch {
        heartbeat,
        idle_timeout: time(Setting::IdleTimeout),
        message_timeout: time(Setting::MessageTimeout),
        rate: (rate.messages > 0.0 || rate.bytes > 0.0).then_some(rate),
    }
}

/// `profileCounters(number)`: its counters, as the memory of a `Float64Array` with a row of 16 for
/// each shard and one for stream connections.
pub(super) struct ProfileCounters;

impl Operation<Environment> for ProfileCounters {
    const NAME: &'static str = "profileCounters";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let profile = environment.profiles.get(call.integer(0)?)?;
        call.shared_numbers(profile.counters().clone()).map(Returned::Value)
    }
}

/// `useProfile(number)`: the connection that is adopted or opened next has this profile.
pub(super) struct UseProfile;

impl Operation<Environment> for UseProfile {
    const NAME: &'static str = "useProfile";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let profile = environment.profiles.get(call.integer(0)?)?.clone();
        environment.profiles.current = Some(profile);
        Ok(Returned::Nothing)
    }
}

/// `releaseProfile(number)`: nobody uses it for new connections any more.
pub(super) struct ReleaseProfile;

impl Operation<Environment> for ReleaseProfile {
    const NAME: &'static str = "releaseProfile";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        if let Some(place) = environment.profiles.known.get_mut(call.integer(0)? as usize) {
            *place = None;
        }
        Ok(Returned::Nothing)
    }
}

/// `tickStreams()`: does what has become due on stream connections.
pub(super) struct TickStreams;

impl Operation<Environment> for TickStreams {
    const NAME: &'static str = "tickStreams";

    fn run(environment: &mut Environment, _: &Call) -> Result<Returned> {
        environment.streams.tick();
        Ok(Returned::Nothing)
    }
}

/// `holdStream(id, held)`: whether a stream connection is not read, for reasons of ours.
pub(super) struct HoldStream;

impl Operation<Environment> for HoldStream {
    const NAME: &'static str = "holdStream";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        let id = ConnectionId::new(call.integer(0)?);
        environment.streams.hold(id, call.boolean(1)?);
        Ok(Returned::Nothing)
    }
}

/// `noteLife(id)`: the peer of a stream connection has taken something.
pub(super) struct NoteLife;

impl Operation<Environment> for NoteLife {
    const NAME: &'static str = "noteLife";

    fn run(environment: &mut Environment, call: &Call) -> Result<Returned> {
        environment.streams.note_life(ConnectionId::new(call.integer(0)?));
        Ok(Returned::Nothing)
    }
}
