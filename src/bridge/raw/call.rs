//! The arguments of a call, and the values that it returns.

use std::ffi::{CString, c_void};
use std::ptr;

use napi::bindgen_prelude::{Error, Result};
use napi::{Status, sys};
use offloop_shard::{Lent, ProgressTable};

use super::kept::Kept;
use super::{MOST_ARGUMENTS, Returned, check};

/// The arguments of one call. Only valid during it.
pub(in crate::bridge) struct Call {
    pub(super) env: sys::napi_env,
    pub(super) arguments: [sys::napi_value; MOST_ARGUMENTS],
}

impl Call {
    /// A number from 0 to 2^32 - 1.
    pub(in crate::bridge) fn integer(&self, argument: usize) -> Result<u32> {
        let mut value = 0;
        check(unsafe {
            sys::napi_get_value_uint32(self.env, self.arguments[argument], &raw mut value)
        })?;
        Ok(value)
    }

    /// A number from -2^31 to 2^31 - 1.
    #[cfg(unix)]
    pub(in crate::bridge) fn signed(&self, argument: usize) -> Result<i32> {
        let mut value = 0;
        check(unsafe {
            sys::napi_get_value_int32(self.env, self.arguments[argument], &raw mut value)
        })?;
        Ok(value)
    }

    /// A number of bytes up to 2^53.
    pub(in crate::bridge) fn bytes_limit(&self, argument: usize) -> Result<u64> {
        let mut value = 0;
        check(unsafe {
            sys::napi_get_value_int64(self.env, self.arguments[argument], &raw mut value)
        })?;
        Ok(u64::try_from(value).unwrap_or(0))
    }

    pub(in crate::bridge) fn boolean(&self, argument: usize) -> Result<bool> {
        let mut value = false;
        check(unsafe {
            sys::napi_get_value_bool(self.env, self.arguments[argument], &raw mut value)
        })?;
        Ok(value)
    }

    pub(in crate::bridge) fn is_string(&self, argument: usize) -> Result<bool> {
        let mut kind = 0;
        check(unsafe { sys::napi_typeof(self.env, self.arguments[argument], &raw mut kind) })?;
        Ok(kind == sys::ValueType::napi_string)
    }

    /// The length of a string as UTF-8, in bytes.
    pub(in crate::bridge) fn utf8_length(&self, argument: usize) -> Result<usize> {
        let (value, mut length) = (self.arguments[argument], 0);
        check(unsafe {
            sys::napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &raw mut length)
        })?;
        Ok(length)
    }

    /// Puts a string as UTF-8 behind what is in `utf8`, as far as its capacity goes less one byte.
    pub(in crate::bridge) fn append_utf8(&self, argument: usize, utf8: &mut Vec<u8>) -> Result<()> {
        let (value, mut length) = (self.arguments[argument], 0);
        let spare = utf8.spare_capacity_mut();
        // Writes a zero behind the string, which is not counted.
        check(unsafe {
            sys::napi_get_value_string_utf8(
                self.env,
                value,
                spare.as_mut_ptr().cast(),
                spare.len(),
                &raw mut length,
            )
        })?;
        let filled = utf8.len() + length;
        // SAFETY: the call above has written `length` bytes there, fewer than there was room for.
        unsafe { utf8.set_len(filled) };
        Ok(())
    }

    /// The memory of a `Uint8Array`, for the time of this call.
    #[expect(clippy::mut_from_ref, reason = "JavaScript's memory, not the call's")]
    pub(in crate::bridge) fn bytes(&self, argument: usize) -> Result<&mut [u8]> {
        let (data, length) = self.typed_array(argument, sys::TypedarrayType::uint8_array)?;
        if length == 0 {
            return Ok(&mut []);
        }
        // SAFETY: live memory of that length; nothing else runs or touches it during the call.
        Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) })
    }

    /// A `Uint8Array` that stays ours to use.
    pub(in crate::bridge) fn kept_bytes(&self, argument: usize) -> Result<Kept<u8>> {
        self.kept(argument, sys::TypedarrayType::uint8_array)
    }

    /// A `Uint32Array` that stays ours to use.
    pub(in crate::bridge) fn kept_words(&self, argument: usize) -> Result<Kept<u32>> {
        self.kept(argument, sys::TypedarrayType::uint32_array)
    }

    /// A string.
    pub(in crate::bridge) fn string(&self, text: &str) -> Result<sys::napi_value> {
        let mut value = ptr::null_mut();
        let (data, length) = (text.as_ptr().cast(), text.len().cast_signed());
        check(unsafe { sys::napi_create_string_utf8(self.env, data, length, &raw mut value) })?;
        Ok(value)
    }

    /// A Buffer around bytes that are ours, until it is collected; small ones are copied, which is
    /// cheaper.
    pub(in crate::bridge) fn buffer(&self, bytes: Lent) -> Result<sys::napi_value> {
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
        let mut owned = Box::new(bytes);
        let (length, data) = (owned.len(), owned.as_mut_ptr().cast());
        let hint = Box::into_raw(owned);
        let created = check(unsafe {
            sys::napi_create_external_buffer(
                self.env,
                length,
                data,
                Some(finalize::<Lent>),
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
    pub(in crate::bridge) fn shared_numbers(
        &self,
        table: ProgressTable,
    ) -> Result<sys::napi_value> {
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
    pub(in crate::bridge) fn fatal_exception(&self, argument: usize) -> Result<()> {
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

    pub(super) fn value_of(&self, returned: &Returned) -> Result<sys::napi_value> {
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

    pub(super) fn throw(&self, error: &Error) -> sys::napi_value {
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
