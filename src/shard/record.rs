//! What a record says: kinds, flags, and the layout of its words.
//!
//! A record is four `u32` (the JavaScript side reads the same words):
//!
//! | word | event (up) | command (down) |
//! |---|---|---|
//! | 0 | connection id | connection id |
//! | 1 | kind, flags from bit 8 | kind, flags from bit 8 |
//! | 2 | payload length in bytes | payload length in bytes |
//! | 3 | close code, the error's number, or where a lent or kept payload begins | unused |

/// One event or command.
pub(crate) type Record = [u32; 4];

/// Bits of a record's second word that hold the kind.
pub(crate) const KIND_MASK: u32 = 0xff;

/// What happened on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum EventKind {
    /// A whole text message, valid UTF-8.
    Text = 1,
    /// A whole binary message.
    Binary = 2,
    /// A ping; it has been answered already where that is configured.
    Ping = 3,
    /// A pong.
    Pong = 4,
    /// The peer's close frame; word 3 is its code (1005 if it had none), the payload its reason.
    Close = 5,
    /// The peer broke the protocol; word 2 is the row of the error table, word 3 its number.
    Failed = 6,
    /// A message that asked for it has been handed to the kernel.
    Written = 7,
    /// The peer ended its half of the transport.
    Ended = 8,
    /// The transport is gone; the last event of a connection. Word 2 is the operating system's error
    /// number, 0 if there was no error; word 3 is 1 if it came of writing, and from bit 8 on the
    /// reason.
    Closed = 9,
    /// The peer has passed a limit and the connection is being closed; word 2 is the limit, word 3
    /// the code of the close frame, 0 if the connection is to be dropped without one.
    Limited = 10,
    /// A connection whose bytes the layer above moves has something to write.
    Output = 11,
    /// A connection whose bytes the layer above moves is not to be read (word 2 is 1), or is again
    /// (0).
    Hold = 12,
}

impl EventKind {
    /// The kind of this number, if it is one that a transport's owner reports.
    #[must_use]
    pub const fn of_transport(number: u32) -> Option<Self> {
        Some(match number {
            7 => Self::Written,
            8 => Self::Ended,
            9 => Self::Closed,
            _ => return None,
        })
    }

    /// Whether it came of what was read.
    pub(crate) const fn is_read(kind: u32) -> bool {
        kind <= Self::Failed as u32
    }

    /// Whether word 2 counts bytes that lie in the batch.
    pub(crate) const fn has_payload(kind: u32) -> bool {
        kind <= Self::Close as u32
    }
}

/// The payload is ASCII: one byte a character.
pub const EVENT_ASCII: u32 = 1 << 8;
/// The payload is the next one of the batch's large payloads.
pub const EVENT_LARGE: u32 = 1 << 9;

/// The payload lies in the bytes that the transport has just brought; word 3 says where it begins.
pub(crate) const EVENT_LENT: u32 = 1 << 10;

/// Nothing else is lent of those bytes.
pub(crate) const EVENT_LAST_LENT: u32 = 1 << 11;

/// The payload lies in the memory that the batch has brought; word 3 says where it begins.
pub const EVENT_KEPT: u32 = 1 << 12;

/// It is the first one there.
pub const EVENT_FIRST_KEPT: u32 = 1 << 13;

/// What is to be done on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CommandKind {
    /// Send a text message or a fragment of one.
    Text = 1,
    /// Send a binary message or a fragment of one.
    Binary = 2,
    /// Send a ping.
    Ping = 3,
    /// Send a pong.
    Pong = 4,
    /// Send a close frame; the payload is its body (code and reason, or nothing).
    Close = 5,
    /// Write out what is queued, then end our half of the transport.
    End = 6,
    /// Drop the connection now.
    Destroy = 7,
    /// Stop reading.
    Pause = 8,
    /// Go on reading.
    Resume = 9,
    /// Drop the connection when it still exists after its close timeout.
    StartCloseTimer = 10,
    /// Take over the batch's next adoption.
    Adopt = 11,
    /// Mask the next frame with the payload: four bytes that the user chose.
    MaskingKey = 12,
    /// Write the payload as it is: no frame is made of it.
    Raw = 13,
    /// Change what the payload says, a [`Tuning`].
    Tune = 14,
}

