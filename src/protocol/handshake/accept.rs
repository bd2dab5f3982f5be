//! `Sec-WebSocket-Key` and the `Sec-WebSocket-Accept` that proves it was read. RFC 6455, section
//! 4.2.2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// The value of `Sec-WebSocket-Accept` that answers `key`.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

/// Whether `key` is what 16 bytes in base64 look like: 22 characters and two signs of padding.
/// As in `ws`, the bits that the last character has too many are not looked at.
pub(crate) fn is_key(key: &str) -> bool {
    key.strip_suffix("==").is_some_and(|digits| {
        digits.len() == 22
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    })
}

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
