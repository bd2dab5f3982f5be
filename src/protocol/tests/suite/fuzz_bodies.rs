//! The fuzzer's bodies as property tests: on its seeds, on any bytes, and on seeds that were changed
//! as the fuzzer changes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::fuzz::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(name)
}

/// The paths in a folder, in the order of their names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths: BTreeSet<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.into_iter().collect()
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let paths = entries(&folder("seeds").join(target));
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_body_has_a_target_of_libfuzzer_and_seeds() {
    let names: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for place in ["fuzz_targets", "seeds"] {
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        let found: BTreeSet<_> = entries(&folder(place)).iter().map(stem).collect();
        assert_eq!(found, names, "{place}");
    }
    for (name, _) in TARGETS {
        let seeds = seeds(name);
        assert!((10..=100).contains(&seeds.len()), "{name}: {}", seeds.len());
        assert!(seeds.iter().all(|seed| seed.len() <= 1024), "{name}");
    }
}

#[test]
fn every_seed_holds() {
    for (name, body) in TARGETS {
        for path in entries(&folder("seeds").join(name)) {
            let seed = fs::read(&path).unwrap();
            let holds = std::panic::catch_unwind(|| body(&seed));
            assert!(holds.is_ok(), "{}", path.display());
        }
    }
}

/// A change to an input.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index),
    /// The front of this one, the back of another.
    Cross(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![any::<u8>(), select(vec![0, 1, 125, 126, 127, 128, 255])];
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), byte).prop_map(|(place, byte)| Change::Put(place, byte)),
        2 => (place(), vec(any::<u8>(), 1..9)).prop_map(|(place, bytes)| Change::Insert(place, bytes)),
        1 => (place(), place()).prop_map(|(place, end)| Change::Remove(place, end)),
        1 => (place(), place()).prop_map(|(place, end)| Change::Repeat(place, end)),
        1 => (place(), place()).prop_map(|(place, seed)| Change::Cross(place, seed)),
    ]
}

fn changed(seeds: &[Vec<u8>], seed: Index, changes: &[Change]) -> Vec<u8> {
    let mut input = seed.get(seeds).clone();
    for change in changes {
        let between = |place: &Index, end: &Index| {
            let (place, end) = (place.index(input.len() + 1), end.index(input.len() + 1));
            place.min(end)..place.max(end)
        };
        match change {
            Change::Put(place, byte) => {
                if !input.is_empty() {
                    *place.get_mut(&mut input) = *byte;
                }
            }
            Change::Insert(place, bytes) => {
                let place = place.index(input.len() + 1);
                input.splice(place..place, bytes.iter().copied());
            }
            Change::Remove(place, end) => drop(input.drain(between(place, end))),
            Change::Repeat(place, end) => {
                let range = between(place, end);
                let part = input[range.clone()].to_vec();
                input.splice(range.end..range.end, part);
            }
            Change::Cross(place, other) => {
                let other = other.get(seeds);
                input.truncate(place.index(input.len() + 1));
                input.extend(&other[place.index(other.len() + 1)..]);
            }
        }
    }
    input
}

/// Runs a target on `input`s of a strategy; a failure prints the smallest input that it finds.
fn holds_for<T: Strategy>(cases: u32, inputs: &T, holds: impl Fn(T::Value)) {
    // A file of failures would make the tree dirty.
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(inputs, |input| {
        holds(input);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn bodies_hold_for_any_bytes() {
    for (_, body) in TARGETS {
        holds_for(200, &vec(any::<u8>(), 0..200), |input| body(&input));
    }
}

#[test]
fn bodies_hold_for_changed_seeds() {
    for (name, body) in TARGETS {
        let seeds = seeds(name);
        holds_for(400, &(any::<Index>(), vec(change(), 1..8)), |(seed, changes)| {
            body(&changed(&seeds, seed, &changes));
        });
    }
}
