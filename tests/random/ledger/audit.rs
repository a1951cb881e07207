//! What the ledger tells when a program comes to rest: who still has something, what is missing, and whether the kernel
//! counted the same.

use rohrpost::{Address, Code, Counters};

use super::{Entry, From, Ledger};
use crate::program::Way;

impl Ledger {
    /// The addresses of those who keep held messages.
    pub(crate) fn keepers(&self) -> Vec<Address> {
        let patient = self.patient();
        let state = self.state();
        let lives = state.lives.iter().enumerate();
        let keepers = lives.filter(|(number, life)| !life.gone && (life.kept > 0 || patient.contains(number)));
        keepers.filter_map(|(_, life)| life.address).collect()
    }

    /// Whether every life has ended.
    pub(crate) fn all_gone(&self) -> bool {
        self.state().lives.iter().all(|life| life.gone)
    }

    /// What has not come back to senders that live, or to those who ask from outside.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut missing = self.unread();
        let state = self.state();
        for (number, mail) in &state.mails {
            let waits = match mail.from {
                From::Outside(_) => matches!(mail.way, Way::Wait | Way::Await) && !mail.refused,
                From::Life(life) => !state.lives[life].gone,
            };
            let handled = mail.verdict.is_some_and(Code::is_ok);
            let ended = mail.back.is_some() || handled && !mail.way.wants_answer();
            if waits && !ended {
                let (verdict, arrived) = (mail.verdict, mail.arrived);
                missing.push(format!("mail {number} is lost: arrived {arrived} times, concluded {verdict:?}"));
            }
        }
        missing
    }

    /// What is wrong when the kernel has stopped and everything is gone.
    pub(crate) fn check_end(&self) -> Vec<String> {
        let mut faults = self.leaked();
        let state = self.state();
        for (number, mail) in &state.mails {
            if mail.pieces.iter().any(|piece| piece.made && !piece.dropped) {
                faults.push(format!("a record of mail {number} was never dropped"));
            }
        }
        for (index, life) in state.lives.iter().enumerate().filter(|(_, life)| !life.gone) {
            faults.push(format!("life {index} of resident {} never ended", life.resident));
        }
        faults
    }

    /// What the kernel counted otherwise than the ledger, at a quiescent point; `sent` too if the ledger knows that.
    pub(crate) fn check_counters(&self, counters: &Counters, sent_too: bool) -> Vec<String> {
        let state = self.state();
        let mut faults = Vec::new();
        if !counters.is_balanced() {
            faults.push(format!("the counters are not balanced: {counters:?}"));
        }
        let count = |choose: &dyn Fn(&Entry) -> bool| state.mails.values().filter(|mail| choose(mail)).count() as u64;
        let (ticks, ticks_handled) = state.ticks();
        let [issues, issues_handled, issues_unknown, issues_answered, seen] = state.issues();
        let handled = count(&|mail| mail.verdict.is_some_and(Code::is_ok)) + state.errands.1 + ticks_handled;
        let handled = handled + issues_handled;
        let answered = count(&|mail| mail.back.is_some_and(Code::is_ok) && mail.way != Way::Call) + issues_answered;
        let sent = count(&|mail| !mail.refused) + state.errands.0 + ticks + issues;
        let mut compare = |what: &str, counted: u64, known: u64| {
            if counted != known {
                faults.push(format!("{what}: the kernel counted {counted}, the ledger {known}"));
            }
        };
        // Of news whose sender went away, some may have come back.
        compare("handled", counters.handled, counters.handled.clamp(handled, handled + issues_unknown));
        compare("observed", counters.observed, seen);
        // Of those who went away, some may have had their answer already.
        let away = count(&|mail| mail.way == Way::Cancel && mail.back.is_none() && !sent_too);
        compare("answered", counters.answered, counters.answered.clamp(answered, answered + away));
        compare("panics", counters.panics, state.panics);
        compare("restarts", counters.restarts, state.rebirths);
        if sent_too {
            compare("sent", counters.sent, sent);
        }
        faults
    }
}
