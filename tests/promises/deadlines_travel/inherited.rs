//! What a handler sends inherits the deadline of the message it handles, unless it sets another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rohrpost::{Address, Clock, Kernel, ManualClock, Message, Outcome, Sleeper, Time};

use crate::ways::{Do, Habit, Log, Note, Probe, Query, Reply, Shelf, Way, World, handle, hold_on, poll};

const LIMIT: Duration = Duration::from_millis(10);

/// Logs the deadline of what it receives, and sends it on to `next`.
fn passing(log: &Log, next: Option<Address>) -> Habit {
    let log = log.clone();
    Box::new(move |message, ctx| {
        log.note(format!("deadline {:?} {:?}", message.expires(), ctx.expires()));
        if let Some(next) = next {
            ctx.notify(next, Note(1));
            let _ = ctx.request(next, Query(1));
        }
        if message.wants_answer() {
            message.answer(Reply(1));
        }
        Outcome::Handled
    })
}

#[test]
fn a_deadline_travels_over_every_way() {
    for way in Way::ALL {
        let mut world = World::driven();
        let log = world.log.clone();
        let last = world.near("d", passing(&log, None));
        let third = world.far("c", passing(&log, Some(last)));
        let route = world.route(way, passing(&log, Some(third)));
        world.along(&route, |_, ctx, to| ctx.within(LIMIT).notify(to, Note(1)));
        let due = Some(Time::START.after(LIMIT));
        let seen = world.log.of("deadline");
        // One message reaches `b`, two `c`, four `d`.
        assert_eq!(seen.len(), 7, "expected three hops by {way:?}: {seen:?}");
        let expected = format!("deadline {due:?} {due:?}");
        assert!(seen.iter().all(|line| *line == expected), "expected {expected} everywhere by {way:?}: {seen:?}");
        world.balanced();
    }
}

#[test]
fn the_deadline_of_a_question_from_outside_travels_too() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let keeper = world.far("keeper", hold_on(&shelf));
    let first = world.near("a", passing(&world.log, Some(keeper)));
    world.settle();
    let mut ask = world.kernel.ask(first, Query(1)).timeout(LIMIT);
    assert!(poll(&mut ask).is_none(), "expected the question to be under way");
    world.settle();
    let due = Time::START.after(LIMIT);
    assert_eq!(world.worker(0).next_deadline(), Some(due), "expected the request of the handler to have it");
    let held = shelf.take();
    assert_eq!(held.len(), 2, "expected a notification and a request");
    for held in &held {
        assert_eq!(held.message().expires(), Some(due), "expected the deadline of the question");
    }
    drop(held);
}

#[test]
fn a_handler_may_set_a_deadline_of_its_own() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let keeper = world.near("keeper", hold_on(&shelf));
    let limits = [LIMIT / 2, LIMIT * 2, Duration::MAX];
    let setting: Habit = Box::new(move |_, ctx| {
        for limit in limits {
            let inner = ctx.within(limit);
            inner.notify(keeper, Note(1));
            let _ = inner.request(keeper, Query(1));
            inner.send(Message::notification(keeper, Note(1)));
        }
        Outcome::Handled
    });
    let route = world.route(Way::Direct, setting);
    world.along(&route, |_, ctx, to| ctx.within(LIMIT).notify(to, Note(1)));
    let expected: Vec<Option<Time>> = limits
        .into_iter()
        .flat_map(|limit| [Some(Time::START.after(limit)).filter(|due| *due != Time::NEVER); 3])
        .collect();
    let held = shelf.take();
    let seen: Vec<Option<Time>> = held.iter().map(|held| held.message().expires()).collect();
    assert_eq!(seen, expected, "expected what the handler set, shorter or longer than what it inherits");
}

#[test]
fn a_message_built_by_hand_keeps_the_deadline_it_has() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let keeper = world.near("keeper", hold_on(&shelf));
    let deadlines = [Time::START.after(LIMIT / 2), Time::START.after(LIMIT * 2)];
    let sending: Habit = Box::new(move |_, ctx| {
        for deadline in deadlines {
            ctx.send(Message::notification(keeper, Note(1)).deadline(deadline));
            ctx.send(Message::request(keeper, Query(1)).deadline(deadline));
        }
        ctx.send(Message::notification(keeper, Note(1)));
        Outcome::Handled
    });
    let route = world.route(Way::Direct, sending);
    world.along(&route, |_, ctx, to| ctx.within(LIMIT).notify(to, Note(1)));
    let inherited = Time::START.after(LIMIT);
    let [short, long] = deadlines;
    let held = shelf.take();
    let seen: Vec<Time> = held.iter().filter_map(|held| held.message().expires()).collect();
    assert_eq!(seen, [short, short, long, long, inherited], "expected the deadline of each, else the handler's");
}

