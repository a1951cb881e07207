//! Says that a test is skipped: for want of root, of a command, of a compiler.

use std::fmt::Display;
use std::io::{Write as _, stderr};

/// Prints why a test is skipped.
pub(crate) fn skipped(why: impl Display) {
    // The test harness keeps to itself what `eprintln!` prints in a test that passes, and nobody would know.
    writeln!(stderr(), "skipped: {why}").expect("standard error takes a line");
}
