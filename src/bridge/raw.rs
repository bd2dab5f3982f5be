//! The raw edge of Node-API, and the only unsafe code of this layer.
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
#![expect(unsafe_code, reason = "Node-API is a C interface; its use is fenced in this file")]
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "each call below passes values that Node gave to this very callback, and pointers to \
              live locals of the right type; blocks that rest on more than that say so"
)]

use std::cell::RefCell;
use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::bindgen_prelude::{Error, Result};
use napi::{Status, sys};
use offloop_shard::ProgressTable;

/// Arguments that an operation can have.
const MOST_ARGUMENTS: usize = 10;

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

/// The arguments of one call. Only valid during it.
pub(super) struct Call {
    env: sys::napi_env,
    arguments: [sys::napi_value; MOST_ARGUMENTS],
}

impl Call {
    /// A number from 0 to 2^32 - 1.
    pub(super) fn integer(&self, argument: usize) -> Result<u32> {
        let mut value = 0;
        check(unsafe {
            sys::napi_get_value_uint32(self.env, self.arguments[argument], &raw mut value)
        })?;
        Ok(value)
    }

    /// A number from -2^31 to 2^31 - 1.
    #[cfg(unix)]
    pub(super) fn signed(&self, argument: usize) -> Result<i32> {
        let mut value = 0;
        check(unsafe {
            sys::napi_get_value_int32(self.env, self.arguments[argument], &raw mut value)
        })?;
        Ok(value)
    }

    /// A number of bytes up to 2^53.
    pub(super) fn bytes_limit(&self, argument: usize) -> Result<u64> {
        let mut value = 0;
        check(unsafe {
            sys::napi_get_value_int64(self.env, self.arguments[argument], &raw mut value)
        })?;
        Ok(u64::try_from(value).unwrap_or(0))
    }

    pub(super) fn boolean(&self, argument: usize) -> Result<bool> {
        let mut value = false;
        check(unsafe {
            sys::napi_get_value_bool(self.env, self.arguments[argument], &raw mut value)
        })?;
        Ok(value)
    }

    pub(super) fn is_string(&self, argument: usize) -> Result<bool> {
        let mut kind = 0;
        check(unsafe { sys::napi_typeof(self.env, self.arguments[argument], &raw mut kind) })?;
        Ok(kind == sys::ValueType::napi_string)
    }

