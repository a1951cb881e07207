//! Deferral, modal states, and what else a state does with events that nobody takes.

use crate::rig::{Probe, Rig, builder, flagged, noted, noting, to};
use rohrpost::machine::{EventId, Machine, Model, Policy, State, Table, TooManyDeferred, Transition, Verdict};
use std::time::Duration;

#[test]
fn a_deferral_is_overridden_by_a_transition_at_or_inside_the_deferring_state_only() {
    let (builder, [x]) = builder(["x"]);
    let mut rig = Rig::start(builder.initial(to("a")).on(x, noting(Transition::internal(), "root")).state(
        noted("s").initial(to("a")).defer(x).state(noted("a").on(x, flagged(noting(Transition::internal(), "inside")))),
    ));
    assert_eq!(rig.dispatch(x).verdict(), Verdict::Deferred);
    rig.probe.flag = true;
    rig.log();
    assert_eq!(rig.run(x), "inside");
}

#[test]
fn a_deferral_is_not_overridden_by_a_sibling_region() {
    let (builder, [x, y]) = builder(["x", "y"]);
    let mut rig =
        Rig::start(builder.initial(to("p")).state(
            State::parallel("p").state(noted("l").defer(x)).state(
                noted("r").on(x, noting(Transition::internal(), "r")).on(y, noting(Transition::internal(), "y")),
            ),
        ));
    rig.log();
    assert_eq!(rig.dispatch(x).verdict(), Verdict::Deferred);
    assert_eq!(rig.run(y), "y");
}

#[test]
fn a_guarded_deferral_asks_each_time() {
    let (builder, [x]) = builder(["x"]);
    let mut rig =
        Rig::start(builder.initial(to("a")).state(State::new("a").defer_if(x, |probe: &Probe, _, _| probe.flag)));
    assert_eq!(rig.dispatch(x).verdict(), Verdict::Unhandled);
    rig.probe.flag = true;
    assert_eq!(rig.dispatch(x).verdict(), Verdict::Deferred);
}

#[test]
fn leaving_a_deferring_state_says_that_it_is_time_to_recall() {
    let (builder, [x, y]) = builder(["x", "y"]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(noted("a").defer(x).on(y, to("b")))
            .state(noted("b").on(y, to("c")))
            .state(noted("c")),
    );
    assert!(rig.dispatch(y).recall());
    assert!(!rig.dispatch(y).recall());
}

