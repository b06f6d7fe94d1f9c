//! Every fuzz target, on seeds that are changed at random: what libFuzzer would find first is found in every run.

use std::path::Path;

use meshwright_tests::fuzz::{TARGETS, Target};
use meshwright_tests::repository;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// One change of some bytes, by numbers that are taken modulo what there is.
#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Delete(usize, usize),
    Repeat(usize, usize),
    Splice { seed: usize, from: usize, length: usize, at: usize },
}

/// What parsers trip over.
const TOKENS: &[&str] = &[
    "---\n",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "|\n",
    "&a ",
    "*a",
    "!!str ",
    "null",
    "~",
    "0x1F",
    "1e999",
    "-0",
    ".inf",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "\0",
    "\t",
    "\r",
    "${X}",
    "{{ x }}",
    "$(X)",
    "../",
    "\\",
    "\\u0000",
    "99999999999999999999",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), proptest::sample::select(TOKENS)).prop_map(|(at, text)| Change::Insert(at, text.into())),
        (at(), 1_usize..64).prop_map(|(at, length)| Change::Delete(at, length)),
        (at(), 1_usize..256).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at(), at(), 1_usize..256, at()).prop_map(|(seed, from, length, at)| Change::Splice {
            seed,
            from,
            length,
            at
        }),
    ]
}

fn changed(seeds: &[Vec<u8>], seed: usize, changes: &[Change]) -> Vec<u8> {
    let mut bytes = seeds[seed % seeds.len()].clone();
    for change in changes {
        let size = bytes.len();
        let place = |at: usize| at % (size + 1);
        let range = |at: usize, length: usize| place(at)..(place(at) + length).min(size);
        match change {
            Change::Set(at, byte) if size > 0 => bytes[at % size] = *byte,
            Change::Set(..) => {}
            Change::Insert(at, text) => drop(bytes.splice(place(*at)..place(*at), text.iter().copied())),
            Change::Delete(at, length) => drop(bytes.drain(range(*at, *length))),
            Change::Repeat(at, length) => {
                let part = bytes[range(*at, *length)].to_vec();
                drop(bytes.splice(place(*at)..place(*at), part));
            }
            Change::Splice { seed, from, length, at } => {
                let other = &seeds[seed % seeds.len()];
                let from = from % (other.len() + 1);
                let part = other[from..(from + length).min(other.len())].to_vec();
                drop(bytes.splice(place(*at)..place(*at), part));
            }
        }
    }
    bytes
}

fn try_target(target: &Target) {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{}", target.name);
    let tried = (any::<usize>(), proptest::collection::vec(change(), 0..6));
    let mut runner = TestRunner::new(crate::cases(96));
    runner
        .run(&tried, |(seed, changes)| {
            (target.run)(&changed(&seeds, seed, &changes));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{}: {error}", target.name));
}

#[test]
fn parsers_take_any_bytes() {
    for target in TARGETS {
        try_target(target);
    }
}

#[test]
fn every_target_can_be_run_under_libfuzzer() {
    let directory = repository("fuzz/fuzz_targets");
    let manifest = std::fs::read_to_string(repository("fuzz/Cargo.toml")).unwrap();
    for target in TARGETS {
        let file = format!("fuzz_targets/{}.rs", target.name);
        let text = std::fs::read_to_string(directory.join(Path::new(&file).file_name().unwrap())).unwrap();
        assert!(text.contains(&format!("fuzz::{}(", target.name)), "{text}");
        assert!(manifest.contains(&file), "{file}");
    }
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), TARGETS.len());
}
