//! [`Rest`]: the times in which a worker has nothing to do.

use std::time::{Duration, Instant};

use crate::abroad::Abroad;
use crate::habit::Habit;
use crate::idle::{Idle, Manner};

/// How a worker waits for something to do.
pub(super) struct Rest {
    policy: Idle,
    habit: Habit,
    /// What it does this time; `None` while there is something to do.
    now: Option<Wait>,
    /// When it began to spin.
    pub(super) since: Option<Instant>,
}

/// One time of having nothing to do.
struct Wait {
    manner: Manner,
    /// If it is for one answer of another node.
    answer: Option<Answer>,
}

struct Answer {
    asked: Instant,
    /// So many had come before.
    closed: u64,
    /// How long something took to come, the answer or other mail.
    took: Option<Duration>,
}

impl Rest {
    pub(super) fn new(policy: Idle) -> Self {
        Self { policy, habit: Habit::NEW, now: None, since: None }
    }

    /// Nothing is there to do; what to do about it.
    pub(super) fn begin(&mut self, abroad: &Abroad) -> Manner {
        let Self { policy, habit, now, .. } = self;
        now.get_or_insert_with(|| Wait::choose(*policy, habit, abroad)).manner
    }

    /// Something has come.
    pub(super) fn found(&mut self) {
        if let Some(Wait { answer: Some(answer), .. }) = &mut self.now {
            answer.took = Some(answer.asked.elapsed());
        }
    }

    /// What has come is done.
    #[inline]
    pub(super) fn end(&mut self, abroad: &Abroad) {
        if self.now.is_some() {
            self.learn(abroad);
        }
    }

    fn learn(&mut self, abroad: &Abroad) {
        self.since = None;
        if let Some(Wait { answer: Some(Answer { closed, took: Some(took), .. }), .. }) = self.now.take()
            && abroad.closed() != closed
        {
            self.habit.learn(took);
        }
    }
}

impl Wait {
    fn choose(policy: Idle, habit: &Habit, abroad: &Abroad) -> Self {
        let dealt = abroad.take_dealt();
        match (policy, abroad.open()) {
            (Idle::Adaptive, 1) => {
                let answer = Answer { asked: Instant::now(), closed: abroad.closed(), took: None };
                Self { manner: habit.manner(), answer: Some(answer) }
            }
            // Several answers come when they come: how long each took nobody can say.
            (Idle::Adaptive, open) if open > 1 || dealt => Self { manner: Manner::PARK, answer: None },
            (policy, _) => Self { manner: policy.into(), answer: None },
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::future::Future as _;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context as Task, Waker};

    use super::Rest;
    use crate::abroad::Abroad;
    use crate::address::Address;
    use crate::context::Context;
    use crate::core::Core;
    use crate::habit::Habit;
    use crate::held::HeldMessage;
    use crate::id::{Nid, NodeId};
    use crate::idle::{Idle, Manner};
    use crate::kernel::Kernel;
    use crate::message::Message;
    use crate::origin::{Origin, Stub};
    use crate::port::{Inlet, Port};
    use crate::sync::Mutex;
    use crate::target::{Outcome, Target};

    /// Reaches one node, and keeps what is for it.
    #[derive(Debug, Default)]
    struct Locker(Mutex<Option<Inlet>>, Mutex<Vec<HeldMessage>>);

    impl Port for Locker {
        fn reaches(&self, node: NodeId) -> bool {
            node == THERE.node
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
    const NOWHERE: Address = THERE.on_node(NodeId::name("nowhere"));

    /// Answers requests; for anything else asks another node, and tells it something.
    struct Clerk(Address);

    impl Target for Clerk {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            if message.wants_answer() {
                message.answer(());
            } else {
                let _ = ctx.request(self.0, ());
                ctx.notify(self.0, ());
            }
            Outcome::Handled
        }
    }

    #[test]
    fn a_worker_knows_what_it_has_given_other_nodes_and_what_they_owe_it() {
        let kernel = Kernel::builder("here").start().expect("a kernel");
        let locker = Arc::new(Locker::default());
        kernel.attach(locker.clone());
        let (_space, mut worker) = kernel.namespace("app").driven().expect("a namespace");
        let core = worker.build(|_| Core::current().expect("the worker runs"));
        let clerk = worker.build(|thread| thread.register(Clerk(THERE))).expect("a target");
        let astray = worker.build(|thread| thread.register(Clerk(NOWHERE))).expect("a target");
        let mut look = || {
            worker.run_until_idle();
            (core.abroad.take_dealt(), core.abroad.open(), core.abroad.closed())
        };
        let mut question = kernel.ask(clerk, ());
        let _ = Pin::new(&mut question).poll(&mut Task::from_waker(Waker::noop()));
        assert_eq!(look(), (false, 0, 0), "expected an answer to this node to be none");
        let inlet = locker.0.lock().expect("the inlet").clone().expect("an inlet");
        inlet.bring(Message::request(clerk, ()), Origin::new().stub(Stub::default()));
        assert_eq!(look(), (true, 0, 0));
        kernel.notify(clerk, ()).expect("it is sent");
        assert_eq!(look(), (true, 1, 0));
        locker.1.lock().expect("the mail").remove(0).answer(());
        assert_eq!(look(), (false, 0, 1));
        kernel.notify(astray, ()).expect("it is sent");
        let (_, open, closed) = look();
        assert_eq!((open, closed), (0, 1), "expected what has not left to be owed by nobody");
    }

    /// Gives another node a question.
    fn ask(abroad: &Abroad) -> Message<'static> {
        let mut question = Message::request(THERE, ());
        abroad.give(&mut question, true);
        question
    }

    #[test]
    fn a_worker_waits_by_what_it_has_with_other_nodes_unless_its_policy_says_how() {
        let first = |policy: Idle, abroad: &Abroad| Rest::new(policy).begin(abroad);
        let abroad = Abroad::default();
        assert_eq!(first(Idle::Adaptive, &abroad), Idle::Adaptive.into());
        abroad.deal();
        assert_eq!(first(Idle::Adaptive, &abroad), Manner::PARK);
        assert_eq!(first(Idle::Adaptive, &abroad), Idle::Adaptive.into(), "expected it to count once");
        let _question = ask(&abroad);
        assert_eq!(first(Idle::Adaptive, &abroad), Habit::NEW.manner());
        let _another = ask(&abroad);
        assert_eq!(first(Idle::Adaptive, &abroad), Manner::PARK);
        assert_eq!(first(Idle::Spin, &abroad), Idle::Spin.into());
    }

    #[test]
    fn a_worker_learns_from_the_answer_to_its_only_question() {
        let (abroad, mut rest) = (Abroad::default(), Rest::new(Idle::Adaptive));
        let mut waits_until_it_spins = |answered: bool, questions: usize| {
            let mut waits = 0;
            while rest.habit.manner() == Manner::PARK && waits < 1000 {
                let mut questions: Vec<_> = (0..questions).map(|_| ask(&abroad)).collect();
                rest.begin(&abroad);
                rest.found();
                questions.iter_mut().filter(|_| answered).for_each(|question| abroad.close(question));
                rest.end(&abroad);
                questions.iter_mut().for_each(|question| abroad.close(question));
                waits += 1;
            }
            waits
        };
        assert_eq!(waits_until_it_spins(false, 1), 1000, "expected other mail to teach nothing");
        assert_eq!(waits_until_it_spins(true, 2), 1000, "expected several answers to teach nothing");
        assert!(waits_until_it_spins(true, 1) < 1000, "expected it to try to spin");
    }
}
