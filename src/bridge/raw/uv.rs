//! Handles of libuv, which Node's event loop runs on.
//!
//! # Ownership
//! A handle's memory and its content are freed by libuv's close callback. The environment waits for that
//! with its end, which is what the asynchronous cleanup hook is for.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

use napi::bindgen_prelude::{Error, Result};
use napi::sys;

use super::check;

/// Of libuv's `uv_handle_type`.
pub(super) const UV_ASYNC: c_int = 1;
pub(super) const UV_POLL: c_int = 8;
/// Of libuv's `uv_poll_event`.
pub(super) const UV_READABLE: c_int = 1;

/// What libuv calls `uv_handle_t`; its size is asked for, its content is libuv's.
#[repr(C)]
pub(super) struct RawHandle {
    _content: [u8; 0],
}

type Callback = unsafe extern "C" fn(*mut RawHandle);
type PollCallback = unsafe extern "C" fn(*mut RawHandle, c_int, c_int);

// Part of the stable interface of libuv 1; Node exports it to its addons.
unsafe extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_handle_get_data(handle: *const RawHandle) -> *mut c_void;
    fn uv_handle_set_data(handle: *mut RawHandle, data: *mut c_void);
    fn uv_close(handle: *mut RawHandle, closed: Callback);
    pub(super) fn uv_ref(handle: *mut RawHandle);
    pub(super) fn uv_unref(handle: *mut RawHandle);
    pub(super) fn uv_async_init(
        event_loop: *mut sys::uv_loop_s,
        handle: *mut RawHandle,
        run: Callback,
    ) -> c_int;
    pub(super) fn uv_async_send(handle: *mut RawHandle) -> c_int;
    pub(super) fn uv_poll_init(
        event_loop: *mut sys::uv_loop_s,
        handle: *mut RawHandle,
        descriptor: c_int,
    ) -> c_int;
    pub(super) fn uv_poll_start(handle: *mut RawHandle, events: c_int, run: PollCallback) -> c_int;
    pub(super) fn uv_poll_stop(handle: *mut RawHandle) -> c_int;
}

/// A handle that is open, and what its callback works with. It does not keep the event loop alive.
pub(super) struct Handle<T> {
    raw: *mut RawHandle,
    content: PhantomData<T>,
}

/// What a handle's data points to.
struct Data<T> {
    content: T,
    hook: sys::napi_async_cleanup_hook_handle,
    /// The box in which the handle lies, aligned for anything.
    memory: *mut [MaybeUninit<u128>],
}

impl<T> Handle<T> {
    /// Opens a handle of a kind on the environment's event loop, by the function that does so.
    pub(super) fn open(
        env: sys::napi_env,
        kind: c_int,
        content: T,
        init: impl FnOnce(*mut sys::uv_loop_s, *mut RawHandle) -> c_int,
    ) -> Result<Self> {
        let mut event_loop = ptr::null_mut();
        check(unsafe { sys::napi_get_uv_event_loop(env, &raw mut event_loop) })?;
        let mut hook = ptr::null_mut();
        check(unsafe {
            let no_argument = ptr::null_mut();
            sys::napi_add_async_cleanup_hook(env, Some(wait_for_close), no_argument, &raw mut hook)
        })?;
        let size = unsafe { uv_handle_size(kind) };
        let memory = Box::into_raw(Box::new_uninit_slice(size.div_ceil(size_of::<u128>())));
        let raw = memory.cast();
        if init(event_loop, raw) != 0 {
            // SAFETY: made above, and libuv has not taken it.
            drop(unsafe { Box::from_raw(memory) });
            check(unsafe { sys::napi_remove_async_cleanup_hook(hook) })?;
            return Err(Error::from_reason("libuv has no handle for this"));
        }
        let data = Box::into_raw(Box::new(Data { content, hook, memory }));
        // SAFETY: initialised above; the data lives until `free`.
        unsafe { uv_handle_set_data(raw, data.cast()) };
        // SAFETY: an open handle, on its loop's thread.
        unsafe { uv_unref(raw) };
        Ok(Self { raw, content: PhantomData })
    }

    /// The handle, for libuv's functions.
    pub(super) fn raw(&self) -> *mut RawHandle {
        self.raw
    }

    /// What its callback works with.
    pub(super) fn content(&self) -> &T {
        // SAFETY: open, and of this type.
        unsafe { content_of(self.raw) }
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        // SAFETY: open until here; its callback does not run any more.
        unsafe { uv_close(self.raw, free::<T>) };
    }
}

/// What the callback of a handle works with.
///
/// # Safety
/// The handle is open, and was opened with a content of this type.
pub(super) unsafe fn content_of<'a, T>(handle: *mut RawHandle) -> &'a T {
    let data = unsafe { uv_handle_get_data(handle) }.cast::<Data<T>>();
    // SAFETY: the data that `Handle::open` made; it lives until `free`.
    &unsafe { &*data }.content
}

/// The environment ends: it waits until `free` takes this hook away.
unsafe extern "C" fn wait_for_close(_: sys::napi_async_cleanup_hook_handle, _: *mut c_void) {}

/// The handle is closed, and nobody looks at it any more.
unsafe extern "C" fn free<T>(handle: *mut RawHandle) {
    let data = unsafe { uv_handle_get_data(handle) }.cast();
    // SAFETY: the box that `Handle::open` made, freed here and nowhere else.
    let Data::<T> { content, hook, memory } = *unsafe { Box::from_raw(data) };
    drop(content);
    // SAFETY: as above; the handle in it is closed.
    drop(unsafe { Box::from_raw(memory) });
    // The only failure is that of a hook that is not there.
    let _ = unsafe { sys::napi_remove_async_cleanup_hook(hook) };
}
