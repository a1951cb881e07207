//! [`Rest`]: the times in which a worker has nothing to do.

use std::cell::Cell;
use std::time::Instant;

use crate::core::Errand;
use crate::habit::Habit;
use crate::idle::{Idle, Manner};

/// How a worker waits for something to do.
pub(super) struct Rest {
    policy: Idle,
    habit: Habit,
    /// What it does this time; `None` while there is something to do.
    now: Option<Manner>,
    /// When this time began to be measured.
    pub(super) since: Option<Instant>,
    /// Whether something is learnt from it.
    learns: bool,
}

impl Rest {
    pub(super) fn new(policy: Idle) -> Self {
        Self { policy, habit: Habit::NEW, now: None, since: None, learns: false }
    }

    /// Nothing is there to do; what to do about it, after that errand.
    pub(super) fn begin(&mut self, errand: &Cell<Errand>) -> Manner {
        *self.now.get_or_insert_with(|| match (self.policy, errand.replace(Errand::Nothing)) {
            (Idle::Adaptive, Errand::Question) => {
                (self.learns, self.since) = (true, Some(Instant::now()));
                self.habit.manner()
            }
            (Idle::Adaptive, Errand::Mail) => Manner::PARK,
            (policy, _) => policy.into(),
        })
    }

    /// There is something.
    #[inline]
    pub(super) fn end(&mut self) {
        if self.now.take().is_some() {
            let since = self.since.take();
            if let Some(since) = since.filter(|_| std::mem::take(&mut self.learns)) {
                self.habit.learn(since.elapsed());
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;
    use std::future::Future as _;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context as Task, Waker};

    use super::Rest;
    use crate::address::Address;
    use crate::context::Context;
    use crate::core::{Core, Errand};
    use crate::held::HeldMessage;
    use crate::id::{Nid, NodeId};
    use crate::idle::{Idle, Manner};
    use crate::kernel::Kernel;
    use crate::message::Message;
    use crate::origin::{Origin, Stub};
    use crate::port::{Inlet, Port};
    use crate::sync::Mutex;
    use crate::target::{Outcome, Target};

    /// Reaches any node, and keeps what is for it.
    #[derive(Debug, Default)]
    struct Locker(Mutex<Option<Inlet>>, Mutex<Vec<HeldMessage>>);

    impl Port for Locker {
        fn reaches(&self, _: NodeId) -> bool {
            true
        }
        fn start(&self, inlet: Inlet) {
            *self.0.lock().expect("the inlet") = Some(inlet);
        }
        fn deliver(&self, mail: HeldMessage) {
            self.1.lock().expect("the mail").push(mail);
        }
        fn stop(&self) {}
    }

    const THERE: Address = Address::service(Nid::name("app")).on_node(NodeId::name("there"));

    /// Answers requests; for anything else asks another node, and tells it something.
    struct Clerk;

    impl Target for Clerk {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            if message.wants_answer() {
                message.answer(());
            } else {
                let _ = ctx.request(THERE, ());
                ctx.notify(THERE, ());
            }
            Outcome::Handled
        }
    }

    #[test]
    fn a_worker_knows_whether_it_has_asked_other_nodes_or_given_them_anything_else() {
        let kernel = Kernel::builder("here").start().expect("a kernel");
        let locker = Arc::new(Locker::default());
        kernel.attach(locker.clone());
        let (_space, mut worker) = kernel.namespace("app").driven().expect("a namespace");
        let (clerk, core) =
            worker.build(|builder| (builder.register(Clerk), Core::current().expect("the worker runs")));
        let clerk = clerk.expect("a target");
        let mut errand = || {
            worker.run_until_idle();
            core.errand.replace(Errand::Nothing)
        };
        let mut question = kernel.ask(clerk, ());
        let _ = Pin::new(&mut question).poll(&mut Task::from_waker(Waker::noop()));
        assert_eq!(errand(), Errand::Nothing, "expected an answer to this node to be none");
        let inlet = locker.0.lock().expect("the inlet").clone().expect("an inlet");
        inlet.bring(Message::request(clerk, ()), Origin::new().stub(Stub::default()));
        assert_eq!(errand(), Errand::Mail, "expected an answer to another node to be known");
        kernel.notify(clerk, ()).expect("it is sent");
        assert_eq!(errand(), Errand::Question, "expected a question to count for more than what follows it");
    }

    #[test]
    fn a_worker_waits_by_what_it_has_given_other_nodes_unless_its_policy_says_how() {
        let errand = Cell::new(Errand::Nothing);
        let wait = |policy: Idle, last: Errand| {
            errand.set(last);
            let mut rest = Rest::new(policy);
            let manner = rest.begin(&errand);
            assert_eq!(errand.get(), Errand::Nothing, "expected the errand to count once");
            errand.set(Errand::Question);
            assert_eq!(rest.begin(&errand), manner, "expected it to stay with that until there is something to do");
            (manner, rest.learns)
        };
        assert_eq!(wait(Idle::Adaptive, Errand::Nothing), (Idle::Adaptive.into(), false));
        assert_eq!(wait(Idle::Adaptive, Errand::Mail), (Manner::PARK, false));
        assert_eq!(
            wait(Idle::Adaptive, Errand::Question),
            (Manner::PARK, true),
            "expected it to have learnt nothing yet"
        );
        for last in [Errand::Nothing, Errand::Mail, Errand::Question] {
            assert_eq!(wait(Idle::Spin, last), (Idle::Spin.into(), false));
        }
    }
}
