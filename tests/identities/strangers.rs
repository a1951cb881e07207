//! Whatever is done to an address of another thread, by another name or far away touches nobody else.

use std::collections::HashSet;
use std::sync::mpsc;

use rohrpost::{Address, Code, Context, HeldMessage, Kernel, Message, Outcome, Setup, Target};

use crate::{Act, Actor, Gate, Named, PATIENCE, Who, kernel, who};

/// Two threads whose targets have the same slots, and somebody on the first who acts.
struct Twins {
    kernel: Kernel,
    actor: Address,
    here: Vec<Address>,
    there: Vec<Address>,
    ends: mpsc::Receiver<(String, Code)>,
}

impl Twins {
    fn new() -> Self {
        let kernel = kernel();
        let space = kernel.namespace("space").threads(2).open().unwrap();
        let (told, ends) = mpsc::channel();
        let actor = space.register(Actor(told)).unwrap();
        let other = space.register_on(1, Named(100)).unwrap();
        let here: Vec<Address> = (1..5).map(|number| space.register_on(0, Named(number)).unwrap()).collect();
        let there: Vec<Address> = (101..105).map(|number| space.register_on(1, Named(number)).unwrap()).collect();
        let place = |address: Address| address.tid().unwrap().raw() & ((1 << 47) - 1);
        for (here, there) in here.iter().zip(&there).chain([(&actor, &other)]) {
            assert_eq!(place(*here), place(*there), "expected the same slot and generation on both threads");
        }
        Self { kernel, actor, here, there, ends }
    }

