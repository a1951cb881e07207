//! [`Trouble`]: why a command did not do what it was asked for, and the exit code that says so.

use std::fmt::Display;
use std::io::{Write as _, stderr};
use std::process::ExitCode;

use rohrpost::{Code, Failure};

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A code came back from `from`.
    Returned {
        /// Who or what was asked.
        from: String,
        /// What came back.
        failure: Failure,
    },
    /// The command line, a file or the network it names is wrong.
    Setup(String),
    /// A node was left with threads that did not end.
    Stuck(String),
    /// Nobody reads what is printed any more.
    Unread,
}

impl Trouble {
    /// A code that came back from `from`.
    pub(crate) fn returned(from: impl Display, failure: impl Into<Failure>) -> Self {
        Self::Returned { from: from.to_string(), failure: failure.into() }
    }

    /// Something in the set-up is wrong.
    pub(crate) fn setup(what: impl Display) -> Self {
        Self::Setup(what.to_string())
    }

    /// Prints what is wrong; the code to exit with.
    pub(crate) fn tell(self) -> ExitCode {
        let (code, text) = match self {
            Self::Returned { from, failure } => {
                let hint = if failure.code() == Code::DENIED {
                    "\n  Such a rule stands under `[[rule]]` in the configuration of that node."
                } else {
                    ""
                };
                (1, format!("rohrpost: {from}: {failure}{hint}"))
            }
            Self::Setup(text) => (2, format!("rohrpost: {text}")),
            Self::Stuck(text) => (1, format!("rohrpost: {text}")),
            Self::Unread => return ExitCode::SUCCESS,
        };
        // If not even this is read, the exit code is left.
        let _ = writeln!(stderr(), "{text}");
        ExitCode::from(code)
    }
}
