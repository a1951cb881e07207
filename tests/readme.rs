//! The README says what is so. Its Rust code is compiled and run with the documentation's examples; the rest is here.

use std::collections::BTreeSet;
use std::path::Path;

const README: &str = include_str!("../README.md");
const MANIFEST: &str = include_str!("../Cargo.toml");

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of code in `language`.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    README.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The value of `key` in the manifest's first table.
fn manifest(key: &str) -> &'static str {
    let line = MANIFEST.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
    line.unwrap_or_else(|| panic!("expected `{key}` in Cargo.toml")).trim().trim_matches('"')
}

#[test]
fn the_code_in_the_readme_is_compiled_with_the_documentation() {
    let library = include_str!("../src/lib.rs");
    let included = "#[doc = include_str!(\"../README.md\")]";
    assert!(library.contains(included), "expected `{included}` in src/lib.rs");
    assert!(!README.contains("```rust,"), "expected every example to run: none that says `ignore` or `no_run`");
    assert!(!blocks("rust").is_empty(), "expected an example");
    for example in blocks("rust") {
        let lines = example.lines().count();
        assert!(lines <= 40, "expected examples of 30 lines or so, and not {lines}:\n{example}");
    }
}

#[test]
fn the_readme_lists_the_examples_that_there_are() {
    let rows = README.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('`').nth(1));
    let listed: BTreeSet<&str> = rows.filter_map(|row| row.split(' ').next()).collect();
    let files = home().join("examples").read_dir().expect("the examples' folder");
    let paths = files.map(|file| file.expect("an example").path());
    // An example is a file, or a folder with a `main.rs`; a folder without one holds data.
    let examples =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "rs") || path.join("main.rs").exists());
    let there: BTreeSet<String> = examples.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    assert_eq!(listed, there.iter().map(String::as_str).collect(), "expected the README to list the examples");
}

#[test]
fn what_the_readme_links_to_is_there() {
    for link in README.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if !link.starts_with("https://") {
            assert!(home().join(link).exists(), "expected {link}, to which the README links");
        }
    }
}

#[test]
fn the_readme_names_the_versions_of_the_manifest() {
    let (version, rust) = (manifest("version"), manifest("rust-version"));
    let (series, _) = version.rsplit_once('.').expect("a version has three parts");
    assert!(
        blocks("toml").iter().any(|block| block.contains(&format!("rohrpost = \"{series}\""))),
        "expected the README to depend on rohrpost {series}"
    );
    assert!(README.contains(&format!("Rust version is {rust}")), "expected the README to name Rust {rust}");
    assert!(README.contains(&format!("| MSRV | {rust} |")), "expected Rust {rust} in the README's comparison");
}

#[test]
fn the_place_of_the_measured_table_is_marked() {
    let begin = README.find("<!-- table:begin -->").expect("the beginning of the table");
    let end = README.find("<!-- table:end -->").expect("the end of the table");
    assert!(begin < end, "expected the table to begin before it ends");
}
