//! Every rule that can be broken, and the one table of what `ws` calls it.

use std::fmt;

use crate::CloseCode;
use crate::deflate::DeflateFault;

/// A rule that was broken. A normal close is an [`Event`](crate::Event), never an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// A control frame was fragmented.
    ExpectedFin,
    /// A client's frame was not masked.
    ExpectedMask,
    /// A server's frame was masked.
    UnexpectedMask,
    /// RSV1 was set where no extension gives it a meaning.
    UnexpectedRsv1,
    /// RSV2 or RSV3 was set.
    UnexpectedRsv23,
    /// The opcode is reserved, or a data frame came where fragmentation does not allow it.
    InvalidOpcode(u8),
    /// A control frame declared more than 125 bytes, or a close frame one byte. The seven-bit
    /// length.
    InvalidControlPayloadLength(u8),
    /// A close frame carried a code that must not travel.
    InvalidCloseCode(u16),
    /// A text message or a close reason is not UTF-8.
    InvalidUtf8,
    /// A compressed message is no sequence of deflate blocks, or stops inside one.
    InvalidDeflateData(DeflateFault),
    /// A message has more fragments than `max_fragments`.
    TooManyFragments,
    /// A frame declared more than 2^53 - 1 bytes.
    UnsupportedPayloadLength,
    /// A message is longer than `max_message_bytes`.
    MessageTooLong,
    /// The peer sends pings and does not take the pongs. The connection is dropped without a close
    /// frame.
    TooManyPendingPongs,
    /// Something was to be sent after the close frame.
    CloseAlreadySent,
    /// A ping or a pong of more than 125 bytes was to be sent.
    ControlPayloadTooLong,
    /// A close code that must not travel was to be sent.
    UnsendableCloseCode(u16),
    /// A close reason of more than 123 bytes was to be sent.
    CloseReasonTooLong,
    /// A fault of ours, such as a caught panic.
    Internal,
}

/// Who broke the rule, and so what has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The peer did: fail the connection.
    Peer,
    /// The caller did: tell it, the connection goes on.
    Caller,
    /// We did: fail the connection with 1011.
    Bug,
}

/// What JavaScript is told about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The `code` property; empty when `ws` gives such an error none.
    pub name: &'static str,
    /// The close code to send; 1006 means that the connection is dropped without a close frame,
    /// and 0 that the connection goes on.
    pub close_code: u16,
    /// The JavaScript class: `"RangeError"`, `"TypeError"` or `"Error"`.
    pub class: &'static str,
    /// The text; `%d` stands for [`Error::number`].
    pub message: &'static str,
}

impl Error {
    /// The table, indexed by [`row_index`](Self::row_index).
    #[must_use]
    pub fn rows() -> &'static [Row] {
        &ROWS
    }

    /// This error's place in [`rows`](Self::rows).
    #[must_use]
    pub fn row_index(self) -> u8 {
        match self {
            Self::ExpectedFin => 0,
            Self::ExpectedMask => 1,
            Self::UnexpectedMask => 2,
            Self::UnexpectedRsv1 => 3,
            Self::UnexpectedRsv23 => 4,
            Self::InvalidOpcode(_) => 5,
            Self::InvalidControlPayloadLength(_) => 6,
            Self::InvalidCloseCode(_) => 7,
            Self::InvalidUtf8 => 8,
            Self::TooManyFragments => 9,
            Self::UnsupportedPayloadLength => 10,
            Self::MessageTooLong => 11,
            Self::TooManyPendingPongs => 12,
            Self::CloseAlreadySent => 13,
            Self::ControlPayloadTooLong => 14,
            Self::UnsendableCloseCode(_) => 15,
            Self::CloseReasonTooLong => 16,
            Self::Internal => 17,
            Self::InvalidDeflateData(fault) => 18 + fault as u8,
        }
    }

    /// The number in the text, 0 if the text has none.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::InvalidOpcode(number) | Self::InvalidControlPayloadLength(number) => {
                u64::from(number)
            }
            Self::InvalidCloseCode(code) | Self::UnsendableCloseCode(code) => u64::from(code),
            Self::ExpectedFin
            | Self::ExpectedMask
            | Self::UnexpectedMask
            | Self::UnexpectedRsv1
            | Self::UnexpectedRsv23
            | Self::InvalidUtf8
            | Self::InvalidDeflateData(_)
            | Self::TooManyFragments
            | Self::UnsupportedPayloadLength
            | Self::MessageTooLong
            | Self::TooManyPendingPongs
            | Self::CloseAlreadySent
            | Self::ControlPayloadTooLong
            | Self::CloseReasonTooLong
            | Self::Internal => 0,
        }
    }

    /// The code to close the connection with; see [`Row::close_code`].
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        CloseCode(self.row().close_code)
    }

    /// Who broke the rule.
    #[must_use]
    pub fn fault(self) -> Fault {
        match self.row().close_code {
            0 => Fault::Caller,
            1011 => Fault::Bug,
            _ => Fault::Peer,
        }
    }

    fn row(self) -> Row {
        ROWS.get(usize::from(self.row_index())).copied().unwrap_or(INTERNAL)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row().message.split_once("%d") {
            Some((before, after)) => write!(f, "{before}{}{after}", self.number()),
            None => f.write_str(self.row().message),
        }
    }
}