#[test]
fn a_modal_state_lets_through_only_what_it_lists() {
    for (policy, verdict) in
        [(Policy::Defer, Verdict::Deferred), (Policy::Reject, Verdict::Rejected), (Policy::Drop, Verdict::Dropped)]
    {
        let (builder, [listed, handled, other]) = builder(["listed", "handled", "other"]);
        let mut rig = Rig::start(
            builder
                .initial(to("a"))
                .on_any(noting(Transition::internal(), "root"))
                .state(State::new("a").modal(policy, [listed]).on(handled, noting(Transition::internal(), "own"))),
        );
        assert_eq!(rig.run(listed), "root");
        assert_eq!(rig.run(handled), "own");
        assert_eq!(rig.dispatch(other).verdict(), verdict);
        assert_eq!(rig.dispatch(EventId::OTHER).verdict(), verdict);
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Order {
    Pay,
    Item(u32),
    Cancel,
}

#[derive(Default)]
pub(crate) struct Shop {
    shipped: Vec<u32>,
}

impl Model for Shop {
    type Event<'e> = Order;
    type Context<'c> = ();
}

fn shop() -> Table<Shop> {
    let mut builder = Table::<Shop>::builder();
    let (pay, item, cancel) = (builder.event("pay"), builder.event("item"), builder.event("cancel"));
    builder
        .identify(move |order| match order {
            Order::Pay => pay,
            Order::Item(_) => item,
            Order::Cancel => cancel,
        })
        .initial(Transition::to("open"))
        .on(cancel, Transition::to("open"))
        .state(State::new("open").defer(item).on(pay, Transition::to("paid")))
        .state(State::new("paid").on(
            item,
            Transition::<Shop>::to("open").effect(|shop, _, step| {
                if let Some(Order::Item(number)) = step.event() {
                    shop.shipped.push(*number);
                }
            }),
        ))
        .build()
        .expect("the chart has no faults")
}

#[test]
fn deferred_events_are_recalled_in_the_order_in_which_they_arrived() {
    let mut machine = Machine::new(shop_ref(), Shop::default());
    machine.start(Duration::ZERO, &mut ());
    for number in 1..=3 {
        assert_eq!(machine.handle(Order::Item(number), Duration::ZERO, &mut ()), Ok(Verdict::Deferred));
    }
    for paid in 1..=3 {
        machine.handle(Order::Pay, Duration::ZERO, &mut ()).expect("paying is not deferred");
        assert_eq!(machine.model().shipped.len(), paid);
    }
    assert_eq!(machine.model().shipped, [1, 2, 3]);
    assert_eq!(machine.deferred().count(), 0);
}

#[test]
fn the_one_deferred_event_too_many_is_handed_back() {
    let mut machine = Machine::new(shop_ref(), Shop::default()).deferring(2);
    machine.start(Duration::ZERO, &mut ());
    for number in 1..=2 {
        machine.handle(Order::Item(number), Duration::ZERO, &mut ()).expect("there is room");
    }
    let refused = machine.handle(Order::Item(3), Duration::ZERO, &mut ());
    assert_eq!(refused, Err(TooManyDeferred(Order::Item(3))));
    assert_eq!(machine.handle(Order::Cancel, Duration::ZERO, &mut ()), Ok(Verdict::Handled));
    assert_eq!(machine.deferred().count(), 2);
}

fn shop_ref() -> std::rc::Rc<Table<Shop>> {
    std::rc::Rc::new(shop())
}

#[test]
fn a_raised_event_that_is_deferred_waits_for_its_time() {
    let (builder, [go, leave, x, y]) = builder(["go", "leave", "x", "y"]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(
                State::new("a")
                    .defer(x)
                    .on(
                        go,
                        to("a").effect(move |_: &mut Probe, _, step| {
                            step.raise(x);
                            step.raise(y);
                        }),
                    )
                    .on(y, noting(Transition::internal(), "y"))
                    .on(
                        leave,
                        noting(to("b"), "leave").effect(move |probe: &mut Probe, _, step| {
                            probe.log.push("leave".to_owned());
                            step.raise(y);
                        }),
                    ),
            )
            .state(
                noted("b")
                    .on(x, noting(Transition::internal(), "x"))
                    .on(y, noting(Transition::internal(), "y"))
                    .always(to("c").when(|probe: &Probe, _, _| probe.flag)),
            )
            .state(noted("c").on(x, noting(Transition::internal(), "x in c"))),
    );
    assert_eq!(rig.run(go), "y");
    assert_eq!(rig.engine.save().raised, ["x"]);
    assert_eq!(rig.run(leave), "leave +b x y", "expected the older event ahead of the newer one");
    assert!(rig.engine.save().raised.is_empty());
}

#[test]
fn a_raised_event_that_is_deferred_is_saved_and_restored() {
    let chart = || {
        let (builder, [go, leave, x]) = builder(["go", "leave", "x"]);
        let deferring = State::new("a")
            .defer(x)
            .on(go, Transition::internal().effect(move |_: &mut Probe, _, step| step.raise(x)))
            .on(leave, to("b"));
        let rig = Rig::start(
            builder.initial(to("a")).state(deferring).state(noted("b").on(x, noting(Transition::internal(), "x"))),
        );
        (rig, go, leave)
    };
    let (mut rig, go, _) = chart();
    rig.run(go);
    let saved = rig.engine.save();
    let (mut other, _, leave) = chart();
    other.engine.restore(&saved).expect("it fits");
    assert_eq!(other.engine.save(), saved);
    assert_eq!(other.run(leave), "+b x");
}

#[test]
fn entering_a_state_that_overrides_the_deferral_is_time_to_recall() {
    let (builder, [x, y]) = builder(["x", "y"]);
    let mut rig = Rig::start(
        builder.initial(to("s")).state(
            State::new("s")
                .defer(x)
                .initial(to("a"))
                .state(noted("a").on(y, to("b")))
                .state(noted("b").on(x, noting(Transition::internal(), "x"))),
        ),
    );
    assert_eq!(rig.dispatch(x).verdict(), Verdict::Deferred);
    assert!(rig.dispatch(y).recall(), "expected a hint that `b` takes what `s` deferred in `a`");
    rig.log();
    assert_eq!(rig.run(x), "x");
}
