//! The little of RFC 7692 that a benchmark needs, without context takeover: texts that are
//! compressed before the run, and an inflater for what comes back.
//!
//! `miniz_oxide` is neither what offloop compresses with nor what Node does.

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, compress_to_output, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use crate::json;
use crate::payload::MessageNumber;

/// Different texts in a run. A prime number, so that connections do not fall into step.
const TEXTS: usize = 251;
/// How far apart the first texts of two neighbouring connections are.
const STRIDE: usize = 7;
const LEVEL: i32 = 6;
const RAW_DEFLATE: i32 = -15;
const DEFAULT_STRATEGY: i32 = 0;

/// RFC 7692 7.2.1: what an empty stored block ends with, and what is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// What is offered.
pub(crate) const OFFER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Whether the value of `Sec-WebSocket-Extensions` in a response is this extension and says that
/// the server keeps no context. (What the client keeps is its own affair: it keeps none.)
pub(crate) fn is_agreed(answer: &str) -> bool {
    let mut words = answer.split(';').map(str::trim);
    words.next() == Some("permessage-deflate")
        && !answer.contains(',')
        && words.any(|word| word == "server_no_context_takeover")
}

/// Texts of one size, plain and compressed.
pub(crate) struct Pool {
    size: usize,
    entries: Vec<Entry>,
}

struct Entry {
    text: Vec<u8>,
    compressed: Vec<u8>,
}

impl Pool {
    /// Texts of `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        let entry = |index| {
            let text = json::text(index, size).into_bytes();
            let compressed = deflate(&text);
            Entry { text, compressed }
        };
        Self { size, entries: (0..TEXTS).map(entry).collect() }
    }

    /// Bytes of each text.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The text of a message.
    pub(crate) fn text(&self, number: MessageNumber) -> &[u8] {
        &self.entry(number).text
    }

    /// The same, as a frame's payload.
    pub(crate) fn compressed(&self, number: MessageNumber) -> &[u8] {
        &self.entry(number).compressed
    }

    fn entry(&self, MessageNumber { connection, sequence }: MessageNumber) -> &Entry {
        &self.entries[(connection as usize * STRIDE + sequence as usize) % self.entries.len()]
    }
}

/// Compresses a message by itself.
fn deflate(text: &[u8]) -> Vec<u8> {
    let flags = create_comp_flags_from_zip_params(LEVEL, RAW_DEFLATE, DEFAULT_STRATEGY);
    let mut compressor = CompressorOxide::new(flags);
    let mut out = Vec::new();
    compress_to_output(&mut compressor, text, TDEFLFlush::Sync, |bytes| {
        out.extend_from_slice(bytes);
        true
    });
    assert!(out.ends_with(&TAIL), "a sync flush ends with an empty stored block");
    out.truncate(out.len() - TAIL.len());
    out
}

/// Inflates whole messages, one after the other.
pub(crate) struct Inflater {
    state: DecompressorOxide,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Inflater {
    /// Nothing inflated yet.
    pub(crate) fn new() -> Self {
        Self { state: DecompressorOxide::new(), input: Vec::new(), output: Vec::new() }
    }

    /// Inflates one payload. Returns nothing when it is not valid, or longer than `limit` inflated.
    pub(crate) fn inflate(&mut self, payload: &[u8], limit: usize) -> Option<&[u8]> {
        self.input.clear();
        self.input.extend_from_slice(payload);
        self.input.extend_from_slice(&TAIL);
        // One byte more than allowed: what fills it is too long.
        self.output.resize(limit + 1, 0);
        self.state.init();
        let flags = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
            | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, read, written) =
            decompress(&mut self.state, &self.input, &mut self.output, 0, flags);
        let whole =
            status == TINFLStatus::NeedsMoreInput && read == self.input.len() && written <= limit;
        whole.then(|| &self.output[..written])
    }
}

#[cfg(test)]
mod tests {
    use super::{Inflater, Pool, is_agreed};
    use crate::payload::MessageNumber;

    #[test]
    fn what_was_compressed_inflates_to_its_text() {
        let pool = Pool::new(1024);
        let mut inflater = Inflater::new();
        for connection in 0..300 {
            let number = MessageNumber { connection, sequence: 5 };
            let compressed = pool.compressed(number);
            assert!(compressed.len() < 700, "{}", compressed.len());
            assert_eq!(inflater.inflate(compressed, 1024), Some(pool.text(number)));
            assert_ne!(inflater.inflate(compressed, 1024), Some(pool.text(number.next())));
        }
    }

    #[test]
    fn a_payload_that_is_too_long_or_cut_does_not_inflate() {
        let pool = Pool::new(1024);
        let number = MessageNumber::first(0);
        let compressed = pool.compressed(number);
        let mut inflater = Inflater::new();
        assert_eq!(inflater.inflate(compressed, 1023), None);
        let cut = &compressed[..compressed.len() - 5];
        assert_ne!(inflater.inflate(cut, 1024), Some(pool.text(number)));
    }

    #[test]
    fn an_answer_that_keeps_context_is_not_agreed() {
        assert!(is_agreed("permessage-deflate; server_no_context_takeover"));
        assert!(is_agreed(
            "permessage-deflate;client_no_context_takeover; server_no_context_takeover"
        ));
        assert!(!is_agreed("permessage-deflate"));
        assert!(!is_agreed("x-webkit-deflate-frame; server_no_context_takeover"));
        assert!(!is_agreed("permessage-deflate; server_no_context_takeover, other"));
    }
}
