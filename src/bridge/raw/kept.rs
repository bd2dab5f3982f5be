//! Memory that JavaScript lends for longer than a call.

use std::ops::{Deref, DerefMut};
use std::ptr;

use napi::sys;

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
