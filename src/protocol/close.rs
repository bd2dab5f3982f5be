//! Close codes and the body of a close frame. RFC 6455, sections 5.5.1 and 7.4.

use crate::Error;
use crate::utf8;

/// A close code. Any number can be one; [`may_travel`](Self::may_travel) tells which may stand in a
/// frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The page or the server goes away.
    pub const GOING_AWAY: Self = Self(1001);
    /// A rule of the protocol was broken.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// Never sent: the close frame had no body.
    pub const NO_STATUS: Self = Self(1005);
    /// Never sent: the connection ended without a close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// The data does not fit the type of the message.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// A policy was violated.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// The message is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// A fault of the sender's own.
    pub const INTERNAL_ERROR: Self = Self(1011);

    /// Whether the code may stand in a close frame: the registered ones without those that the RFC
    /// keeps for local use (1005, 1006, 1015) or for later (1004), and 3000 to 4999.
    #[must_use]
    pub fn may_travel(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// Most bytes of a close reason: a control frame's payload less the code.
pub(crate) const MAX_REASON_BYTES: usize = 123;

/// Takes a received close frame's payload apart: two bytes of code, the rest UTF-8.
/// The header check has already refused a payload of one byte.
pub(crate) fn parse_body(
    payload: &[u8],
    skip_utf8_validation: bool,
) -> Result<(CloseCode, &[u8]), Error> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return Ok((CloseCode::NO_STATUS, &[]));
    };
    let code = CloseCode(u16::from_be_bytes(*code));
    if !code.may_travel() {
        return Err(Error::InvalidCloseCode(code.0));
    }
    if !skip_utf8_validation && !utf8::is_valid(reason) {
        return Err(Error::InvalidUtf8);
    }
    Ok((code, reason))
}
