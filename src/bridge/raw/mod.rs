//! The raw edge of Node-API and libuv, and the only unsafe code of this layer.
//!
//! Derived functions cost 140 to 370 ns with an argument, these 20 to 80 ns. An [`Operation`] is one
//! function; [`Module`] owns the state that all of an environment's operations work on.
//!
//! # Ownership
//! - Everything here runs on the JavaScript thread of one environment, except a [`Ringer`].
//! - A [`Kept`] array is JavaScript's memory, held alive by a reference. It is only touched on the
//!   JavaScript thread, inside an operation, so JavaScript never runs meanwhile.
//! - The state is freed by the environment's cleanup hook, after which no JavaScript runs.
//! - A `Buffer` made from a `Vec` owns it; its finalizer frees it.
#![expect(unsafe_code, reason = "Node-API and libuv are C interfaces; their use is fenced here")]
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "each call below passes values that Node gave to this very callback, and pointers to \
              live locals of the right type; blocks that rest on more than that say so"
)]

mod call;
mod kept;
mod uv;
mod waker;

use std::cell::RefCell;
use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::bindgen_prelude::{Error, Result};
use napi::{Status, sys};

pub(super) use call::Call;
pub(super) use kept::Kept;
pub(super) use waker::Waker;

/// Arguments that an operation can have.
const MOST_ARGUMENTS: usize = 11;

/// One function that JavaScript calls.
pub(super) trait Operation<State> {
    /// Its name in the addon's exports.
    const NAME: &'static str;
    /// Runs JavaScript, and so must not hold the state.
    const CALLS_BACK: bool = false;

    /// Does the work.
    fn run(_state: &mut State, _call: &Call) -> Result<Returned> {
        Err(Error::from_reason("this operation works without the state"))
    }

    /// Does the work of an operation that calls back.
    fn run_unborrowed(_call: &Call) -> Result<Returned> {
        Err(Error::from_reason("this operation works on the state"))
    }
}

/// What an operation returns to JavaScript.
pub(super) enum Returned {
    Nothing,
    Number(u32),
    Signed(i32),
    Value(sys::napi_value),
}

/// The exports of one environment, while they are being filled.
pub(super) struct Module<State> {
    env: sys::napi_env,
    exports: sys::napi_value,
    state: *mut RefCell<State>,
    marker: PhantomData<State>,
}

impl<State: 'static> Module<State> {
    /// Puts `state` under the care of the environment: it is dropped when that ends.
    pub(super) fn new(env: sys::napi_env, exports: sys::napi_value, state: State) -> Result<Self> {
        let state = Box::into_raw(Box::new(RefCell::new(state)));
        check(unsafe {
            sys::napi_add_env_cleanup_hook(env, Some(drop_state::<State>), state.cast())
        })?;
        Ok(Self { env, exports, state, marker: PhantomData })
    }

    /// Adds one operation.
    pub(super) fn export<O: Operation<State>>(&self) -> Result<()> {
        let name = CString::new(O::NAME)?;
        let length = O::NAME.len().cast_signed();
        let mut function = ptr::null_mut();
        check(unsafe {
            sys::napi_create_function(
                self.env,
                name.as_ptr(),
                length,
                Some(call_operation::<State, O>),
                self.state.cast(),
                &raw mut function,
            )
        })?;
        check(unsafe {
            sys::napi_set_named_property(self.env, self.exports, name.as_ptr(), function)
        })
    }
}

/// The cleanup hook.
unsafe extern "C" fn drop_state<State>(state: *mut c_void) {
    // SAFETY: the pointer that `Module::new` made, once; no operation runs after this.
    let state = unsafe { Box::from_raw(state.cast::<RefCell<State>>()) };
    drop(state);
}

/// What Node calls: finds the state and the arguments, and turns an error or a panic into a throw.
unsafe extern "C" fn call_operation<State, O: Operation<State>>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); MOST_ARGUMENTS];
    let mut count = MOST_ARGUMENTS;
    let mut data = ptr::null_mut();
    let read = check(unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut count,
            arguments.as_mut_ptr(),
            ptr::null_mut(),
            &raw mut data,
        )
    });
    // SAFETY: the pointer that `Module::new` made, alive until the cleanup hook; only shared
    // references to the cell are ever made.
    let state = unsafe { &*data.cast::<RefCell<State>>() };
    let call = Call { env, arguments };
    let run = || -> Result<Returned> {
        read?;
        if O::CALLS_BACK {
            return O::run_unborrowed(&call);
        }
        let mut state = state.try_borrow_mut().map_err(|_| Error::from_reason("re-entered"))?;
        O::run(&mut state, &call)
    };
    let result = catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Error::from_reason("a bug in offloop: the addon panicked")));
    result.and_then(|returned| call.value_of(&returned)).unwrap_or_else(|error| call.throw(&error))
}

fn check(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Error::new(Status::from(status), "Node-API refused a call".to_owned()))
    }
}
