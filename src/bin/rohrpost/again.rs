//! [`fit_for`]: the command started once more, where zenoh must be told of its threads before the program begins.

use std::env;

use rohrpost::zenoh::RUNTIME;

/// Makes this process one that may have links to these endpoints: with one over `tls/` it begins again, with the environment
/// that such links need. Returns where that is not needed or cannot be done; then joining says what is missing.
pub(crate) fn fit_for<S: AsRef<str>>(mut endpoints: impl Iterator<Item = S>) {
    if endpoints.any(|there| there.as_ref().starts_with("tls/")) && env::var_os(RUNTIME).is_none() {
        begin_again();
    }
}

#[cfg(unix)]
fn begin_again() {
    use std::os::unix::process::CommandExt as _;

    if let Ok(program) = env::current_exe() {
        let mut again = std::process::Command::new(program);
        // Comes back only if it fails.
        let _ = again.args(env::args_os().skip(1)).env(RUNTIME, rohrpost::zenoh::TLS_RUNTIME).exec();
    }
}

#[cfg(not(unix))]
fn begin_again() {}
