//! A JavaScript function that other threads have called: libuv's async handle around it.
//!
//! Node-API's thread-safe function is the same with a lock that is held while the event loop is woken.
//! On a busy core the event loop runs at once and wants that lock, so the two threads change places
//! twice more for every call.
//!
//! # Ownership
//! The handle's memory and the [`Bell`] are freed by libuv's close callback. The environment waits for
//! that with its end, which is what the asynchronous cleanup hook is for.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use napi::bindgen_prelude::{Error, Result};
use napi::sys;

use super::{Call, check};

/// `UV_ASYNC` of libuv's `uv_handle_type`.
const UV_ASYNC: c_int = 1;

/// libuv's `uv_async_t`; its size is asked for, its content is libuv's.
#[repr(C)]
struct UvAsync {
    _content: [u8; 0],
}

type Callback = unsafe extern "C" fn(*mut UvAsync);

// Part of the stable interface of libuv 1; Node exports it to its addons.
unsafe extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_async_init(event_loop: *mut sys::uv_loop_s, handle: *mut UvAsync, run: Callback)
    -> c_int;
    fn uv_async_send(handle: *mut UvAsync) -> c_int;
    fn uv_handle_get_data(handle: *const UvAsync) -> *mut c_void;
    fn uv_handle_set_data(handle: *mut UvAsync, data: *mut c_void);
    fn uv_ref(handle: *mut UvAsync);
    fn uv_unref(handle: *mut UvAsync);
    fn uv_close(handle: *mut UvAsync, closed: Callback);
}

/// A JavaScript function that other threads can have called.
pub(in crate::bridge) struct Waker {
    handle: *mut UvAsync,
}

/// What the handle's data points to.
struct Bell {
    env: sys::napi_env,
    function: sys::napi_ref,
    context: sys::napi_async_context,
    hook: sys::napi_async_cleanup_hook_handle,
    /// The box in which the handle lies, aligned for anything.
    memory: *mut [MaybeUninit<u128>],
}

impl Call {
    /// A waker around the JavaScript function in an argument. It does not keep the event loop alive.
    pub(in crate::bridge) fn waker(&self, argument: usize, name: &str) -> Result<Waker> {
        let Self { env, arguments } = self;
        let (env, function) = (*env, arguments[argument]);
        let mut event_loop = ptr::null_mut();
        check(unsafe { sys::napi_get_uv_event_loop(env, &raw mut event_loop) })?;
        let size = unsafe { uv_handle_size(UV_ASYNC) };
        let memory = Box::into_raw(Box::new_uninit_slice(size.div_ceil(size_of::<u128>())));
        let handle = memory.cast();
        let mut bell = Bell {
            env,
            function: ptr::null_mut(),
            context: ptr::null_mut(),
            hook: ptr::null_mut(),
            memory,
        };
        // Should one of these fail, what was made before it stays: the addon does not load then.
        check(unsafe { sys::napi_create_reference(env, function, 1, &raw mut bell.function) })?;
        let resource = self.string(name)?;
        check(unsafe {
            sys::napi_async_init(env, ptr::null_mut(), resource, &raw mut bell.context)
        })?;
        check(unsafe {
            sys::napi_add_async_cleanup_hook(
                env,
                Some(wait_for_close),
                ptr::null_mut(),
                &raw mut bell.hook,
            )
        })?;
        // SAFETY: this environment's loop, on its thread, and memory of the handle's size.
        if unsafe { uv_async_init(event_loop, handle, ring) } != 0 {
            check(unsafe { sys::napi_remove_async_cleanup_hook(bell.hook) })?;
            return Err(Error::from_reason("libuv has no handle for the doorbell"));
        }
        let bell = Box::into_raw(Box::new(bell));
        // SAFETY: initialised above; the bell lives until `free`.
        unsafe { uv_handle_set_data(handle, bell.cast()) };
        let waker = Waker { handle };
        waker.hold_loop(false);
        Ok(waker)
    }
}

