//! SIGINT and SIGTERM, as the request to stop.

use std::sync::mpsc::Sender;

use crate::trouble::Trouble;

/// From here on `tell` gets a `word` when the process is asked to stop, once. Asked a second time, it ends at once: a stop
/// that hangs must not need a SIGKILL.
#[cfg(unix)]
pub(crate) fn on_request<T: Send + 'static>(tell: Sender<T>, word: T) -> Result<(), Trouble> {
    use std::thread::Builder;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(Trouble::setup)?;
    let wait = move || {
        let mut words = Some(word);
        for signal in &mut signals {
            let Some(word) = words.take() else {
                let _ = emulate_default_handler(signal);
                return;
            };
            let _ = tell.send(word);
        }
    };
    Builder::new().name("signals".to_owned()).spawn(wait).map(drop).map_err(Trouble::setup)
}

/// Elsewhere the process ends when it is asked to, without a farewell.
#[cfg(not(unix))]
pub(crate) fn on_request<T: Send + 'static>(tell: Sender<T>, _: T) -> Result<(), Trouble> {
    // Nobody tells, and whoever listens waits.
    Box::leak(Box::new(tell));
    Ok(())
}
