//! How workers begin to end, together; waiting for that is another matter.
//!
//! A handler can have its kernel stop, and waits for nobody: so this stands below what waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::departure::Departure;
use crate::directory::Directory;
use crate::directory::space::Space;
use crate::orders;
use crate::post::{Drive, Post};
use crate::sync::Ordering;

/// How long a kernel waits for its threads that is not told how long.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// Workers that are on their way out.
pub(crate) struct SetOut {
    pub(crate) departure: Arc<Departure>,
    /// Those that end by themselves.
    pub(crate) threads: Vec<Arc<Post>>,
    /// Those that end when they are driven next, or dropped, by name.
    pub(crate) driven: Vec<String>,
}

/// Has the workers of `spaces` begin to end together; after half of `timeout` nobody waits for the others.
pub(crate) fn set_out(directory: &Directory, spaces: &[Arc<Space>], timeout: Duration) -> SetOut {
    let all = || spaces.iter().flat_map(|space| &space.posts);
    // What one thread runs in turn does not depend on how fast it is.
    let patience = if directory.muster.is_none() { timeout / 2 } else { Duration::MAX };
    let threads: Vec<Arc<Post>> = all().filter(|post| post.drive != Drive::Caller).cloned().collect();
    let wake = {
        let threads = threads.clone();
        Box::new(move || threads.iter().for_each(|post| post.inbox.wake()))
    };
    let departure = Departure::new(threads.len(), in_time(Instant::now(), patience), wake);
    for post in &threads {
        let known = departure.clone();
        if orders::command(post, move |core| core.begin_closing(Some(known))) {
            // Only now: whoever sees this finds the order behind the mail that is there.
            post.closing.store(true, Ordering::Release);
            post.inbox.wake();
        } else {
            departure.returned();
            departure.ended(&post.name);
        }
    }
    let mut driven = Vec::new();
    for post in all().filter(|post| post.drive == Drive::Caller) {
        if orders::command(post, |core| core.begin_closing(None)) {
            post.closing.store(true, Ordering::Release);
            driven.push(post.name.clone());
        }
    }
    SetOut { departure, threads, driven }
}

/// Stops a kernel without waiting for anybody; who stops it again waits for those who have not ended by then.
pub(crate) fn stop_in_background(directory: &Directory, timeout: Duration) -> SetOut {
    let mut spaces = directory.close_all();
    let _ = set_out(directory, &spaces, timeout);
    // Those of the ports go when the others have sent everything back, for whom nobody has waited.
    spaces.extend(directory.close_ports());
    let all = set_out(directory, &spaces, timeout);
    directory.refuse_askers();
    all
}

/// The moment that is `timeout` after `start`, or one that nobody lives to see.
pub(crate) fn in_time(start: Instant, timeout: Duration) -> Instant {
    let far = || start + Duration::from_secs(u64::from(u32::MAX));
    start.checked_add(timeout).unwrap_or_else(far)
}
