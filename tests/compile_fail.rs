//! What the macros and types refuse at compile time, and that the message names the way out.

mod skipping;

use std::process::Command;

use skipping::skipped;

/// Messages are compared word for word, and every compiler has words of its own.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn a_mistake_does_not_compile_and_the_message_names_the_way_out() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("a rustc that has built this test");
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        skipped(format_args!("the messages are those of {COMPILER}x, and this is {version}"));
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
    if cfg!(feature = "net-memory") {
        cases.compile_fail("tests/compile_fail/wire/*.rs");
    }
}
