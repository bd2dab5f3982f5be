//! What the fuzzer runs: plain functions of bytes, which panic where a rule of ours does not hold.
//!
//! They stand here once and run twice. `fuzz_bodies.rs` runs them as property tests, with every
//! `cargo test`; the crate in `fuzz/` includes this module by its path and gives it to libFuzzer.

mod connection;
mod deflate;
mod differential;
mod frames;
mod headers;
mod inflate;
mod memory;
mod model;
pub(crate) mod other;
mod script;
mod whole;

/// A target: judges any bytes at all.
type Body = fn(&[u8]);

/// The targets; each has a file in `fuzz/fuzz_targets/` and a folder in `fuzz/seeds/` of its name.
pub(crate) const TARGETS: [(&str, Body); 6] = [
    ("frames", frames::frames),
    ("connection", connection::connection),
    ("inflate", inflate::inflate),
    ("deflate", deflate::deflate),
    ("headers", headers::headers),
    ("differential", differential::differential),
];