impl CommandKind {
    /// Whether it sends a message or a fragment of one.
    pub(crate) const fn is_message(self) -> bool {
        matches!(self, Self::Text | Self::Binary)
    }

    /// The kind that a record's second word names, if it names one.
    #[must_use]
    pub const fn of(word: u32) -> Option<Self> {
        Some(match word & KIND_MASK {
            1 => Self::Text,
            2 => Self::Binary,
            3 => Self::Ping,
            4 => Self::Pong,
            5 => Self::Close,
            6 => Self::End,
            7 => Self::Destroy,
            8 => Self::Pause,
            9 => Self::Resume,
            10 => Self::StartCloseTimer,
            11 => Self::Adopt,
            12 => Self::MaskingKey,
            13 => Self::Raw,
            14 => Self::Tune,
            _ => return None,
        })
    }
}

/// This is not the message's last fragment.
pub const COMMAND_MORE: u32 = 1 << 8;
/// Compress the message where that was negotiated.
pub const COMMAND_COMPRESS: u32 = 1 << 9;
/// Report `Written` when the frame has been handed to the kernel.
pub const COMMAND_NOTIFY: u32 = 1 << 10;
/// The payload is the next one of the batch's large payloads.
pub const COMMAND_LARGE: u32 = 1 << 11;

/// Of a close frame: what is queued and not begun to be written is dropped before it.
pub const COMMAND_DISCARD: u32 = 1 << 12;

/// What [`CommandKind::Tune`] changes about a living connection. The payload is nine bytes: which of
/// these, and a number in little-endian order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuning {
    /// Nagle's algorithm is off (number 1) or on (0).
    NoDelay(bool),
    /// TCP keep-alive probes begin after so many seconds of silence (number 1 and more, one more
    /// than the seconds; no seconds leave the kernel's default) or never (0).
    KeepAlive(Option<u32>),
    /// The end of the connection is a reset, not a FIN.
    Reset,
    /// The longest message accepted, in bytes; 0 is no limit.
    MaxMessageBytes(u64),
}

impl Tuning {
    /// Reads a payload; `None` if it is not one.
    #[must_use]
    pub fn of(payload: &[u8]) -> Option<Self> {
        let (&which, number) = payload.split_first()?;
        let number = u64::from_le_bytes(*number.first_chunk()?);
        Some(match which {
            1 => Self::NoDelay(number != 0),
            2 => Self::KeepAlive(
                number.checked_sub(1).map(|it| u32::try_from(it).unwrap_or(u32::MAX)),
            ),
            3 => Self::Reset,
            4 => Self::MaxMessageBytes(number),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuning(which: u8, number: u64) -> Option<Tuning> {
        Tuning::of(&[&[which][..], &number.to_le_bytes()].concat())
    }

    #[test]
    fn a_tuning_is_one_byte_and_a_number() {
        assert_eq!(tuning(1, 0), Some(Tuning::NoDelay(false)));
        assert_eq!(tuning(2, 0), Some(Tuning::KeepAlive(None)));
        assert_eq!(tuning(2, 61), Some(Tuning::KeepAlive(Some(60))));
        assert_eq!(tuning(3, 0), Some(Tuning::Reset));
        assert_eq!(tuning(4, 1 << 40), Some(Tuning::MaxMessageBytes(1 << 40)));
        assert_eq!(tuning(5, 0), None);
        assert_eq!(Tuning::of(&[1, 0]), None);
        assert_eq!(Tuning::of(&[]), None);
    }
}
