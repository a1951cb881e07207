//! Bytes of other nodes that are not what they should be: they neither panic nor allocate more than they are worth.
//!
//! The corpus in `tests/corpus` has frames and letters as this version writes them, what one link hears and does, and, under
//! names that say what was wrong, what a fuzzer has found; the tests change these by dice. `fuzz/` looks for more.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod largest;

use std::path::{Path, PathBuf};

use rohrpost::net::fuzzing;

use crate::largest::largest_allocation;

/// A way in, and what the names of the files begin with that are meant for it.
type Door = (&'static str, fn(&[u8]));

const DOORS: [Door; 3] = [("frame", fuzzing::frame), ("letter", fuzzing::letter), ("link", fuzzing::link)];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// All files of the corpus with their names.
fn files() -> Vec<(String, Vec<u8>)> {
    let paths = std::fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() > 10, "expected a corpus in tests/corpus");
    files
}

/// `SplitMix64`: numbers that a seed determines.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    /// Changes some bytes: others, numbers that are borders, pieces that are missing or twice there.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                2 => bytes.truncate(at),
                3 => {
                    let piece = bytes[at..].iter().copied().take(1 + self.below(16)).collect::<Vec<_>>();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
                4 => {
                    let end = (at + 1 + self.below(8)).min(bytes.len());
                    bytes[at..end].fill(0xff);
                }
                _ => {
                    let end = (at + self.below(12)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
    }
}

#[test]
fn this_version_writes_what_the_corpus_has() {
    let again = std::env::var_os("WRITE_CORPUS").is_some();
    for (name, bytes) in fuzzing::samples() {
        let path = corpus().join(name);
        if again {
            std::fs::write(&path, &bytes).unwrap();
        }
        let known = std::fs::read(&path).unwrap_or_default();
        assert_eq!(bytes, known, "expected the wire form of `{name}` to stay; a new one needs a version of its own");
    }
}

#[test]
fn the_corpus_harms_nobody_whichever_way_it_comes_in() {
    for (_, bytes) in files() {
        for (_, door) in DOORS {
            door(&bytes);
        }
    }
}

#[test]
fn changed_bytes_harm_nobody_and_allocate_no_more_than_they_are_worth() {
    let rounds = std::env::var("HOSTILE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1_500);
    for (name, bytes) in files() {
        let door =
            DOORS.iter().find(|(start, _)| name.starts_with(start)).expect("a file of the corpus names its door").1;
        let mut dice = Dice(bytes.len() as u64);
        for _ in 0..rounds {
            let mut changed = bytes.clone();
            dice.change(&mut changed);
            let largest = largest_allocation(|| door(&changed));
            // A letter can name what the process has not met; the tables of that are bounded, and grow in steps.
            let tables = if name.starts_with("letter") { 256 << 10 } else { 4096 };
            let worth = tables + 64 * changed.len();
            assert!(largest <= worth, "expected no allocation of {largest} bytes for {}: {changed:?}", changed.len());
        }
    }
}

#[test]
fn a_record_that_claims_to_be_endless_allocates_next_to_nothing() {
    let (_, ping) = fuzzing::samples().into_iter().find(|(name, _)| *name == "letter-namespaces").unwrap();
    // The number of ids, in front of two ids and the number of names.
    let place = ping.len() - 18;
    assert_eq!(ping[place], 2, "expected the number of namespaces there");
    let mut endless = ping[..place].to_vec();
    endless.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    endless.extend_from_slice(&ping[place + 1..]);
    let length = place - 4;
    endless[length..place].copy_from_slice(&21_u32.to_le_bytes());
    let largest = largest_allocation(|| fuzzing::letter(&endless));
    assert!(largest < 4096, "expected no allocation of {largest} bytes for {}", endless.len());
}

#[test]
fn a_compressed_record_that_claims_to_be_endless_allocates_next_to_nothing() {
    let (_, squeezed) = fuzzing::samples().into_iter().find(|(name, _)| *name == "letter-squeezed").unwrap();
    let full = 400_u32.to_le_bytes();
    let place = squeezed.windows(4).position(|part| part == full).expect("the length that it had");
    for claim in [u32::MAX, 1 << 20, 1 << 16] {
        let mut bomb = squeezed.clone();
        bomb[place..place + 4].copy_from_slice(&claim.to_le_bytes());
        let largest = largest_allocation(|| fuzzing::letter(&bomb));
        assert!(largest < 4096, "expected no allocation of {largest} bytes for {}", bomb.len());
    }
}