impl Waker {
    /// What other threads use. Its owner must be gone before the waker is dropped.
    pub(in crate::bridge) fn ringer(&self) -> Ringer {
        Ringer { handle: self.handle }
    }

    /// Whether the event loop stays alive for the waker.
    pub(in crate::bridge) fn hold_loop(&self, hold: bool) {
        let change = if hold { uv_ref } else { uv_unref };
        // SAFETY: an open handle, on its loop's thread.
        unsafe { change(self.handle) };
    }
}

impl Drop for Waker {
    /// Runs in the environment's cleanup hook, on its thread.
    fn drop(&mut self) {
        let bell = unsafe { uv_handle_get_data(self.handle) }.cast::<Bell>();
        // SAFETY: the bell that `Call::waker` made; it lives until `free`.
        let bell = unsafe { &*bell };
        // Failures leave something alive until the environment ends.
        let _ = unsafe { sys::napi_delete_reference(bell.env, bell.function) };
        let _ = unsafe { sys::napi_async_destroy(bell.env, bell.context) };
        // SAFETY: open until here; the threads that rang it have been joined.
        unsafe { uv_close(self.handle, free) };
    }
}

/// The part of a [`Waker`] that other threads have.
pub(in crate::bridge) struct Ringer {
    handle: *mut UvAsync,
}

// SAFETY: `uv_async_send` is what other threads may do with a handle.
unsafe impl Send for Ringer {}
// SAFETY: as above, and several may at once.
unsafe impl Sync for Ringer {}

impl Ringer {
    /// Has the JavaScript function called, once for all calls until then.
    pub(in crate::bridge) fn call(&self) {
        // Fails for no handle of this kind.
        // SAFETY: the waker outlives the threads that call this: they are joined before it drops.
        let _ = unsafe { uv_async_send(self.handle) };
    }
}

/// The handle's callback, in a turn of the event loop.
unsafe extern "C" fn ring(handle: *mut UvAsync) {
    let bell = unsafe { uv_handle_get_data(handle) }.cast::<Bell>();
    // SAFETY: the bell that `Call::waker` made. What JavaScript does here may end the environment, but
    // its hooks run when this has returned.
    let bell = unsafe { &*bell };
    let mut scope = ptr::null_mut();
    if check(unsafe { sys::napi_open_handle_scope(bell.env, &raw mut scope) }).is_ok() {
        // Fails only while the environment ends, and then nobody is there to be told.
        let _ = call_function(bell);
        let _ = unsafe { sys::napi_close_handle_scope(bell.env, scope) };
    }
}

fn call_function(bell: &Bell) -> Result<()> {
    let Bell { env, function: reference, context, .. } = *bell;
    let (mut function, mut result) = (ptr::null_mut(), ptr::null_mut());
    check(unsafe { sys::napi_get_reference_value(env, reference, &raw mut function) })?;
    let called = unsafe {
        let (count, arguments) = (0, ptr::null());
        sys::napi_make_callback(env, context, function, function, count, arguments, &raw mut result)
    };
    if called == sys::Status::napi_pending_exception {
        let mut exception = ptr::null_mut();
        check(unsafe { sys::napi_get_and_clear_last_exception(env, &raw mut exception) })?;
        return check(unsafe { sys::napi_fatal_exception(env, exception) });
    }
    check(called)
}

/// The environment ends: it waits until `free` takes this hook away.
unsafe extern "C" fn wait_for_close(_: sys::napi_async_cleanup_hook_handle, _: *mut c_void) {}

/// The handle is closed, and nobody looks at it any more.
unsafe extern "C" fn free(handle: *mut UvAsync) {
    let bell = unsafe { uv_handle_get_data(handle) }.cast();
    // SAFETY: the box that `Call::waker` made, freed here and nowhere else.
    let Bell { hook, memory, .. } = *unsafe { Box::<Bell>::from_raw(bell) };
    // SAFETY: as above; the handle in it is closed.
    drop(unsafe { Box::from_raw(memory) });
    // The only failure is that of a hook that is not there.
    let _ = unsafe { sys::napi_remove_async_cleanup_hook(hook) };
}
