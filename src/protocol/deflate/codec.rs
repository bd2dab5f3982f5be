//! Compressing and inflating with zlib-rs. RFC 7692, section 7.2.
//!
//! Both work into initialised buffers that the caller lends; neither decides how long a message may
//! become (message.rs does, by the room that it gives).

use std::fmt;

use bytes::Bytes;
use zlib_rs::{
    Deflate, DeflateConfig as ZlibConfig, DeflateFlush, Inflate, InflateError, InflateFlush,
    Method, Status, Strategy,
};

use super::{DeflateConfig, DeflateFault};
use crate::Error;

/// Size of the buffer that is worked in, and that most messages fit into.
pub(crate) const SCRATCH_BYTES: usize = 64 * 1024;

/// What every flushed block ends with; not sent at the end of a message. RFC 7692, 7.2.1.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Inflates one peer's messages, in pieces.
pub(crate) struct Inflater {
    stream: Inflate,
    /// A new block begins here, and not a bit of it has come.
    between_blocks: bool,
    /// Bytes, since it was made.
    produced: u64,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        // The largest window serves for every smaller one that may have been negotiated.
        Self { stream: Inflate::new(false, 15), between_blocks: true, produced: 0 }
    }

    /// How many bytes it has made in all.
    pub(crate) fn produced(&self) -> u64 {
        self.produced
    }

    /// Forgets all that came so far.
    pub(crate) fn reset(&mut self) {
        self.stream.reset(false);
        self.between_blocks = true;
    }

    /// Takes bytes from the front of `input` and returns how many it put into `output`, which has
    /// to have room for at least one; then, whether the bytes behind those are deflate blocks. All
    /// is done when `input` is empty and `output` did not get full.
    pub(crate) fn inflate(
        &mut self,
        input: &mut &[u8],
        output: &mut [u8],
    ) -> (usize, Result<(), Error>) {
        self.between_blocks &= input.is_empty();
        let (came, status) = self.advance(input, output, InflateFlush::NoFlush);
        let sound = match status {
            Ok(Status::StreamEnd) => {
                // RFC 7692, 7.2.1: after a block with BFINAL set, the next one may follow at the
                // next byte. zlib takes it for the end; senders that end a stream begin a new one.
                self.reset();
                Ok(())
            }
            Ok(_) if came.consumed == 0 && came.produced == 0 && !input.is_empty() => {
                Err(Error::Internal)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        self.produced += came.produced as u64;
        (came.produced, sound)
    }

    /// The message ends here: the blocks have to be whole once the tail that the sender left out is
    /// appended. RFC 7692, 7.2.2.
    ///
    /// # Errors
    /// The message stops inside a block.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        // As in `ws`, a message without any bytes is an empty one, and a last block with BFINAL set
        // needs none behind it.
        if self.between_blocks {
            return Ok(());
        }
        // The sentinel is left alone only if a block ends exactly behind the tail.
        let [a, b, c, d] = TAIL;
        let mut input: &[u8] = &[a, b, c, d, 0];
        let (came, status) = self.advance(&mut input, &mut [0], InflateFlush::Block);
        if came.consumed != TAIL.len() || came.produced != 0 || status? != Status::Ok {
            return Err(Error::InvalidDeflateData(DeflateFault::UnexpectedEnd));
        }
        self.between_blocks = true;
        Ok(())
    }

    fn advance(
        &mut self,
        input: &mut &[u8],
        output: &mut [u8],
        flush: InflateFlush,
    ) -> (Progress, Result<Status, Error>) {
        let before = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(input, output, flush).map_err(|error| match error {
            InflateError::DataError | InflateError::NeedDict { .. } => {
                let text = self.stream.error_message().unwrap_or_default();
                Error::InvalidDeflateData(DeflateFault::of_text(text))
            }
            InflateError::StreamError | InflateError::MemError => Error::Internal,
        });
        let after = (self.stream.total_in(), self.stream.total_out());
        let progress = Progress::between(before, after);
        *input = input.get(progress.consumed..).unwrap_or_default();
        (progress, status)
    }
}

/// Compresses messages, each from an empty window or from what the earlier ones left there.
pub(crate) struct Compressor {
    stream: Deflate,
}

impl Compressor {
    pub(crate) fn new(config: &DeflateConfig) -> Self {
        let stream = Deflate::new_with_config(ZlibConfig {
            level: i32::from(config.level.clamp(-1, 9)),
            method: Method::Deflated,
            window_bits: -i32::from(config.send_window_bits.clamp(9, 15)),
            mem_level: i32::from(config.mem_level.clamp(1, 9)),
            strategy: Strategy::Default,
        });
        Self { stream }
    }

    /// Forgets all that was sent so far.
    pub(crate) fn reset(&mut self) {
        self.stream.reset();
    }

    /// Compresses a message, or a fragment of one, into `buffer`, whose length is the room it has
    /// and which grows if that is too little. The result ends at a byte; the last fragment's tail
    /// is taken off.
    ///
    /// # Errors
    /// zlib-rs does not do what it promises.
    pub(crate) fn compress(
        &mut self,
        mut input: &[u8],
        fin: bool,
        mut buffer: Vec<u8>,
    ) -> Result<Output, Error> {
        let mut len = 0;
        while !input.is_empty() || len == buffer.len() {
            if len == buffer.len() {
                buffer.resize(SCRATCH_BYTES.max(2 * len), 0);
            }
            let room = buffer.get_mut(len..).unwrap_or_default();
            let before = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.compress(input, room, DeflateFlush::SyncFlush);
            let status = status.map_err(|_| Error::Internal)?;
            let after = (self.stream.total_in(), self.stream.total_out());
            let progress = Progress::between(before, after);
            input = input.get(progress.consumed..).unwrap_or_default();
            len += progress.produced;
            if status == Status::BufError && !input.is_empty() {
                return Err(Error::Internal);
            }
        }
        let output = Output { buffer, len };
        match output.as_slice().strip_suffix(&TAIL) {
            Some(body) if fin => Ok(Output { len: body.len(), ..output }),
            Some(_) => Ok(output),
            None => Err(Error::Internal),
        }
    }
}

/// Compressed bytes, in the front of a buffer that is to be used again.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) buffer: Vec<u8>,
    len: usize,
}

impl Output {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// The bytes, if they made the buffer grow, so that it is not worth keeping.
    pub(crate) fn into_large(mut self) -> Result<Bytes, Self> {
        if self.buffer.len() <= SCRATCH_BYTES {
            return Err(self);
        }
        self.buffer.truncate(self.len);
        Ok(self.buffer.into())
    }
}

/// What one call of zlib did.
#[derive(Clone, Copy, Debug)]
struct Progress {
    consumed: usize,
    produced: usize,
}

impl Progress {
    fn between(before: (u64, u64), after: (u64, u64)) -> Self {
        // Both are bounded by the lengths of slices.
        let count = |before, after| usize::try_from(after - before).unwrap_or(usize::MAX);
        Self { consumed: count(before.0, after.0), produced: count(before.1, after.1) }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}
