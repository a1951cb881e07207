//! [`Courier`]: a target that sends one message and tells what comes back, of whatever records it is.
//!
//! [`Kernel::ask`](rohrpost::Kernel::ask) would take only the answer that its record names.

use std::sync::mpsc::Sender;

use rohrpost::{Code, Context, Failure, Message, Outcome, Target};
use serde_json::Value;

use crate::known::{self, Known};

/// What came back: the answer's records, or a failure.
pub(crate) type Answer = Result<Vec<Value>, Failure>;

/// Sends when it starts.
pub(crate) struct Courier {
    mail: Option<Message<'static>>,
    known: Vec<Known>,
    back: Sender<Answer>,
}

impl Courier {
    pub(crate) fn new(mail: Message<'static>, back: Sender<Answer>) -> Self {
        Self { mail: Some(mail), known: known::all(), back }
    }
}

impl Target for Courier {
    fn started(&mut self, ctx: &mut Context<'_>) {
        if let Some(mail) = self.mail.take() {
            ctx.send(mail);
        }
    }

    fn receive(&mut self, _: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        Outcome::NotHandled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _: &mut Context<'_>) {
        let answer = match answer.code() {
            Code::OK => Ok(answer.records().map(|record| known::show(&self.known, record)).collect()),
            code => Err(Failure::new(code, answer.text().to_owned())),
        };
        // Nobody waits any more if the command gave up.
        let _ = self.back.send(answer);
    }
}
