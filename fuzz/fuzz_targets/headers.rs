//! See `src/protocol/tests/suite/fuzz/headers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| offloop_fuzz::run("headers", input));
