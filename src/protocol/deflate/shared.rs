//! What the connections of one driver share to compress and to inflate.
//!
//! A connection without context takeover owns nothing between two messages: it takes an inflater
//! from here for the time of a message, and its messages are compressed by one compressor for all.

use std::mem;

use super::DeflateConfig;
use super::codec::{Compressor, Inflater, Output, SCRATCH_BYTES};
use crate::Error;

/// Compressors, inflaters and a buffer, made on first use: about 0.5 MB for a driver whose
/// connections agree on their parameters. A fresh default in its place gives that back, at any
/// time.
#[derive(Debug, Default)]
pub struct Shared {
    pub(crate) inflaters: InflaterPool,
    /// Latest use last.
    compressors: Vec<(CompressorKind, Compressor)>,
    /// What was inflated so far, in bytes.
    pub(crate) inflated_bytes: u64,
    /// Initialised; [`SCRATCH_BYTES`] long or, before the first use, empty.
    pub(crate) scratch: Scratch,
}

impl Shared {
    /// Compresses from an empty window. A later fragment of a message may do that too: the
    /// compressor is free to refer to nothing.
    pub(crate) fn compress(
        &mut self,
        config: &DeflateConfig,
        input: &[u8],
        fin: bool,
    ) -> Result<Output, Error> {
        let kind = CompressorKind::of(config);
        let known = self.compressors.iter().position(|(known, _)| *known == kind);
        let mut compressor = match known {
            Some(place) => {
                let (_, mut compressor) = self.compressors.remove(place);
                compressor.reset();
                compressor
            }
            None => Compressor::new(config),
        };
        let output = compressor.compress(input, fin, self.scratch.take())?;
        if self.compressors.len() == MAX_IDLE_COMPRESSORS {
            self.compressors.remove(0);
        }
        self.compressors.push((kind, compressor));
        Ok(output)
    }
}

/// Most compressors kept: window bits are for the peer to choose, and each of them needs its own.
const MAX_IDLE_COMPRESSORS: usize = 4;

/// What makes compressors differ: level, memory level, window bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CompressorKind(i8, u8, u8);

impl CompressorKind {
    fn of(config: &DeflateConfig) -> Self {
        Self(config.level, config.mem_level, config.send_window_bits)
    }
}

/// Inflaters that no message is in.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "connections that lend one keep a pointer")]
pub(crate) struct InflaterPool(Vec<Box<Inflater>>);

impl InflaterPool {
    pub(crate) fn take(&mut self) -> Box<Inflater> {
        self.0.pop().unwrap_or_else(|| Box::new(Inflater::new()))
    }

    pub(crate) fn put_back(&mut self, mut inflater: Box<Inflater>) {
        if self.0.len() < MAX_IDLE_INFLATERS {
            inflater.reset();
            self.0.push(inflater);
        }
    }
}

/// Most inflaters kept, at 47 kB each. More than one are in use only while messages come in pieces.
const MAX_IDLE_INFLATERS: usize = 4;

/// The buffer that is worked in.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<u8>);

impl Scratch {
    /// The buffer, for work that ends before anybody else asks for it.
    pub(crate) fn get(&mut self) -> &mut [u8] {
        if self.0.is_empty() {
            self.0.resize(SCRATCH_BYTES, 0);
        }
        &mut self.0
    }

    /// Takes the buffer away; maybe empty.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.0)
    }

    pub(crate) fn put_back(&mut self, buffer: Vec<u8>) {
        self.0 = buffer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(send_window_bits: u8) -> DeflateConfig {
        DeflateConfig {
            send_no_context_takeover: true,
            receive_no_context_takeover: true,
            send_window_bits,
            level: 2,
            mem_level: 8,
            threshold_bytes: 0,
        }
    }

    #[test]
    fn keeps_one_compressor_for_all_who_agree_and_few_altogether() {
        let mut shared = Shared::default();
        for _ in 0..3 {
            for _ in 0..10 {
                shared.compress(&config(15), b"text", true).unwrap();
            }
            assert_eq!(shared.compressors.len(), 1);
        }
        for bits in 9..=15 {
            shared.compress(&config(bits), b"text", true).unwrap();
            shared.compress(&config(15), b"text", true).unwrap();
        }
        let kept: Vec<_> = shared.compressors.iter().map(|(kind, _)| kind.2).collect();
        assert_eq!(kept, [12, 13, 14, 15]);
    }

    #[test]
    fn keeps_few_inflaters() {
        let mut pool = InflaterPool::default();
        let lent: Vec<_> = (0..20).map(|_| pool.take()).collect();
        for inflater in lent {
            pool.put_back(inflater);
        }
        assert_eq!(pool.0.len(), MAX_IDLE_INFLATERS);
    }

    #[test]
    fn does_not_keep_the_room_that_a_long_message_needed() {
        let mut shared = Shared::default();
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..300_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        let long = shared.compress(&config(15), &noise, true).unwrap();
        assert!(long.into_large().is_ok_and(|bytes| bytes.len() >= noise.len()));
        let short = shared.compress(&config(15), b"text", true).unwrap();
        assert!(short.into_large().is_err_and(|short| short.buffer.len() == SCRATCH_BYTES));
    }
}
