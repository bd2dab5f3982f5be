//! What JavaScript can call. Integer handles, plain data, no defaults: every value is decided in
//! `lib/options.js`.
//!
//! Functions that run per message or per batch are [`raw::Operation`]s; the few others are derived.

mod connections;
mod environment;
mod handshake;
mod inbound;
mod outbound;
mod raw;

use napi::bindgen_prelude::{Object, Result};
use napi::{Env, JsValue};
use napi_derive::napi;

use environment::Environment;

/// Registers the raw functions, over the state of the environment that loads the addon.
#[napi(module_exports)]
fn init(exports: Object, env: Env) -> Result<()> {
    let module = raw::Module::new(env.raw(), exports.raw(), Environment::default())?;
    module.export::<environment::Start>()?;
    module.export::<environment::HoldLoop>()?;
    module.export::<environment::FatalException>()?;
    module.export::<connections::Adopt>()?;
    module.export::<connections::OpenStream>()?;
    module.export::<connections::Release>()?;
    module.export::<connections::ProgressBlock>()?;
    module.export::<inbound::UseSlab>()?;
    module.export::<inbound::Drain>()?;
    module.export::<inbound::TakeLarge>()?;
    module.export::<inbound::Receive>()?;
    module.export::<outbound::StageLarge>()?;
    module.export::<outbound::Submit>()?;
    module.export::<outbound::TakeOutput>()?;
    Ok(())
}