    /// Has somebody on the first thread do `step`, and waits until it is done.
    fn act(&self, step: impl FnOnce(&mut Context<'_>) + Send + 'static) {
        let (told, done) = mpsc::channel();
        let step = Act::new(move |ctx| {
            step(ctx);
            let _ = told.send(());
        });
        self.kernel.notify(self.actor, step).unwrap();
        done.recv_timeout(PATIENCE).expect("expected the step to be done");
    }

    fn end(&self) -> (String, Code) {
        self.ends.recv_timeout(PATIENCE).expect("expected an end of the request")
    }

    fn everybody_here_is_there(&self) {
        for (index, &target) in self.here.iter().enumerate() {
            assert_eq!(who(&self.kernel, target), Ok(index as u32 + 1), "expected {target} to be untouched");
        }
    }
}

#[test]
fn deregistering_on_another_thread_touches_nobody_here() {
    let twins = Twins::new();
    let there = twins.there.clone();
    twins.act(move |ctx| there.iter().for_each(|&target| assert_eq!(ctx.deregister(target), Ok(()))));
    twins.everybody_here_is_there();
    for &target in &twins.there {
        assert_eq!(who(&twins.kernel, target), Err(Code::NO_TARGET), "expected {target} to have gone");
    }
    let there = twins.there.clone();
    twins.act(move |ctx| {
        there.iter().for_each(|&target| {
            // They have gone already, which this thread cannot tell.
            let _ = ctx.deregister(target);
        });
    });
    twins.everybody_here_is_there();
}

#[test]
fn mail_to_another_thread_reaches_nobody_here() {
    let twins = Twins::new();
    for (index, &target) in twins.there.iter().enumerate() {
        twins.act(move |ctx| {
            drop(ctx.request(target, Who(0)));
            let end = ctx.call(target, Who(0)).map_err(|failure| failure.code());
            assert_eq!(end, Err(Code::WOULD_BLOCK), "expected no call to another thread");
        });
        let expected = ((index + 101).to_string(), Code::OK);
        assert_eq!(twins.end(), expected, "expected the answer of the target there");
    }
    twins.everybody_here_is_there();
}

#[test]
fn mail_to_a_thread_that_has_ended_reaches_nobody_here() {
    let kernel = kernel();
    let near = kernel.namespace("near").open().unwrap();
    let far = kernel.namespace("far").open().unwrap();
    let (told, ends) = mpsc::channel();
    let actor = near.register(Actor(told)).unwrap();
    let local = near.register(Named(1)).unwrap();
    let gone: Vec<Address> = (0..3).map(|number| far.register(Named(100 + number)).unwrap()).collect();
    assert!(far.close(PATIENCE).is_complete(), "expected the thread to end");
    let check = |codes: &[Code]| {
        for &target in &gone {
            let step = Act::new(move |ctx| {
                drop(ctx.request(target, Who(0)));
                assert!(ctx.call(target, Who(0)).is_err(), "expected nobody there");
                // With another worker in that place this thread cannot tell that nobody goes.
                let _ = ctx.deregister(target);
            });
            kernel.notify(actor, step).unwrap();
            let (_, code) = ends.recv_timeout(PATIENCE).expect("expected an end of the request");
            assert!(codes.contains(&code), "expected one of {codes:?}, not {code}");
            assert_eq!(who(&kernel, local), Ok(1), "expected the local target to be untouched");
        }
    };
    check(&[Code::NO_NAMESPACE, Code::STOPPED]);
    let again = kernel.namespace("far").open().unwrap();
    let next: Vec<Address> = (0..3).map(|number| again.register(Named(200 + number)).unwrap()).collect();
    check(&[Code::NO_TARGET]);
    assert_eq!(who(&kernel, next[0]), Ok(200), "expected the new targets to be untouched");
    assert_eq!(kernel.counters().panics, 0, "expected the handlers to see what they expected");
}

#[test]
fn what_is_forwarded_to_another_thread_reaches_nobody_here_however_far_it_has_come() {
    let twins = Twins::new();
    let space = twins.kernel.namespace("space").open().unwrap();
    // Beyond some number of gates in a row a message gives others a turn.
    for gates in [1, 63, 64, 65, 130] {
        for (index, &target) in twins.there.iter().enumerate() {
            let first = (0..gates).fold(target, |next, _| space.register(Gate(next)).unwrap());
            twins.act(move |ctx| drop(ctx.request(first, Who(0))));
            let expected = ((index + 101).to_string(), Code::OK);
            assert_eq!(twins.end(), expected, "expected the answer of the target there behind {gates} gates");
        }
        twins.everybody_here_is_there();
    }
}

#[test]
fn what_is_forwarded_by_name_arrives_however_far_it_has_come() {
    let twins = Twins::new();
    let space = twins.kernel.namespace("space").open().unwrap();
    let there = twins.kernel.namespace("elsewhere").open().unwrap();
    there.register_as("end", Named(7)).unwrap();
    let ends: [(&str, &str, Code); 5] = [
        ("end.elsewhere.", "7", Code::OK),
        ("nobody.elsewhere.", "", Code::NO_TARGET),
        ("nobody", "", Code::NO_TARGET),
        ("end.nowhere.", "", Code::NO_NAMESPACE),
        ("end.elsewhere.mars", "", Code::NO_NODE),
    ];
    for gates in [1, 63, 64, 65, 130] {
        for (to, answer, code) in ends {
            let to: Address = to.parse().unwrap();
            let first = (0..gates).fold(to, |next, _| space.register(Gate(next)).unwrap());
            twins.act(move |ctx| drop(ctx.request(first, Who(0))));
            assert_eq!(twins.end(), (answer.to_owned(), code), "expected the end at {to} behind {gates} gates");
        }
    }
    twins.everybody_here_is_there();
}

#[test]
fn what_a_handler_registers_through_its_namespace_gets_the_mail_it_sends_next() {
    let kernel = kernel();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    let (told, ends) = mpsc::channel();
    let actor = space.register(Actor(told)).unwrap();
    for thread in [0, 1] {
        let inside = space.clone();
        let step = Act::new(move |ctx| {
            let target = inside.register_on(thread, Named(40)).unwrap();
            drop(ctx.request(target, Who(0)));
            let named =
                inside.register_with(Setup::new().thread(thread).name(format!("n{thread}")), Named(41)).unwrap();
            drop(ctx.request(named, Who(0)));
        });
        kernel.notify(actor, step).unwrap();
        for number in ["40", "41"] {
            let end = ends.recv_timeout(PATIENCE).expect("expected an end of the request");
            assert_eq!(end, (number.to_owned(), Code::OK), "expected the target on thread {thread} to get its mail");
        }
    }
}

#[test]
fn request_ids_of_one_thread_are_all_different() {
    let twins = Twins::new();
    let (told, ids) = mpsc::channel();
    for _ in 0..3 {
        let (told, targets) = (told.clone(), [twins.here[0], twins.there[0], twins.here[1]]);
        twins.act(move |ctx| {
            for _ in 0..100 {
                let sent = targets.map(|target| ctx.request(target, Who(0)).id());
                let by_hand = ctx.send(Message::request(targets[0], Who(0)));
                told.send((sent, by_hand)).unwrap();
            }
        });
    }
    drop(told);
    let mut seen = HashSet::new();
    for (sent, by_hand) in ids {
        for id in sent.into_iter().chain(by_hand) {
            assert!(seen.insert(id), "expected {id:?} to be new");
        }
    }
    assert_eq!(seen.len(), 1_200, "expected an id of each request");
}

#[test]
fn an_address_without_a_namespace_or_node_means_the_senders_own() {
    let kernel = kernel();
    let (first, second) = (kernel.namespace("first").open().unwrap(), kernel.namespace("second").open().unwrap());
    first.register_as("echo", Named(1)).unwrap();
    second.register_as("echo", Named(2)).unwrap();
    let (told, ends) = mpsc::channel();
    let actor = first.register(Actor(told)).unwrap();
    for (to, answer) in [("echo", "1"), ("echo.second", "2"), ("echo..identities", "1"), ("echo.first.identities", "1")]
    {
        let to: Address = to.parse().unwrap();
        kernel.notify(actor, Act::new(move |ctx| drop(ctx.request(to, Who(0))))).unwrap();
        let end = ends.recv_timeout(PATIENCE).expect("expected an end of the request");
        assert_eq!(end, (answer.to_owned(), Code::OK), "expected {to} to be completed from the sender");
    }
    assert_eq!(who(&kernel, "echo.second".parse().unwrap()), Ok(2), "expected the node to be completed from outside");
}

/// Sends what it is given, by hand, and tells the addresses on what comes back.
struct Echoing(mpsc::Sender<(Option<Address>, Option<Address>, Code)>);

impl Target for Echoing {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(Act(step)) = message.take() {
            step(ctx);
        }
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        let _ = self.0.send((answer.sender(), answer.receiver(), answer.code()));
    }
}

