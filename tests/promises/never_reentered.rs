//! Promise 3: mail for a target that is not idle waits on its thread; it is delivered in the order of arrival, after
//! the outermost dispatch, before newer mail from other threads; 64 deliveries in a row are the most before others get
//! a turn; nesting is bounded by count and by the stack.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rohrpost::{Address, Code, Context, Message, Outcome, Target, record};

use crate::ways::{DEPTH, Do, Note, Probe, Query, Shelf, Way, World, forward_to, handle, hold_on};

/// The longest row of deliveries from the waiting list.
const BURST: usize = 64;

#[test]
fn mail_for_a_target_on_the_stack_or_past_the_depth_waits_until_the_outermost_handler_has_returned() {
    for way in [Way::Reentered, Way::TooDeep] {
        for mut world in World::both() {
            let route = world.route(way, handle());
            let outer = world.near("outer", handle());
            let b = route.b;
            let mut inner = world.log.clone();
            let below: Vec<Address> = match way {
                Way::Reentered => vec![b],
                _ => (2..DEPTH).map(|_| world.near("below", handle())).collect(),
            };
            let log = std::mem::take(&mut inner);
            let a = route.a;
            world.settle();
            world.log.take();
            world.have(outer, move |_, ctx| {
                let (first, step) = Do::new(move |me, ctx| {
                    ctx.notify(b, Note(1));
                    let _ = ctx.request(b, Query(2));
                    me.log.note("a returns");
                })
                .on_top_of(&below, a);
                ctx.notify(first, step);
                log.note("outer returns");
            });
            let expected = ["a returns", "outer returns", "b got 1", "b got 2", "a back 2 OK"];
            assert_eq!(world.log.lines(), expected, "expected the mail after the outermost handler, {way:?}");
        }
    }
}

#[test]
fn a_target_is_never_entered_twice_however_long_the_circle_is() {
    /// Passes a note with a smaller number on to the next, and asserts that it is not inside already.
    struct Link {
        next: Address,
        inside: bool,
        most: Arc<AtomicUsize>,
        nested: Arc<AtomicUsize>,
    }

    #[derive(Clone, Debug)]
    struct Next(Address);
    record!(Next, "never-reentered.next");

    impl Target for Link {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            if let Some(Next(next)) = message.take() {
                self.next = next;
                return Outcome::Handled;
            }
            assert!(!std::mem::replace(&mut self.inside, true), "expected not to be inside already");
            let nested = self.nested.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(nested, Ordering::SeqCst);
            if let Some(&Note(left @ 1..)) = message.record() {
                ctx.notify(self.next, Note(left - 1));
                if left % 3 == 0 {
                    let _ = ctx.request(self.next, Note(0));
                }
            }
            self.nested.fetch_sub(1, Ordering::SeqCst);
            self.inside = false;
            Outcome::Handled
        }
    }

    for links in [1, 2, 3, DEPTH - 1, DEPTH, DEPTH + 1, 50] {
        for mut world in World::both() {
            let (most, nested) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let link = |next| Link { next, inside: false, most: most.clone(), nested: nested.clone() };
            let first = world.near.register(link("nobody".parse().unwrap())).unwrap();
            let last = (1..links).fold(first, |next, _| world.near.register(link(next)).unwrap());
            world.kernel.notify(first, Next(last)).unwrap();
            world.kernel.notify(first, Note(300)).unwrap();
            world.settle();
            let counters = world.balanced();
            assert_eq!(counters.panics, 0, "expected nobody to be re-entered, {links} links");
            assert_eq!(counters.returned + counters.dead_letters, 0, "expected all to be handled: {counters:?}");
            let most = most.load(Ordering::SeqCst);
            assert_eq!(most, links.min(DEPTH), "expected to nest as deep as there are idle targets, {links} links");
        }
    }
}

#[test]
fn waiting_mail_is_delivered_in_the_order_of_arrival_across_receivers() {
    let mut world = World::driven();
    let targets = [world.near("b", handle()), world.near("c", handle())];
    let a = world.near("a", handle());
    world.settle();
    world.log.take();
    let (first, step) = Do::new(move |_, ctx| {
        for number in 0..6 {
            ctx.notify(targets[number as usize % 2], Note(number));
        }
        ctx.notify(ctx.address(), Note(6));
    })
    .on_top_of(&targets, a);
    world.kernel.notify(first, step).unwrap();
    world.settle();
    let expected = ["b got 0", "c got 1", "b got 2", "c got 3", "b got 4", "c got 5", "a got 6"];
    assert_eq!(world.log.lines(), expected, "expected one order for the whole thread");
}

