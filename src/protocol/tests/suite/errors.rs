//! The table that JavaScript reads: codes, classes and texts as `ws` has them.

use std::collections::BTreeSet;

use offloop_protocol::deflate::DeflateFault;
use offloop_protocol::{Error, Fault};

const EVERY: &[(Error, u16, &str, &str)] = &[
    (Error::ExpectedFin, 1002, "WS_ERR_EXPECTED_FIN", "Invalid WebSocket frame: FIN must be set"),
    (
        Error::ExpectedMask,
        1002,
        "WS_ERR_EXPECTED_MASK",
        "Invalid WebSocket frame: MASK must be set",
    ),
    (
        Error::UnexpectedMask,
        1002,
        "WS_ERR_UNEXPECTED_MASK",
        "Invalid WebSocket frame: MASK must be clear",
    ),
    (
        Error::UnexpectedRsv1,
        1002,
        "WS_ERR_UNEXPECTED_RSV_1",
        "Invalid WebSocket frame: RSV1 must be clear",
    ),
    (
        Error::UnexpectedRsv23,
        1002,
        "WS_ERR_UNEXPECTED_RSV_2_3",
        "Invalid WebSocket frame: RSV2 and RSV3 must be clear",
    ),
    (
        Error::InvalidOpcode(15),
        1002,
        "WS_ERR_INVALID_OPCODE",
        "Invalid WebSocket frame: invalid opcode 15",
    ),
    (
        Error::InvalidControlPayloadLength(126),
        1002,
        "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
        "Invalid WebSocket frame: invalid payload length 126",
    ),
    (
        Error::InvalidCloseCode(65535),
        1002,
        "WS_ERR_INVALID_CLOSE_CODE",
        "Invalid WebSocket frame: invalid status code 65535",
    ),
    (
        Error::InvalidUtf8,
        1007,
        "WS_ERR_INVALID_UTF8",
        "Invalid WebSocket frame: invalid UTF-8 sequence",
    ),
    (Error::TooManyFragments, 1008, "WS_ERR_TOO_MANY_BUFFERED_PARTS", "Too many message fragments"),
    (
        Error::UnsupportedPayloadLength,
        1009,
        "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
        "Unsupported WebSocket frame: payload length > 2^53 - 1",
    ),
    (Error::MessageTooLong, 1009, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "Max payload size exceeded"),
    (Error::TooManyPendingPongs, 1006, "WS_ERR_TOO_MANY_PENDING_PONGS", "Too many pending pongs"),
    (Error::CloseAlreadySent, 0, "", "WebSocket is not open: the close frame has been sent"),
    (Error::ControlPayloadTooLong, 0, "", "The data size must not be greater than 125 bytes"),
    (Error::UnsendableCloseCode(1005), 0, "", "First argument must be a valid error code number"),
    (Error::CloseReasonTooLong, 0, "", "The message must not be greater than 123 bytes"),
    (Error::Internal, 1011, "WS_ERR_INTERNAL", "Internal error"),
    (deflate(DeflateFault::UnexpectedEnd), 1007, "Z_BUF_ERROR", "unexpected end of file"),
    (deflate(DeflateFault::BlockType), 1007, "Z_DATA_ERROR", "invalid block type"),
    (deflate(DeflateFault::StoredLengths), 1007, "Z_DATA_ERROR", "invalid stored block lengths"),
    (
        deflate(DeflateFault::TooManySymbols),
        1007,
        "Z_DATA_ERROR",
        "too many length or distance symbols",
    ),
    (deflate(DeflateFault::CodeLengths), 1007, "Z_DATA_ERROR", "invalid code lengths set"),
    (deflate(DeflateFault::BitLengthRepeat), 1007, "Z_DATA_ERROR", "invalid bit length repeat"),
    (
        deflate(DeflateFault::NoEndOfBlock),
        1007,
        "Z_DATA_ERROR",
        "invalid code -- missing end-of-block",
    ),
    (deflate(DeflateFault::LiteralLengths), 1007, "Z_DATA_ERROR", "invalid literal/lengths set"),
    (deflate(DeflateFault::DistanceLengths), 1007, "Z_DATA_ERROR", "invalid distances set"),
    (deflate(DeflateFault::DistanceTooFar), 1007, "Z_DATA_ERROR", "invalid distance too far back"),
];

const fn deflate(fault: DeflateFault) -> Error {
    Error::InvalidDeflateData(fault)
}

#[test]
fn every_error_has_the_row_that_ws_has() {
    for &(error, close_code, name, text) in EVERY {
        let row = Error::rows()[usize::from(error.row_index())];
        assert_eq!((row.name, row.close_code), (name, close_code), "{error:?}");
        assert_eq!(error.close_code().0, close_code);
        assert_eq!(error.to_string(), text);
        assert_eq!(row.message.replace("%d", &error.number().to_string()), text);
    }
}

#[test]
fn every_row_belongs_to_one_error() {
    let used: BTreeSet<_> = EVERY.iter().map(|(error, ..)| error.row_index()).collect();
    assert_eq!(used.len(), EVERY.len());
    assert_eq!(used.len(), Error::rows().len());
}

#[test]
fn classes_are_those_of_ws() {
    for &(error, ..) in EVERY {
        let expected = match error {
            Error::InvalidUtf8
            | Error::InvalidDeflateData(_)
            | Error::CloseAlreadySent
            | Error::Internal => "Error",
            Error::UnsendableCloseCode(_) => "TypeError",
            _ => "RangeError",
        };
        assert_eq!(Error::rows()[usize::from(error.row_index())].class, expected, "{error:?}");
    }
}

#[test]
fn fault_follows_from_the_close_code() {
    assert_eq!(Error::ExpectedMask.fault(), Fault::Peer);
    assert_eq!(Error::TooManyPendingPongs.fault(), Fault::Peer);
    assert_eq!(Error::CloseAlreadySent.fault(), Fault::Caller);
    assert_eq!(Error::Internal.fault(), Fault::Bug);
}

#[test]
fn error_is_small() {
    assert!(size_of::<Error>() <= 16);
}