    /// A string as UTF-8.
    pub(super) fn utf8(&self, argument: usize) -> Result<Vec<u8>> {
        let value = self.arguments[argument];
        let mut length = 0;
        check(unsafe {
            sys::napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &raw mut length)
        })?;
        let mut utf8 = Vec::<u8>::with_capacity(length + 1);
        // Writes `length` bytes and a zero behind them.
        check(unsafe {
            sys::napi_get_value_string_utf8(
                self.env,
                value,
                utf8.as_mut_ptr().cast(),
                length + 1,
                &raw mut length,
            )
        })?;
        // SAFETY: the call above has written `length` bytes, which is below the capacity.
        unsafe { utf8.set_len(length) };
        Ok(utf8)
    }

    /// The memory of a `Uint8Array`, for the time of this call.
    #[expect(clippy::mut_from_ref, reason = "JavaScript's memory, not the call's")]
    pub(super) fn bytes(&self, argument: usize) -> Result<&mut [u8]> {
        let (data, length) = self.typed_array(argument, sys::TypedarrayType::uint8_array)?;
        if length == 0 {
            return Ok(&mut []);
        }
        // SAFETY: live memory of that length; nothing else runs or touches it during the call.
        Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) })
    }

    /// A `Uint8Array` that stays ours to use.
    pub(super) fn kept_bytes(&self, argument: usize) -> Result<Kept<u8>> {
        self.kept(argument, sys::TypedarrayType::uint8_array)
    }

    /// A `Uint32Array` that stays ours to use.
    pub(super) fn kept_words(&self, argument: usize) -> Result<Kept<u32>> {
        self.kept(argument, sys::TypedarrayType::uint32_array)
    }

    /// A thread-safe function around the JavaScript function in an argument. It does not keep the
    /// event loop alive.
    pub(super) fn waker(&self, argument: usize, name: &str) -> Result<Waker> {
        let mut resource_name = ptr::null_mut();
        let (text, length) = (name.as_ptr().cast(), name.len().cast_signed());
        check(unsafe {
            sys::napi_create_string_utf8(self.env, text, length, &raw mut resource_name)
        })?;
        let mut function = ptr::null_mut();
        check(unsafe {
            sys::napi_create_threadsafe_function(
                self.env,
                self.arguments[argument],
                ptr::null_mut(),
                resource_name,
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                None,
                &raw mut function,
            )
        })?;
        check(unsafe { sys::napi_unref_threadsafe_function(self.env, function) })?;
        Ok(Waker { function })
    }

    /// A Buffer around bytes that are ours; small ones are copied, which is cheaper.
    pub(super) fn buffer(&self, bytes: Vec<u8>) -> Result<sys::napi_value> {
        const COPIED_BYTES: usize = 64 * 1024;
        let mut buffer = ptr::null_mut();
        if bytes.len() < COPIED_BYTES {
            let (length, data) = (bytes.len(), bytes.as_ptr().cast());
            check(unsafe {
                sys::napi_create_buffer_copy(
                    self.env,
                    length,
                    data,
                    ptr::null_mut(),
                    &raw mut buffer,
                )
            })?;
            return Ok(buffer);
        }
        let mut owned = Box::new(bytes.into_boxed_slice());
        let (length, data) = (owned.len(), owned.as_mut_ptr().cast());
        let hint = Box::into_raw(owned);
        let created = check(unsafe {
            sys::napi_create_external_buffer(
                self.env,
                length,
                data,
                Some(finalize::<Box<[u8]>>),
                hint.cast(),
                &raw mut buffer,
            )
        });
        if let Err(error) = created {
            // SAFETY: made above, and Node has not taken it.
            drop(unsafe { Box::from_raw(hint) });
            return Err(error);
        }
        Ok(buffer)
    }

    /// An `ArrayBuffer` over the table's numbers, which it keeps alive.
    pub(super) fn shared_numbers(&self, table: ProgressTable) -> Result<sys::napi_value> {
        let numbers = table.numbers();
        let (data, length) = (numbers.as_ptr().cast_mut().cast(), size_of_val(numbers));
        let hint = Box::into_raw(Box::new(table));
        let mut buffer = ptr::null_mut();
        // JavaScript only reads it; the numbers are atomics, so that the shards may write meanwhile.
        let created = check(unsafe {
            sys::napi_create_external_arraybuffer(
                self.env,
                data,
                length,
                Some(finalize::<ProgressTable>),
                hint.cast(),
                &raw mut buffer,
            )
        });
        if let Err(error) = created {
            // SAFETY: made above, and Node has not taken it.
            drop(unsafe { Box::from_raw(hint) });
            return Err(error);
        }
        Ok(buffer)
    }

    /// Reports an argument as an exception that nobody caught.
    pub(super) fn fatal_exception(&self, argument: usize) -> Result<()> {
        check(unsafe { sys::napi_fatal_exception(self.env, self.arguments[argument]) })
    }

    fn kept<T>(&self, argument: usize, kind: sys::napi_typedarray_type) -> Result<Kept<T>> {
        let (data, length) = self.typed_array(argument, kind)?;
        let mut reference = ptr::null_mut();
        check(unsafe {
            sys::napi_create_reference(self.env, self.arguments[argument], 1, &raw mut reference)
        })?;
        Ok(Kept { env: self.env, reference, data: data.cast(), length })
    }

    fn typed_array(
        &self,
        argument: usize,
        expected: sys::napi_typedarray_type,
    ) -> Result<(*mut c_void, usize)> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        check(unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.arguments[argument],
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })?;
        if kind == expected {
            Ok((data, length))
        } else {
            Err(Error::new(Status::InvalidArg, format!("argument {argument}: wrong element type")))
        }
    }

    fn value_of(&self, returned: &Returned) -> Result<sys::napi_value> {
        let mut value = ptr::null_mut();
        match *returned {
            Returned::Nothing => {}
            Returned::Value(value) => return Ok(value),
            Returned::Number(number) => {
                check(unsafe { sys::napi_create_uint32(self.env, number, &raw mut value) })?;
            }
            Returned::Signed(number) => {
                check(unsafe { sys::napi_create_int32(self.env, number, &raw mut value) })?;
            }
        }
        Ok(value)
    }

    fn throw(&self, error: &Error) -> sys::napi_value {
        let text = CString::new(format!("offloop: {}", error.reason)).unwrap_or_default();
        // Fails only if an exception is pending already, which is then thrown instead.
        let _ = unsafe { sys::napi_throw_error(self.env, ptr::null(), text.as_ptr()) };
        ptr::null_mut()
    }
}

