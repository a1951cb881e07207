//! Runs the state machine vectors found in the folder that `ROHRPOST_VECTORS` names.

mod skipping;
mod vector;

use rohrpost::machine::{Trace, Untraced};
use skipping::skipped;
use std::{
    collections::BTreeMap,
    env, fs,
    io::{Write, stdout},
    path::Path,
};
use vector::Case;

/// Looks at nothing, but makes the engine do everything by the general algorithm.
struct Look;

impl Trace for Look {}

#[test]
fn every_vector_ends_in_the_configurations_it_names() {
    let mut out = stdout();
    let mut say = |line: String| writeln!(out, "{line}").expect("standard output takes a line");
    let named = env::var("ROHRPOST_VECTORS").ok().filter(|folder| !folder.is_empty());
    let Some(folder) = named else {
        skipped("ROHRPOST_VECTORS names no folder");
        return;
    };
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let failed: usize = files.iter().map(|file| run_file(file, &mut say)).sum();
    assert_eq!(failed, 0, "{failed} cases failed");
}

/// Runs the cases of one file, says what came of them, and tells how many failed.
fn run_file(file: &Path, say: &mut impl FnMut(String)) -> usize {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let content: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut groups: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    for value in content["cases"].as_array().expect("a vector file has cases") {
        let case = Case(value);
        let (passed, failed) = groups.entry(case.group().to_owned()).or_default();
        match case.run(Untraced).and_then(|()| case.run(Look)) {
            Ok(()) => *passed += 1,
            Err(difference) => {
                *failed += 1;
                failures.push(format!("  {}/{}: {difference}", case.group(), case.name()));
            }
        }
    }
    let (passed, failed) = groups.values().fold((0, 0), |sum, group| (sum.0 + group.0, sum.1 + group.1));
    say(format!("{}: {passed} passed, {failed} failed", file.display()));
    for (group, (passed, failed)) in &groups {
        say(format!("  {group}: {passed} passed, {failed} failed"));
    }
    failures.into_iter().for_each(say);
    failed
}