#[test]
fn waiting_mail_comes_before_newer_mail_from_other_threads_and_from_outside() {
    let mut world = World::driven();
    let route = world.route(Way::Reentered, handle());
    let far = world.far("far", handle());
    let b = route.b;
    world.settle();
    world.log.take();
    let (first, step) =
        Do::new(move |_, ctx| (0..5).for_each(|number| ctx.notify(b, Note(number)))).on_top_of(&[b], route.a);
    world.kernel.notify(first, step).unwrap();
    // These are in the hand-off before near begins.
    world.kernel.notify(b, Note(10)).unwrap();
    world.kernel.notify(far, Do::new(move |_, ctx| ctx.notify(b, Note(11)))).unwrap();
    world.worker(1).run_until_idle();
    world.kernel.notify(b, Note(12)).unwrap();
    world.settle();
    let expected = [0, 1, 2, 3, 4, 10, 11, 12].map(|number| format!("b got {number}"));
    assert_eq!(world.log.of("b got"), expected, "expected what waits first, then the hand-off");
}

#[test]
fn after_64_deliveries_in_a_row_the_hand_off_gets_a_turn() {
    let mut world = World::driven();
    let route = world.route(Way::Reentered, handle());
    let b = route.b;
    let (first, step) =
        Do::new(move |_, ctx| (0..200).for_each(|number| ctx.notify(b, Note(number)))).on_top_of(&[b], route.a);
    let c = world.near("c", handle());
    world.settle();
    world.log.take();
    world.kernel.notify(first, step).unwrap();
    for number in 0..3 {
        world.kernel.notify(c, Note(number)).unwrap();
    }
    world.settle();
    let lines = world.log.lines();
    let places: Vec<usize> = (0..lines.len()).filter(|&place| lines[place].starts_with("c got")).collect();
    let expected = [BURST, 2 * BURST + 1, 3 * BURST + 2];
    assert_eq!(places, expected, "expected one message of the hand-off after each burst");
    let order: Vec<String> = (0..200).map(|number| format!("b got {number}")).collect();
    assert_eq!(world.log.of("b got"), order, "expected what waited in its order");
}

#[test]
fn a_target_that_always_has_mail_for_itself_starves_neither_others_nor_deadlines() {
    /// Sends itself a message for each that it receives.
    struct Busy;
    impl Target for Busy {
        fn receive(&mut self, _message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            ctx.notify(ctx.address(), Note(0));
            Outcome::Handled
        }
    }

    let mut world = World::driven();
    let shelf = Shelf::default();
    let b = world.near("b", hold_on(&shelf));
    let a = world.near("a", handle());
    let busy = world.near.register(Busy).unwrap();
    world.have(a, move |_, ctx| drop(ctx.within(Duration::from_secs(1)).request(b, Query(1))));
    world.log.take();
    for _ in 0..3 * BURST {
        world.kernel.notify(busy, Note(0)).unwrap();
    }
    for number in 0..20 {
        world.kernel.notify(a, Note(number)).unwrap();
    }
    // Every turn takes one message from the hand-off, whatever waits.
    for _ in 0..3 * BURST + 20 {
        assert!(world.worker(0).run_once(), "expected the busy target to have mail always");
    }
    let expected: Vec<String> = (0..20).map(|number| format!("a got {number}")).collect();
    assert_eq!(world.log.take(), expected, "expected the hand-off to be served meanwhile");
    world.clock.advance(Duration::from_secs(2));
    // The notice waits its turn behind what waits already: some 200 messages, 64 a turn.
    for _ in 0..10 {
        world.worker(0).run_once();
    }
    let told = world.log.take();
    assert_eq!(told.len(), 1, "expected a to be told about its deadline meanwhile: {told:?}");
    assert!(told[0].ends_with("EXPIRED"), "expected a to be told that it has passed: {told:?}");
    world.near.deregister(busy).unwrap();
    world.settle();
}

