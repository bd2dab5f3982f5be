//! Why a connection ends, in numbers that cross the border. `lib/close-cause.js` has the same table.

use std::io;

use offloop_protocol::CloseCode;

/// What ended a transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    pub reason: Reason,
    /// The operating system's error number, 0 if it has none.
    pub errno: u32,
    /// It was writing that failed.
    pub writing: bool,
}

impl Ending {
    /// Reading, writing or taking over has failed.
    pub(crate) fn failed(error: &io::Error, writing: bool) -> Self {
        let errno = error.raw_os_error().and_then(|number| u32::try_from(number).ok());
        Self { reason: Reason::Transport, errno: errno.unwrap_or(0), writing }
    }

    /// Words 2 and 3 of a `Closed` event.
    pub(crate) fn words(self) -> (u32, u32) {
        (self.errno, u32::from(self.writing) | (self.reason as u32) << 8)
    }
}

/// The kinds of [`Ending`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Reason {
    /// Both halves have ended, or the layer above has dropped it.
    #[default]
    Asked = 0,
    CloseTimeout = 1,
    /// Reading, writing or taking over failed.
    Transport = 2,
    /// No sign of life in answer to a ping.
    Heartbeat = 3,
    /// A panic: a bug of ours.
    Internal = 4,
}

impl From<Reason> for Ending {
    fn from(reason: Reason) -> Self {
        Self { reason, ..Self::default() }
    }
}

/// A limit that a peer has passed, and for which its connection is being closed: word 2 of a
/// `Limited` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Limit {
    MessageTimeout = 16,
    IdleTimeout = 17,
    MessageRate = 18,
    ByteRate = 19,
}

impl Limit {
    /// What the peer is told.
    pub(crate) fn close_frame(self) -> (CloseCode, &'static str) {
        match self {
            Self::MessageTimeout => (CloseCode(1008), "Message took too long"),
            Self::IdleTimeout => (CloseCode(1001), "Idle for too long"),
            Self::MessageRate => (CloseCode(1008), "Too many messages"),
            Self::ByteRate => (CloseCode(1008), "Too many bytes"),
        }
    }
}
