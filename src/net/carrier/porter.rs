//! [`Porter`]: the target that does the carrier's work, but for what is done in passing.

use std::sync::Arc;

use crate::clock::Time;
use crate::context::Context;
use crate::message::Message;
use crate::monitor::{Change, Filter};
use crate::net::intake::{Intake, Wake};
use crate::target::{Outcome, Target};
use crate::timers::arming::Timer;

/// See the module. With it the carrier goes.
pub(crate) struct Porter {
    intake: Arc<Intake>,
    alarm: Option<(Time, Timer)>,
}

impl Porter {
    pub(crate) const fn new(intake: Arc<Intake>) -> Self {
        Self { intake, alarm: None }
    }

    /// Has itself woken when the next link is to be looked at.
    fn set_alarm(&mut self, next: Option<Time>, ctx: &Context<'_>) {
        if next == self.alarm.map(|(due, _)| due) {
            return;
        }
        if let Some((_, old)) = self.alarm.take() {
            ctx.cancel(old);
        }
        self.alarm = next.and_then(|due| Some((due, ctx.timer(Wake).at(due).ok()?)));
    }
}

impl Target for Porter {
    fn started(&mut self, ctx: &mut Context<'_>) {
        // The thread has just begun, so there is room.
        let _ = ctx.monitor(Filter::new().services());
    }

    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let change = message.record::<Change>();
        if change.is_none() && message.record::<Wake>().is_none() {
            return Outcome::NotHandled;
        }
        if ctx.tick().is_some() {
            self.alarm = None;
        }
        let next = self.intake.with_carrier(|carrier| {
            if let Some(change) = change {
                carrier.note_change(&change.event, ctx.now());
            }
            carrier.work(ctx);
            carrier.next_deadline()
        });
        self.set_alarm(next.flatten(), ctx);
        Outcome::Handled
    }
}

impl Drop for Porter {
    fn drop(&mut self) {
        self.intake.dismiss();
    }
}