#[test]
fn a_message_that_goes_round_a_circle_of_forwarders_starves_nobody() {
    const HOPS: usize = 64;
    let mut world = World::driven();
    let next = Arc::new(OnceLock::new());
    let known = next.clone();
    let circle = world.near(
        "circle",
        Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
            ctx.forward(message, *known.get().unwrap());
            Outcome::Handled
        }),
    );
    next.set(world.near("circle", forward_to(circle))).unwrap();
    let other = world.near("other", handle());
    let a = world.near("a", handle());
    world.have(other, |_, _| ());
    world.log.take();
    world.kernel.notify(a, Do::new(move |_, ctx| ctx.notify(circle, Note(0)))).unwrap();
    for number in 1..=20 {
        world.kernel.notify(other, Note(number)).unwrap();
    }
    for _ in 0..=20 {
        assert!(world.worker(0).run_once(), "expected the message to go round");
    }
    let expected: Vec<String> = (1..=20).map(|number| format!("other got {number}")).collect();
    assert_eq!(world.log.of("other"), expected, "expected one message of the hand-off each turn");
    let hops = world.log.of("circle").len();
    assert!(hops <= 21 * BURST * (HOPS + 1), "expected a turn to end after some hops, not {hops} in 21 turns");
    world.near.deregister(circle).unwrap();
    world.settle();
    assert_eq!(world.log.of("a back").len(), 1, "expected the message back when the circle is broken");
    world.balanced();
}

#[test]
fn the_waiting_list_is_bounded_and_what_it_does_not_take_comes_back_busy_in_order() {
    for bound in [1, 3] {
        let mut world = World::driven_with(|builder| builder.waiting(bound));
        let route = world.route(Way::Reentered, handle());
        world.along(&route, |_, ctx, to| {
            (0..2).for_each(|number| ctx.notify(to, Note(number)));
            (2..6).for_each(|number| drop(ctx.request(to, Query(number))));
        });
        let taken: Vec<String> = (0..bound).map(|number| format!("b got {number}")).collect();
        assert_eq!(world.log.of("b got"), taken, "expected as many to wait as may, bound {bound}");
        let refused: Vec<String> = (bound..6).map(|number| format!("a back {number} BUSY")).collect();
        let back: Vec<String> = world.log.of("a back").into_iter().filter(|line| line.ends_with("BUSY")).collect();
        assert_eq!(back, refused, "expected the others back at once, bound {bound}");
        // There is room again.
        world.log.take();
        world.along(&route, |_, ctx, to| ctx.notify(to, Note(7)));
        assert_eq!(world.log.of("b got"), ["b got 7"], "expected room again, bound {bound}");
        world.balanced();
    }
}

#[test]
fn answers_and_returns_are_not_refused_by_a_full_waiting_list() {
    let mut world = World::driven_with(|builder| builder.waiting(1));
    let route = world.route(Way::Direct, handle());
    world.along(&route, |_, ctx, to| (0..100).for_each(|number| drop(ctx.request(to, Query(number)))));
    assert_eq!(world.log.of("a back").len(), 100, "expected a hundred answers to wait although one message may");
    let nobody: Address = "nobody".parse().unwrap();
    world.log.take();
    world.have(route.a, move |_, ctx| (0..100).for_each(|number| ctx.notify(nobody, Note(number))));
    assert_eq!(world.log.of("a back").len(), 100, "expected a hundred returns likewise");
}

#[test]
fn by_default_64_targets_nest_and_the_next_ones_wait() {
    let kernel = rohrpost::Kernel::builder("world").start().unwrap();
    let (space, mut worker) = kernel.namespace("default").driven().unwrap();
    let log = crate::ways::Log::default();
    let last = space.register(Probe::new("last", &log, handle())).unwrap();
    let tower: Vec<Address> = (0..64).map(|_| space.register(Probe::new("tower", &log, handle())).unwrap()).collect();
    worker.run_until_idle();
    log.take();
    for (below, expected) in [(63, ["last got 1", "sent"]), (64, ["sent", "last got 1"])] {
        let sent = log.clone();
        let top = tower[below - 1];
        let step = Do::new(move |_, ctx| {
            ctx.notify(last, Note(1));
            sent.note("sent");
        });
        let (first, step) = step.on_top_of(&tower[..below - 1], top);
        kernel.notify(first, step).unwrap();
        worker.run_until_idle();
        assert_eq!(log.take(), expected, "expected this order with {below} targets on the stack");
    }
}

