//! What is printed.

use std::fmt;
use std::io::Write;

use rohrpost::Time;

/// Prints a line of the log.
pub(crate) fn log(now: Time, who: &str, what: &str) {
    say(format_args!("{}  {who:<9} {what}", clock(now.since(Time::START).as_secs())));
}

/// Prints a line, while anybody reads it.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Hours, if there are any, minutes and seconds.
pub(crate) fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:2}:{seconds:02}") }
}
