//! What JavaScript can call. Integer handles, plain data, no defaults: every value is decided in
//! `lib/options.js`.
//!
//! Functions that run per message or per batch are [`raw::Operation`]s; the few others are derived.

mod connections;
mod environment;
mod handshake;
mod inbound;
mod outbound;
mod profiles;
mod raw;

use napi::bindgen_prelude::{Object, Result};
use napi::{Env, JsValue};
use napi_derive::napi;

use environment::Environment;

/// Makes the raw functions, over a state of their own.
///
/// Node loads an addon once for each environment, but the face above can be loaded more often: a
/// test runner gives every file fresh modules. Each copy of the face works with an instance of its
/// own, and none can disturb another.
#[napi(ts_return_type = "object")]
pub(crate) fn create_instance(env: Env) -> Result<Object<'static>> {
    let instance = Object::new(&env)?;
    let module = raw::Module::new(env.raw(), instance.raw(), Environment::default())?;
    module.export::<environment::Start>()?;
    module.export::<environment::Settle>()?;
    module.export::<environment::HoldLoop>()?;
    module.export::<environment::FatalException>()?;
    module.export::<connections::Adopt>()?;
    module.export::<connections::Address>()?;
    module.export::<connections::OpenStream>()?;
    module.export::<connections::Release>()?;
    module.export::<connections::ProgressBlock>()?;
    module.export::<profiles::CreateProfile>()?;
    module.export::<profiles::ProfileCounters>()?;
    module.export::<profiles::UseProfile>()?;
    module.export::<profiles::ReleaseProfile>()?;
    module.export::<profiles::TickStreams>()?;
    module.export::<profiles::HoldStream>()?;
    module.export::<profiles::NoteLife>()?;
    module.export::<inbound::UseSlab>()?;
    module.export::<inbound::Drain>()?;
    module.export::<inbound::TakeLarge>()?;
    module.export::<inbound::TakeKept>()?;
    module.export::<inbound::Receive>()?;
    module.export::<inbound::Report>()?;
    module.export::<outbound::StageLarge>()?;
    module.export::<outbound::Submit>()?;
    module.export::<outbound::SendApart>()?;
    module.export::<outbound::UseOutputSlab>()?;
    module.export::<outbound::TakeOutput>()?;
    Ok(instance)
}
