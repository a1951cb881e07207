//! Timeouts of states.

use crate::rig::{Probe, Rig, builder, noted, noting, to};
use rohrpost::machine::{Machine, Model, State, Table, Timer, TimerRequest, Transition, Verdict};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn armed(requests: &[TimerRequest]) -> Vec<Timer> {
    let timers = requests.iter().filter_map(|request| match request {
        TimerRequest::Arm(timer, _) => Some(*timer),
        TimerRequest::Cancel(_) => None,
    });
    timers.collect()
}

fn light() -> (Rig, [rohrpost::machine::EventId; 2]) {
    let (builder, [on, again]) = builder(["on", "again"]);
    let rig = Rig::start(
        builder
            .initial(to("off"))
            .state(noted("off").on(on, to("on")))
            .state(noted("on").on(again, to("on")).on(on, to("off")).after(60 * SECOND, noting(to("off"), "timeout"))),
    );
    (rig, [on, again])
}

#[test]
fn a_timeout_is_armed_on_entry_and_cancelled_on_exit() {
    let (mut rig, [on, _]) = light();
    assert_eq!(rig.engine.timers().count(), 0);
    rig.run(on);
    let requests: Vec<_> = rig.engine.timers().collect();
    let [TimerRequest::Arm(timer, delay)] = requests[..] else { panic!("one timer is armed: {requests:?}") };
    assert_eq!(delay, 60 * SECOND);
    rig.run(on);
    assert_eq!(rig.engine.timers().collect::<Vec<_>>(), [TimerRequest::Cancel(timer)]);
}

#[test]
fn a_timeout_takes_its_transition_once() {
    let (mut rig, [on, _]) = light();
    rig.run(on);
    let timer = armed(&rig.engine.timers().collect::<Vec<_>>())[0];
    rig.log();
    assert_eq!(rig.engine.fire(timer, &mut rig.probe, &mut ()).verdict(), Verdict::Handled);
    assert_eq!(rig.log(), "-on timeout +off");
    assert_eq!(rig.engine.timers().count(), 0, "what has fired is not cancelled");
    assert_eq!(rig.engine.fire(timer, &mut rig.probe, &mut ()).verdict(), Verdict::Stale);
}

#[test]
fn a_timer_of_an_earlier_stay_is_stale_even_if_the_state_is_active_again() {
    let (mut rig, [on, again]) = light();
    rig.run(on);
    rig.run(again);
    let timers = armed(&rig.engine.timers().collect::<Vec<_>>());
    assert_eq!(timers.len(), 2);
    assert_eq!(rig.engine.fire(timers[0], &mut rig.probe, &mut ()).verdict(), Verdict::Stale);
    assert_eq!(rig.leaves(), "on");
    assert!(rig.engine.fire(timers[1], &mut rig.probe, &mut ()).is_handled());
    assert_eq!(rig.leaves(), "off");
}

#[test]
fn a_timer_of_a_machine_that_was_restarted_is_stale() {
    let (mut rig, [on, _]) = light();
    rig.run(on);
    let timer = armed(&rig.engine.timers().collect::<Vec<_>>())[0];
    let _ = rig.engine.start(&mut rig.probe, &mut ());
    rig.run(on);
    assert_eq!(rig.engine.fire(timer, &mut rig.probe, &mut ()).verdict(), Verdict::Stale);
}

pub(crate) struct Blinker;

impl Model for Blinker {
    type Event<'e> = ();
    type Context<'c> = ();
}

#[test]
fn a_machine_alone_takes_timeouts_in_order_and_late_calls_do_not_add_up() {
    let table = Table::<Blinker>::builder()
        .initial(Transition::to("on"))
        .state(State::new("on").after(SECOND, Transition::to("off")))
        .state(State::new("off").after(2 * SECOND, Transition::to("on")))
        .build()
        .expect("the chart has no faults");
    let mut machine = Machine::new(&table, Blinker);
    machine.start(Duration::ZERO, &mut ());
    assert_eq!(machine.next_deadline(), Some(SECOND));
    machine.advance(Duration::from_millis(3500), &mut ());
    assert!(machine.is_in(table.state("on").expect("there is such a state")));
    assert_eq!(machine.next_deadline(), Some(4 * SECOND));
}

#[test]
fn a_guard_that_says_no_lets_the_timeout_pass() {
    let (builder, []) = builder([]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(noted("a").after(SECOND, to("b").when(|probe: &Probe, _, _| probe.flag)))
            .state(noted("b")),
    );
    let timer = armed(&rig.engine.timers().collect::<Vec<_>>())[0];
    assert_eq!(rig.engine.fire(timer, &mut rig.probe, &mut ()).verdict(), Verdict::Unhandled);
    assert_eq!(rig.leaves(), "a");
}