#[test]
fn a_recursion_without_a_bound_of_its_own_ends_before_the_stack_does() {
    const LINKS: u32 = 20_000;
    /// Uses a good deal of stack, and passes on to a new target each time.
    struct Deep(Arc<AtomicUsize>);
    impl Target for Deep {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            let Some(&Note(left)) = message.record() else {
                return Outcome::NotHandled;
            };
            let ballast = std::hint::black_box([left as u8; 4096]);
            if left > 0 {
                let next = ctx.register(Self(self.0.clone())).unwrap();
                ctx.notify(next, Note(left - 1));
            }
            self.0.fetch_add(usize::from(std::hint::black_box(ballast)[17] == left as u8), Ordering::SeqCst);
            ctx.stop();
            Outcome::Handled
        }
    }

    let mut world = World::threaded_with(|builder| builder.depth(1 << 24));
    let handled = Arc::new(AtomicUsize::new(0));
    let first = world.near.register(Deep(handled.clone())).unwrap();
    world.kernel.notify(first, Note(LINKS)).unwrap();
    world.settle();
    assert_eq!(handled.load(Ordering::SeqCst), LINKS as usize + 1, "expected every link, and the thread alive");
    world.balanced();
}

#[test]
fn while_an_answer_is_received_the_requester_is_not_idle() {
    for mut world in World::both() {
        let b = world.near("b", handle());
        let a = world.near("a", handle());
        world.settle();
        world.log.take();
        world.have(a, move |me, ctx| {
            ctx.request(b, Query(1)).then_on(me, move |me, _, ctx| {
                // `b` sends to `a`, whose continuation this is.
                ctx.notify(
                    b,
                    Do::new(move |me, ctx| {
                        ctx.notify(a, Note(2));
                        let code = ctx.call(a, Query(3)).unwrap_err().code();
                        me.log.note(format!("b called {code}"));
                    }),
                );
                me.log.note("a continued");
            });
        });
        let expected = ["b got 1", "b called WOULD_DEADLOCK", "a continued", "a got 2"];
        assert_eq!(world.log.lines(), expected, "expected mail to wait behind the continuation");
    }
}

#[test]
fn mail_for_a_target_that_is_being_started_waits_until_it_has_started() {
    /// Has somebody write to it while it is starting.
    struct Starting {
        helper: Address,
        log: crate::ways::Log,
    }
    impl Target for Starting {
        fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            self.log.note(format!("got {}", crate::ways::label(message)));
            Outcome::Handled
        }

        fn started(&mut self, ctx: &mut Context<'_>) {
            let me = ctx.address();
            ctx.notify(self.helper, Do::new(move |_, ctx| ctx.notify(me, Note(1))));
            self.log.note("started");
        }
    }

    for too_deep in [false, true] {
        let mut world = World::driven();
        let helper = world.near("helper", handle());
        let route = world.route(if too_deep { Way::TooDeep } else { Way::Direct }, handle());
        let log = world.log.clone();
        world.along(&route, move |_, ctx, _| {
            let starting = ctx.register(Starting { helper, log }).unwrap();
            ctx.notify(starting, Note(2));
        });
        let expected: &[&str] = if too_deep { &["started", "got 2", "got 1"] } else { &["started", "got 1", "got 2"] };
        assert_eq!(world.log.lines(), expected, "expected `started` first, too deep: {too_deep}");
        assert_eq!(world.balanced().returned, 0, "expected everything to be handled");
    }
}

#[test]
fn a_request_that_waits_is_answered_as_one_that_does_not() {
    for way in [Way::Reentered, Way::TooDeep] {
        let mut world = World::driven();
        let mut codes = [Code::OK, Code::DENIED].into_iter().cycle();
        let route = world.route(
            way,
            Box::new(move |message, _| {
                message.set_code(codes.next().unwrap());
                Outcome::Handled
            }),
        );
        world.along(&route, |_, ctx, to| (0..4).for_each(|number| drop(ctx.request(to, Note(number)))));
        let expected = ["a back 0 OK", "a back 1 DENIED", "a back 2 OK", "a back 3 DENIED"];
        assert_eq!(world.log.of("a back"), expected, "expected each answer, by {way:?}");
    }
}
