//! A JavaScript function that is called when a shard has something to tell: by a ring from its thread, or
//! by the sockets themselves while this thread serves them.
//!
//! The ring is libuv's async handle. Node-API's thread-safe function is the same with a lock that is held
//! while the event loop is woken. On a busy core the event loop runs at once and wants that lock, so the
//! two threads change places twice more for every call.

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::Result;
use napi::sys;
use offloop_shard::{Lead, Turn};

use super::uv::{
    Handle, RawHandle, UV_ASYNC, UV_POLL, UV_READABLE, content_of, uv_async_init, uv_async_send,
    uv_poll_init, uv_poll_start, uv_poll_stop, uv_ref, uv_unref,
};
use super::{Call, check};

/// Looks at sockets that are served here before everybody else has a turn.
const MOST_LOOKS: usize = 8;
/// Handlers that take longer are what this thread is for, and not for sockets.
const BUSY: Duration = Duration::from_micros(200);

/// A JavaScript function that other threads can have called, with `true`.
pub(in crate::bridge) struct Waker {
    async_handle: Handle<Rc<Bell>>,
    watches: Vec<Handle<Watch>>,
}

/// The function, and what it takes to call it.
struct Bell {
    env: sys::napi_env,
    function: sys::napi_ref,
    context: sys::napi_async_context,
}

/// The sockets of a shard that this thread serves now and then. When that has brought something, the
/// function is called with `false`: nobody has rung.
struct Watch {
    lead: Lead,
    bell: Rc<Bell>,
    is_watching: Cell<bool>,
}

impl Call {
    /// A waker around the JavaScript function in an argument. It does not keep the event loop alive.
    pub(in crate::bridge) fn waker(&self, argument: usize, name: &str) -> Result<Waker> {
        let (env, function) = (self.env, self.arguments[argument]);
        let mut bell = Bell { env, function: ptr::null_mut(), context: ptr::null_mut() };
        // Should one of these fail, what was made before it stays: the addon does not load then.
        check(unsafe { sys::napi_create_reference(env, function, 1, &raw mut bell.function) })?;
        let resource = self.string(name)?;
        check(unsafe {
            sys::napi_async_init(env, ptr::null_mut(), resource, &raw mut bell.context)
        })?;
        // SAFETY: this environment's loop, on its thread, and memory of the handle's size.
        let init = |event_loop, handle| unsafe { uv_async_init(event_loop, handle, ring) };
        let async_handle = Handle::open(env, UV_ASYNC, Rc::new(bell), init)?;
        Ok(Waker { async_handle, watches: Vec::new() })
    }
}

impl Waker {
    /// What other threads use. None may when the waker is dropped.
    pub(in crate::bridge) fn ringer(&self) -> Ringer {
        Ringer { handle: self.async_handle.raw() }
    }

    /// Whether the event loop stays alive for the waker.
    pub(in crate::bridge) fn hold_loop(&self, hold: bool) {
        let change = if hold { uv_ref } else { uv_unref };
        // SAFETY: an open handle, on its loop's thread.
        unsafe { change(self.async_handle.raw()) };
    }

    /// Takes the lead of a shard when it is given; not at all if libuv cannot watch its sockets.
    pub(in crate::bridge) fn take_lead(&mut self, lead: Lead) {
        let bell = self.async_handle.content().clone();
        let (env, descriptor) = (bell.env, lead.descriptor());
        let watch = Watch { lead, bell, is_watching: Cell::new(false) };
        // SAFETY: as for the async handle; the watch's lead keeps the descriptor open.
        let init = |event_loop, handle| unsafe { uv_poll_init(event_loop, handle, descriptor) };
        if let Ok(handle) = Handle::open(env, UV_POLL, watch, init) {
            self.watches.push(handle);
        }
    }

    /// Says how many connections there are on all shards.
    pub(in crate::bridge) fn note_connections(&self, connections: usize) {
        for handle in &self.watches {
            handle.content().lead.accept(connections);
        }
    }

    /// Watches the sockets of the shards whose lead is ours. To be called when the doorbell has been
    /// answered.
    pub(in crate::bridge) fn watch(&self) {
        for handle in &self.watches {
            let Watch { lead, is_watching, .. } = handle.content();
            if lead.is_ours() && !is_watching.replace(true) {
                // SAFETY: an open handle, on its loop's thread. Fails only for one that is not.
                let _ = unsafe { uv_poll_start(handle.raw(), UV_READABLE, serve) };
            }
        }
    }
}

impl Drop for Waker {
    /// Runs in the environment's cleanup hook, on its thread. The handles close behind this, and so call
    /// nothing any more; the threads that rang have been joined.
    fn drop(&mut self) {
        let Bell { env, function, context } = **self.async_handle.content();
        // Failures leave something alive until the environment ends.
        let _ = unsafe { sys::napi_delete_reference(env, function) };
        let _ = unsafe { sys::napi_async_destroy(env, context) };
    }
}

/// The part of a [`Waker`] that other threads have.
pub(in crate::bridge) struct Ringer {
    handle: *mut RawHandle,
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

/// The async handle's callback, in a turn of the event loop.
unsafe extern "C" fn ring(handle: *mut RawHandle) {
    // SAFETY: open, and with this content.
    let bell = unsafe { content_of::<Rc<Bell>>(handle) };
    bell.call(true);
}

/// A poll handle's callback: a shard's sockets have something, or its shard has been given something to do.
/// Answers to what is sent here often come at once, so it looks again before libuv does everything else.
unsafe extern "C" fn serve(handle: *mut RawHandle, _status: c_int, _events: c_int) {
    // SAFETY: open, and with this content.
    let Watch { lead, bell, is_watching } = unsafe { content_of(handle) };
    for _ in 0..MOST_LOOKS {
        match lead.take_turn() {
            Turn::NotOurs => {
                is_watching.set(false);
                // SAFETY: an open handle, on its loop's thread. It never fails.
                let _ = unsafe { uv_poll_stop(handle) };
                return;
            }
            Turn::Quiet => return,
            Turn::News => {
                let began = Instant::now();
                bell.call(false);
                if began.elapsed() > BUSY {
                    lead.give_back();
                }
            }
        }
    }
}

impl Bell {
    /// Calls the function. What JavaScript does there may end the environment, but its hooks run when
    /// this has returned.
    fn call(&self, is_rung: bool) {
        let mut scope = ptr::null_mut();
        if check(unsafe { sys::napi_open_handle_scope(self.env, &raw mut scope) }).is_ok() {
            // Fails only while the environment ends, and then nobody is there to be told.
            let _ = self.call_in_scope(is_rung);
            let _ = unsafe { sys::napi_close_handle_scope(self.env, scope) };
        }
    }

    fn call_in_scope(&self, is_rung: bool) -> Result<()> {
        let Self { env, function: reference, context } = *self;
        let (mut function, mut argument) = (ptr::null_mut(), ptr::null_mut());
        check(unsafe { sys::napi_get_reference_value(env, reference, &raw mut function) })?;
        check(unsafe { sys::napi_get_boolean(env, is_rung, &raw mut argument) })?;
        let mut result = ptr::null_mut();
        let called = unsafe {
            let (count, arguments) = (1, &raw const argument);
            sys::napi_make_callback(
                env,
                context,
                function,
                function,
                count,
                arguments,
                &raw mut result,
            )
        };
        if called == sys::Status::napi_pending_exception {
            let mut exception = ptr::null_mut();
            check(unsafe { sys::napi_get_and_clear_last_exception(env, &raw mut exception) })?;
            return check(unsafe { sys::napi_fatal_exception(env, exception) });
        }
        check(called)
    }
}