#[test]
fn a_message_keeps_its_deadline_while_it_is_held_and_forwarded() {
    for way in [Way::Forwarded, Way::ForwardedByFar, Way::Held, Way::HeldOutside] {
        let mut world = World::driven();
        let log = world.log.clone();
        let route = world.route(way, passing(&log, None));
        world.along(&route, |_, ctx, to| {
            let _ = ctx.within(LIMIT).request(to, Query(1));
        });
        let due = Some(Time::START.after(LIMIT));
        let expected = [format!("deadline {due:?} {due:?}")];
        assert_eq!(world.log.of("deadline"), expected, "expected the sender's deadline by {way:?}");
    }
}

#[test]
fn without_a_deadline_nobody_has_one() {
    let mut world = World::driven();
    let log = world.log.clone();
    let last = world.far("c", passing(&log, None));
    let route = world.route(Way::Direct, passing(&log, Some(last)));
    world.along(&route, |_, ctx, to| ctx.notify(to, Note(1)));
    assert_eq!(world.log.of("deadline"), ["deadline None None"; 3], "expected no deadline to come from nowhere");
    assert_eq!(world.worker(0).next_deadline(), None, "expected nobody to watch the clock");
}

#[test]
fn the_time_stands_still_within_a_turn() {
    let mut world = World::driven();
    let (first, second) = (world.near("a", handle()), world.near("b", handle()));
    let clock = world.clock.clone();
    world.have(first, move |probe, ctx| {
        let before = ctx.now();
        clock.advance(LIMIT);
        let within = ctx.now();
        let log = probe.log.clone();
        ctx.notify(
            second,
            Do::new(move |_, ctx| log.note(format!("same {}", before == within && within == ctx.now()))),
        );
    });
    assert_eq!(world.log.of("same"), ["same true"], "expected one moment for all handlers of a turn");
    world.have(first, |probe, ctx| probe.log.note(format!("now {:?}", ctx.now())));
    let now = format!("now {:?}", Time::START.after(LIMIT));
    assert_eq!(world.log.of("now"), [now], "expected the next turn to look at the clock again");
}

/// A clock that counts how often it is read.
#[derive(Debug, Default)]
struct Counting {
    clock: ManualClock,
    reads: AtomicUsize,
}

impl Clock for Counting {
    fn now(&self) -> Time {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.clock.now()
    }

    fn sleep_until(&self, deadline: Time) -> Option<Duration> {
        self.clock.sleep_until(deadline)
    }

    fn follow(&self, sleeper: std::sync::Weak<dyn Sleeper>) {
        self.clock.follow(sleeper);
    }
}

#[test]
fn the_clock_is_read_once_a_turn_however_many_messages_have_a_deadline() {
    let clock = Arc::new(Counting::default());
    let kernel = Kernel::builder("counting").clock(clock.clone()).start().unwrap();
    let (space, mut worker) = kernel.namespace("space").driven().unwrap();
    let log = Log::default();
    let receiver = space.register(Probe::new("b", &log, handle())).unwrap();
    let sender = space.register(Probe::new("a", &log, handle())).unwrap();
    worker.run_until_idle();
    let send = |sends: u32, timed: bool| {
        Do::new(move |_, ctx| {
            let ctx = if timed { &ctx.within(LIMIT) } else { &*ctx };
            for number in 0..sends {
                ctx.notify(receiver, Note(number));
            }
        })
    };
    let mut reads = |step: Do| {
        kernel.notify(sender, step).unwrap();
        let before = clock.reads.load(Ordering::SeqCst);
        assert!(worker.run_once(), "expected a turn");
        clock.reads.load(Ordering::SeqCst) - before
    };
    assert_eq!(reads(send(1000, false)), 0, "expected nobody to look at the clock without need");
    assert_eq!(reads(send(1000, true)), 1, "expected one look at the clock for a thousand messages");
    assert_eq!(log.of("b got").len(), 2000, "expected all to be handled");
}

#[test]
fn a_turn_begins_with_its_own_time_also_where_targets_are_built() {
    let mut world = World::driven();
    let asker = world.near("a", handle());
    world.have(asker, |_, ctx| {
        let _ = ctx.now();
    });
    world.clock.advance(Duration::from_secs(3600));
    let now = world.worker(0).build(|thread| thread.now());
    assert_eq!(now, Time::START.after(Duration::from_secs(3600)), "expected the time of now, not of the last turn");
}
