//! What lives longer than a call: memory that JavaScript lends, and the function that wakes it.

use std::ops::{Deref, DerefMut};
use std::ptr;

use napi::bindgen_prelude::Result;
use napi::sys;

use super::{Call, check};

/// JavaScript's memory, kept alive by a reference; empty by default.
pub(in crate::bridge) struct Kept<T> {
    pub(super) env: sys::napi_env,
    pub(super) reference: sys::napi_ref,
    pub(super) data: *mut T,
    pub(super) length: usize,
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
pub(in crate::bridge) struct Waker {
    pub(super) function: sys::napi_threadsafe_function,
}

impl Waker {
    /// What other threads use. Its owner must be gone before the waker is dropped.
    pub(in crate::bridge) fn ringer(&self) -> Ringer {
        Ringer { function: self.function }
    }

    /// Whether the event loop stays alive for the waker.
    pub(in crate::bridge) fn hold_loop(&self, call: &Call, hold: bool) -> Result<()> {
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
pub(in crate::bridge) struct Ringer {
    function: sys::napi_threadsafe_function,
}

// SAFETY: calling a thread-safe function is what other threads may do with it.
unsafe impl Send for Ringer {}
// SAFETY: as above; Node has a lock around its queue.
unsafe impl Sync for Ringer {}

impl Ringer {
    /// Has the JavaScript function called once.
    pub(in crate::bridge) fn call(&self) {
        let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
        // Fails only while the environment ends, and then nobody is there to be told.
        // SAFETY: the waker outlives the threads that call this: they are joined before it drops.
        let _ = unsafe { sys::napi_call_threadsafe_function(self.function, ptr::null_mut(), mode) };
    }
}
