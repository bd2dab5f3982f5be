//! What a compressed message is, by an inflater that shares no line with ours: `miniz_oxide`, which
//! has the message at once, and room for all of it.

use miniz_oxide::inflate::TINFLStatus as Status;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// The message, if there is no other before it to refer to; `None` if it is none. RFC 7692, 7.2.2.
pub(crate) fn inflate(payload: &[u8]) -> Option<Vec<u8>> {
    let mut stream = Stream {
        inflater: DecompressorOxide::new(),
        plain: Vec::new(),
        start: 0,
        is_at_its_start: true,
    };
    stream.push(payload)?;
    if !stream.is_at_its_start {
        // The blocks are whole if the tail brings nothing new, and a last block may follow.
        let length = stream.plain.len();
        stream.push(TAIL)?;
        stream.push(LAST_BLOCK)?;
        if !stream.is_at_its_start || stream.plain.len() != length {
            return None;
        }
    }
    Some(stream.plain)
}

/// One deflate stream after the other.
struct Stream {
    inflater: DecompressorOxide,
    /// All that came out, of earlier streams too.
    plain: Vec<u8>,
    /// Where the stream's own bytes begin; it cannot refer to those before.
    start: usize,
    /// Nothing of this stream has come.
    is_at_its_start: bool,
}

impl Stream {
    fn push(&mut self, mut input: &[u8]) -> Option<()> {
        let flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        if input.is_empty() {
            return Some(());
        }
        loop {
            let place = self.plain.len() - self.start;
            let room = self.plain.len().max(1000);
            self.plain.resize(self.plain.len() + room, 0);
            let output = &mut self.plain[self.start..];
            let (status, took, came) = decompress(&mut self.inflater, input, output, place, flags);
            self.plain.truncate(self.start + place + came);
            input = &input[took..];
            self.is_at_its_start = status == Status::Done;
            match status {
                Status::Done => {
                    self.inflater.init();
                    self.start = self.plain.len();
                    if input.is_empty() {
                        return Some(());
                    }
                }
                // With its input gone it may still have output.
                Status::HasMoreOutput => {}
                Status::NeedsMoreInput => return Some(()),
                _ => return None,
            }
        }
    }
}

const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];
/// Stored, empty, with BFINAL set.
const LAST_BLOCK: &[u8] = &[0x01, 0x00, 0x00, 0xff, 0xff];
