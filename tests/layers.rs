//! The layers of the crate: `lib.rs` lists the modules in groups from ground to roof, and each file uses only modules
//! of its own group and of those above it in the list.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The modules of `lib.rs`.
struct Layers {
    groups: Vec<Vec<String>>,
    /// What `lib.rs` gives out, and of which module it is.
    facade: HashMap<String, String>,
}

impl Layers {
    /// Reads the groups: `mod x;` lines without a blank line between them.
    fn read(lib: &str) -> Self {
        let mut groups = vec![Vec::new()];
        let mut facade = HashMap::new();
        for line in lib.lines() {
            let declared = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ");
            if let Some(module) = declared.and_then(|rest| rest.strip_suffix(';')) {
                groups.last_mut().unwrap().push(module.to_owned());
            } else if line.is_empty() {
                groups.push(Vec::new());
            } else if let Some((module, items)) = line.strip_prefix("pub use ").and_then(|rest| rest.split_once("::")) {
                let items = items.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                facade.extend(items.map(|item| (item.to_owned(), module.to_owned())));
            }
        }
        groups.retain(|group| !group.is_empty());
        Self { groups, facade }
    }

    /// The place of a module's group, from the ground on.
    fn height(&self, module: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.iter().any(|known| known == module))
    }

    /// Each use of a module by `text`, which belongs to `module`, that stands below it in the list.
    fn forbidden(&self, file: &str, module: &str, text: &str) -> Vec<String> {
        let own = self.height(module).unwrap_or_else(|| panic!("expected `{module}` ({file}) to stand in `lib.rs`"));
        let text = without_comments(text);
        let mut arrows = Vec::new();
        for (place, name) in names_of_the_crate(&text) {
            let used = self.facade.get(name).map_or(name, String::as_str);
            if self.height(used).is_some_and(|height| height > own) {
                let line = text[..place].matches('\n').count() + 1;
                arrows.push(format!("{file}:{line}: `{module}` uses `{used}`, which stands below it in `lib.rs`"));
            }
        }
        arrows
    }
}

/// The same text with blanks in the place of its line comments.
fn without_comments(text: &str) -> String {
    let blank = |line: &str| match line.find("//") {
        Some(start) => format!("{}{}", &line[..start], " ".repeat(line.len() - start)),
        None => line.to_owned(),
    };
    text.lines().map(blank).collect::<Vec<_>>().join("\n")
}