/// Frees what a JavaScript object owned.
unsafe extern "C" fn finalize<T>(_: sys::napi_env, _: *mut c_void, hint: *mut c_void) {
    // SAFETY: the box whose pointer was given to Node with this finalizer, which runs once.
    drop(unsafe { Box::from_raw(hint.cast::<T>()) });
}

/// JavaScript's memory, kept alive by a reference; empty by default.
pub(super) struct Kept<T> {
    env: sys::napi_env,
    reference: sys::napi_ref,
    data: *mut T,
    length: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        let data = ptr::NonNull::dangling().as_ptr();
        Self { env: ptr::null_mut(), reference: ptr::null_mut(), data, length: 0 }
    }
}

impl<T> Deref for Kept<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: memory of a typed array of `T` that the reference keeps alive; see the module.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        if self.length == 0 {
            return &mut [];
        }
        // SAFETY: as above, and `self` is borrowed for as long as the slice lives.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.length) }
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        if !self.reference.is_null() {
            // A failure leaves an array alive until the environment ends.
            let _ = unsafe { sys::napi_delete_reference(self.env, self.reference) };
        }
    }
}

/// A JavaScript function that other threads can have called.
pub(super) struct Waker {
    function: sys::napi_threadsafe_function,
}

impl Waker {
    /// What other threads use. Its owner must be gone before the waker is dropped.
    pub(super) fn ringer(&self) -> Ringer {
        Ringer { function: self.function }
    }

    /// Whether the event loop stays alive for the waker.
    pub(super) fn hold_loop(&self, call: &Call, hold: bool) -> Result<()> {
        check(if hold {
            unsafe { sys::napi_ref_threadsafe_function(call.env, self.function) }
        } else {
            unsafe { sys::napi_unref_threadsafe_function(call.env, self.function) }
        })
    }
}

impl Drop for Waker {
    /// Runs in the environment's cleanup hook, on its thread, before Node's own hook for it.
    fn drop(&mut self) {
        let abort = sys::ThreadsafeFunctionReleaseMode::abort;
        // A failure means that it is being closed already.
        let _ = unsafe { sys::napi_release_threadsafe_function(self.function, abort) };
    }
}

/// The part of a [`Waker`] that other threads have.
pub(super) struct Ringer {
    function: sys::napi_threadsafe_function,
}

// SAFETY: calling a thread-safe function is what other threads may do with it.
unsafe impl Send for Ringer {}
// SAFETY: as above; Node has a lock around its queue.
unsafe impl Sync for Ringer {}

impl Ringer {
    /// Has the JavaScript function called once.
    pub(super) fn call(&self) {
        let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
        // Fails only while the environment ends, and then nobody is there to be told.
        // SAFETY: the waker outlives the threads that call this: they are joined before it drops.
        let _ = unsafe { sys::napi_call_threadsafe_function(self.function, ptr::null_mut(), mode) };
    }
}

fn check(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Error::new(Status::from(status), "Node-API refused a call".to_owned()))
    }
}
