//! See `src/protocol/tests/suite/fuzz/differential.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| offloop_fuzz::run("differential", input));