/// The first names behind `crate::`, each with its place; in braces there are several. A macro's `$crate` is not meant:
/// that is a name in its user's crate.
fn names_of_the_crate(text: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    for (start, found) in text.match_indices("crate::") {
        let before = text[..start].chars().next_back();
        if before.is_some_and(|letter| letter == '$' || letter == '_' || letter.is_alphanumeric()) {
            continue;
        }
        let start = start + found.len();
        if !text[start..].starts_with('{') {
            names.push((start, name_at(&text[start..])));
            continue;
        }
        let (mut depth, mut expected) = (0, false);
        for (offset, letter) in text[start..].char_indices() {
            match letter {
                '{' => {
                    depth += 1;
                    expected = depth == 1;
                }
                '}' => depth -= 1,
                ',' => expected = depth == 1,
                _ if expected && !letter.is_whitespace() => {
                    names.push((start + offset, name_at(&text[start + offset..])));
                    expected = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// The name that `text` begins with.
fn name_at(text: &str) -> &str {
    let end = text.find(|letter: char| letter != '_' && !letter.is_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

/// All Rust files below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The functions and macros that a file offers. What one of them does not use is `_name` there, and counts as `name`.
fn offered(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with("pub(crate) fn ") || line.starts_with("macro_rules! "));
    lines.map(|line| line.split('{').next().unwrap().trim().replace("(_", "(").replace(", _", ", ")).collect()
}

#[test]
fn features_are_asked_for_in_the_facade_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = root.join("src");
    let mut elsewhere = sources(&source);
    elsewhere.retain(|path| {
        *path != source.join("lib.rs")
            && without_comments(&std::fs::read_to_string(path).unwrap()).contains("feature =")
    });
    assert_eq!(elsewhere, [""; 0].map(PathBuf::from), "expected `cfg(feature)` nowhere but in `lib.rs`");
}

#[test]
fn a_module_of_two_files_offers_the_same_with_its_feature_and_without_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(source.join("lib.rs")).unwrap();
    let files: Vec<&str> = lib.split("path = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(files.len(), 4, "expected two pairs, not {files:?}");
    let offers = |file: &str| offered(&std::fs::read_to_string(source.join(file)).unwrap());
    for pair in files.chunks(2) {
        let (with, without) = (offers(pair[0]), offers(pair[1]));
        assert!(!with.is_empty(), "expected {} to offer something", pair[0]);
        assert_eq!(with, without, "expected {} to offer the same as {}", pair[1], pair[0]);
    }
}

#[test]
fn every_file_uses_only_its_own_group_and_those_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = root.join("src");
    let layers = Layers::read(&std::fs::read_to_string(source.join("lib.rs")).unwrap());
    assert!(layers.groups.len() > 3, "expected `lib.rs` to list its modules in groups, not {:?}", layers.groups);
    let mut arrows = Vec::new();
    for path in sources(&source) {
        let inside = path.strip_prefix(&source).unwrap().with_extension("");
        let module = inside.iter().next().unwrap().to_str().unwrap();
        // A program's sources stand on the facade, as those of any other user do.
        if module == "lib" || module == "bin" {
            continue;
        }
        let file = path.strip_prefix(root).unwrap().display().to_string();
        arrows.extend(layers.forbidden(&file, module, &std::fs::read_to_string(&path).unwrap()));
    }
    assert!(arrows.is_empty(), "expected every arrow to point up in the list of `lib.rs`:\n{}", arrows.join("\n"));
}

#[test]
fn every_group_of_modules_says_what_it_is() {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let lists = |line: &str| line.trim_start_matches("pub ").starts_with("mod ") && line.ends_with(';');
    for group in lib.split("\n\n").filter(|group| group.lines().any(lists)) {
        let told = group.lines().next().is_some_and(|line| line.starts_with("// ") || line.starts_with("#[cfg"));
        assert!(told, "expected a heading comment (or a `cfg`) above this group of `lib.rs`:\n{group}");
    }
}

const INVENTED: &str = "\
//! A crate.

// The ground.
mod id;
mod clock;

// The walls.
mod message;
mod worker;

// The roof.
mod kernel;

pub use id::{Nid, Tid};
pub use kernel::Kernel;
pub use message::Message;
";

#[test]
fn the_checker_reads_the_groups() {
    let layers = Layers::read(INVENTED);
    assert_eq!(
        layers.groups,
        [vec!["id", "clock"], vec!["message", "worker"], vec!["kernel"]],
        "expected three groups"
    );
    assert_eq!(layers.facade.get("Tid").map(String::as_str), Some("id"), "expected to know whose `Tid` is");
}

#[test]
fn the_checker_lets_arrows_pass_that_point_up_or_aside() {
    let text = "\
//! See [`crate::kernel`].
use crate::id::Tid;
use crate::worker::Worker; // and crate::kernel
use crate::{clock, message::Message};
fn make() -> crate::Tid { $crate::Kernel }
";
    let arrows = Layers::read(INVENTED).forbidden("src/message.rs", "message", text);
    assert_eq!(arrows, [""; 0], "expected none of these to be forbidden");
}

#[test]
fn the_checker_finds_arrows_that_point_down() {
    let cases = [
        ("use crate::kernel::Kernel;", 1),
        ("\n\nuse crate::kernel;", 3),
        ("use crate::{id, kernel::{Kernel, Id}};", 1),
        ("use crate::{\n    id::{Tid, Nid},\n    kernel,\n};", 3),
        ("fn f() {\n    let _ = crate::kernel::start();\n}", 2),
        ("fn f() -> crate::Kernel {}", 1),
        ("use crate::{Tid, Kernel};", 1),
        ("pub(in crate::kernel) fn f() {}", 1),
        ("// one\n/// two\nuse crate::kernel::{\n    Kernel,\n};", 3),
    ];
    for (text, line) in cases {
        let arrows = Layers::read(INVENTED).forbidden("src/message.rs", "message", text);
        let expected = format!("src/message.rs:{line}: `message` uses `kernel`, which stands below it in `lib.rs`");
        assert_eq!(arrows, [expected], "expected the arrow in `{text}` to be found");
    }
}

#[test]
#[should_panic(expected = "expected `stray` (src/stray.rs) to stand in `lib.rs`")]
fn the_checker_wants_every_file_to_be_listed() {
    Layers::read(INVENTED).forbidden("src/stray.rs", "stray", "");
}