impl std::error::Error for Error {}

const fn row(
    name: &'static str,
    close_code: u16,
    class: &'static str,
    message: &'static str,
) -> Row {
    Row { name, close_code, class, message }
}

const fn deflate_row(fault: DeflateFault) -> Row {
    let is_short = matches!(fault, DeflateFault::UnexpectedEnd);
    let name = if is_short { "Z_BUF_ERROR" } else { "Z_DATA_ERROR" };
    row(name, 1007, "Error", fault.text())
}

const INTERNAL: Row = row("WS_ERR_INTERNAL", 1011, "Error", "Internal error");

#[rustfmt::skip]
static ROWS: [Row; 28] = [
    row("WS_ERR_EXPECTED_FIN", 1002, "RangeError", "Invalid WebSocket frame: FIN must be set"),
    row("WS_ERR_EXPECTED_MASK", 1002, "RangeError", "Invalid WebSocket frame: MASK must be set"),
    row("WS_ERR_UNEXPECTED_MASK", 1002, "RangeError", "Invalid WebSocket frame: MASK must be clear"),
    row("WS_ERR_UNEXPECTED_RSV_1", 1002, "RangeError", "Invalid WebSocket frame: RSV1 must be clear"),
    row("WS_ERR_UNEXPECTED_RSV_2_3", 1002, "RangeError", "Invalid WebSocket frame: RSV2 and RSV3 must be clear"),
    row("WS_ERR_INVALID_OPCODE", 1002, "RangeError", "Invalid WebSocket frame: invalid opcode %d"),
    row("WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", 1002, "RangeError", "Invalid WebSocket frame: invalid payload length %d"),
    row("WS_ERR_INVALID_CLOSE_CODE", 1002, "RangeError", "Invalid WebSocket frame: invalid status code %d"),
    row("WS_ERR_INVALID_UTF8", 1007, "Error", "Invalid WebSocket frame: invalid UTF-8 sequence"),
    row("WS_ERR_TOO_MANY_BUFFERED_PARTS", 1008, "RangeError", "Too many message fragments"),
    row("WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", 1009, "RangeError", "Unsupported WebSocket frame: payload length > 2^53 - 1"),
    row("WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009, "RangeError", "Max payload size exceeded"),
    row("WS_ERR_TOO_MANY_PENDING_PONGS", 1006, "RangeError", "Too many pending pongs"),
    row("", 0, "Error", "WebSocket is not open: the close frame has been sent"),
    row("", 0, "RangeError", "The data size must not be greater than 125 bytes"),
    row("", 0, "TypeError", "First argument must be a valid error code number"),
    row("", 0, "RangeError", "The message must not be greater than 123 bytes"),
    INTERNAL,
    deflate_row(DeflateFault::UnexpectedEnd),
    deflate_row(DeflateFault::BlockType),
    deflate_row(DeflateFault::StoredLengths),
    deflate_row(DeflateFault::TooManySymbols),
    deflate_row(DeflateFault::CodeLengths),
    deflate_row(DeflateFault::BitLengthRepeat),
    deflate_row(DeflateFault::NoEndOfBlock),
    deflate_row(DeflateFault::LiteralLengths),
    deflate_row(DeflateFault::DistanceLengths),
    deflate_row(DeflateFault::DistanceTooFar),
];
