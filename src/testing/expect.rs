//! What a test expects of a probe's mail, and what it reads when that has not come.

use std::time::Instant;

use crate::code::Code;
use crate::record::Record;
use crate::testing::Probe;
use crate::testing::mail::Mail;
use crate::testing::probe::{Home, State};

impl Probe {
    /// Takes the earliest notification or request with a record `R`; the first such record of it.
    ///
    /// A record that is marked `no_clone` is there only if it came with a notification.
    ///
    /// # Panics
    ///
    /// If there is none; see [`Probe`].
    #[track_caller]
    pub fn expect<R: Record>(&self) -> R {
        match self.find(Mail::take_received) {
            Ok(record) => record,
            Err(mail) => panic!("{mail}", mail = mail.instead_of("a notification or request", R::NAME)),
        }
    }

    /// Takes the earliest message with an `R` to a service that it observes; the first such record of it.
    ///
    /// A record that is marked `no_clone` is not there: it belongs to the service's owner.
    ///
    /// # Panics
    ///
    /// If there is none; see [`Probe`].
    #[track_caller]
    pub fn expect_observed<R: Record>(&self) -> R {
        match self.find(Mail::take_observed) {
            Ok(record) => record,
            Err(mail) => panic!("{mail}", mail = mail.instead_of("to observe", R::NAME)),
        }
    }

    /// Takes the earliest answer of type `A` to a request of its own; `()` is any answer.
    ///
    /// # Panics
    ///
    /// If there is none; see [`Probe`].
    #[track_caller]
    pub fn expect_answer<A: Record>(&self) -> A {
        match self.find(Mail::take_answer) {
            Ok(answer) => answer,
            Err(mail) => panic!("{mail}", mail = mail.instead_of("an answer", A::NAME)),
        }
    }

    /// Takes the earliest message of its own with an `R` that came back, and says with which code.
    ///
    /// # Panics
    ///
    /// If there is none; see [`Probe`].
    #[track_caller]
    pub fn expect_returned<R: Record>(&self) -> Code {
        match self.find(|mail| mail.returned::<R>()) {
            Ok(code) => code,
            Err(mail) => panic!("{mail}", mail = mail.instead_of("the return of its", R::NAME)),
        }
    }

    /// Wants all mail to have been taken by other assertions. Never waits.
    ///
    /// # Panics
    ///
    /// If there is any other.
    #[track_caller]
    pub fn expect_nothing(&self) {
        let state = self.state();
        if state.mail.iter().any(|mail| !mail.seen) {
            let text =
                format!("the probe `{}` expected nothing more, and had this mail:{}", self.shared.name, state.list());
            drop(state);
            panic!("{text}");
        }
    }

    /// All mail so far, one line each, in the order of arrival; also what assertions have taken.
    #[must_use]
    pub fn mail(&self) -> Vec<String> {
        self.state().mail.iter().map(Mail::to_string).collect()
    }

    /// Takes what `look` finds in the earliest mail that was not taken before, or the list of all.
    fn find<T>(&self, look: impl Fn(&mut Mail) -> Option<T>) -> Result<T, Missed> {
        let mut state = self.state();
        let deadline = Instant::now().checked_add(state.patience);
        loop {
            let found = state.mail.iter_mut().filter(|mail| !mail.seen).find_map(|mail| {
                let found = look(mail)?;
                mail.seen = true;
                Some(found)
            });
            if let Some(found) = found {
                return Ok(found);
            }
            // Who waits for a worker that it drives itself waits in vain.
            let here = matches!(&state.home, Home::At(post, ..) if post.is_here());
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if here || late {
                return Err(Missed { name: self.shared.name.clone(), list: state.list() });
            }
            match deadline {
                Some(deadline) => drop(self.shared.changed.wait_until(&mut state, deadline)),
                None => self.shared.changed.wait(&mut state),
            }
        }
    }
}

impl State {
    fn list(&self) -> String {
        if self.mail.is_empty() {
            return " none at all".to_owned();
        }
        let line = |(index, mail): (usize, &Mail)| {
            let seen = if mail.seen { ", as expected before" } else { "" };
            format!("\n  {}. {mail}{seen}", index + 1)
        };
        self.mail.iter().enumerate().map(line).collect()
    }
}

/// What a failed assertion tells.
struct Missed {
    name: String,
    list: String,
}

impl Missed {
    fn instead_of(&self, what: &str, record: &str) -> String {
        format!("the probe `{}` expected {what} `{record}`, and had this mail:{}", self.name, self.list)
    }
}