/// Holds everything and gives it away.
struct Holder(mpsc::Sender<HeldMessage>);

impl Target for Holder {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let _ = self.0.send(ctx.hold(message).expect("expected the message to be held"));
        Outcome::Handled
    }
}

#[test]
fn what_comes_back_says_from_where_and_is_addressed_to_its_sender() {
    let kernel = kernel();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    let (told, ends) = mpsc::channel();
    let (gave, taken) = mpsc::channel();
    let sender = space.register(Echoing(told)).unwrap();
    let echo = space.register_on(1, Named(1)).unwrap();
    let holder = space.register_on(1, Holder(gave)).unwrap();
    let complete = |to: &str| to.parse::<Address>().unwrap().completed_from(space.address().on_node(kernel.node()));
    for (to, code) in [
        (echo, Code::OK),
        (complete("nobody"), Code::NO_TARGET),
        (complete("nobody.nowhere"), Code::NO_NAMESPACE),
        (complete("nobody.space.mars"), Code::NO_NODE),
    ] {
        let direct = Act::new(move |ctx| drop(ctx.request(to, Who(0))));
        let gate = space.register(Gate(to)).unwrap();
        let forwarded = Act::new(move |ctx| drop(ctx.request(gate, Who(0))));
        let held = Act::new(move |ctx| drop(ctx.request(holder, Who(0))));
        for (way, step) in [("direct", direct), ("forwarded", forwarded), ("held", held)] {
            kernel.notify(sender, step).unwrap();
            if way == "held" {
                taken.recv_timeout(PATIENCE).expect("expected the message to be held").forward(to);
            }
            let end = ends.recv_timeout(PATIENCE).expect("expected an end of the request");
            assert_eq!(end, (Some(to), Some(sender), code), "expected these addresses of a {way} request");
        }
    }
}
