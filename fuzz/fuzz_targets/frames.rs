//! See `src/protocol/tests/suite/fuzz/frames.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| offloop_fuzz::run("frames", input));
