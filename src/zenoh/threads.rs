//! The threads that zenoh runs its links on, as far as they decide which links may be used.
//!
//! zenoh reads a `tls/` link on one thread and writes it on another, with one rustls connection unguarded between them. So
//! mail that goes out while some comes in tears the link now and then ("handshake not complete"), or worse
//! ([zenoh issue 2557](https://github.com/eclipse-zenoh/zenoh/issues/2557)). On one thread they take turns. Other links have
//! each direction for itself.

/// The environment variable by which zenoh is told of its threads; it is read once, when a process opens its first session.
pub const RUNTIME: &str = "ZENOH_RUNTIME";

/// What the environment variable [`RUNTIME`] has to contain, set before the program starts, for links over `tls/`: one
/// thread reads and writes all links.
pub const TLS_RUNTIME: &str = "(tx:(handover:rx),rx:(worker_threads:1))";

/// Whether one thread reads and writes each link.
pub(super) fn take_turns() -> bool {
    std::env::var(RUNTIME).is_ok_and(|value| says_so(&value))
}

fn says_so(value: &str) -> bool {
    let value: String = value.split_whitespace().collect();
    // Each part, as there may be others.
    TLS_RUNTIME[1..TLS_RUNTIME.len() - 1].split_inclusive(')').all(|part| value.contains(part.trim_start_matches(',')))
}

#[cfg(test)]
mod tests {
    use super::{TLS_RUNTIME, says_so};

    #[test]
    fn one_thread_must_be_given_to_both_directions() {
        for fit in [TLS_RUNTIME, "( rx: (worker_threads: 1),\n tx: (handover: rx), app: (worker_threads: 2) )"] {
            assert!(says_so(fit), "{fit}");
        }
        for unfit in
            ["", "()", "(tx:(handover:rx))", "(rx:(worker_threads:1))", "(tx:(handover:rx),rx:(worker_threads:12))"]
        {
            assert!(!says_so(unfit), "{unfit}");
        }
    }
}
