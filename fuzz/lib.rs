//! The bodies of the fuzz targets, which are tests of the protocol: `src/protocol/tests/suite/`.
//! They are included by their paths, so that there is one of each.

#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../src/protocol/tests/suite/blocks.rs"]
mod blocks;
#[path = "../src/protocol/tests/suite/fuzz/mod.rs"]
mod fuzz;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../src/protocol/tests/suite/support.rs"]
mod support;

/// Runs the body of that name; panics where a rule does not hold.
///
/// # Panics
/// Also if there is no such body.
pub fn run(target: &str, input: &[u8]) {
    let body = fuzz::TARGETS.iter().find(|(name, _)| *name == target);
    let (_, body) = body.expect("each target has a body of its name");
    body(input);
}
