//! Whatever comes and goes while monitors and watches begin and end: at rest, what was told is what there is.
//!
//! `MONITOR_SEED=s` runs the one program of the driven workers that belongs to the seed `s`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rohrpost::{Address, Balance, Context, Driven, Filter, Kernel, Namespace, Record, Setup, record};

use crate::dice::Dice;
use crate::town::{Town, offers};
use crate::world::{Do, World};

/// How long threads may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);
/// Namespaces that are open from the first to the last.
const STEADY: usize = 3;

/// What is done by a service.
#[derive(Clone, Debug)]
struct Chore;
record!(Chore, "monitors.chore");

/// What is told to a topic.
#[derive(Clone, Debug)]
struct Rumour;
record!(Rumour, "monitors.rumour");

/// A filter that lets through everything, one namespace, one target, or what there is not.
fn filter(dice: &mut Dice, town: &Town) -> Filter {
    match (dice.below(5), town.somebody(dice.below(1000))) {
        (0, Some(somebody)) => Filter::new().address(somebody),
        (1, Some(somebody)) => Filter::new().namespace(somebody.nid().unwrap()),
        (2, _) => Filter::new().namespace(format!("n{}", dice.below(8)).parse().unwrap()),
        (3, _) => Filter::new().service(if dice.percent(50) { Chore::ID } else { Rumour::ID }),
        _ => Filter::new(),
    }
}

/// What a citizen does in its handler.
fn deed(dice: &mut Dice, town: &Town) -> Do {
    let (town, other, index) = (town.clone(), town.somebody(dice.below(1000)), dice.below(1000));
    let filter = filter(dice, &town);
    let (choice, home) = (dice.below(15), Address::service(format!("n{}", dice.below(8)).parse().unwrap()));
    Do::new(move |ctx: &mut Context<'_>| match (choice, other) {
        (0 | 1, _) => drop(ctx.register(town.citizen())),
        (2, _) => drop(ctx.thread().register_factory(Setup::new(), move || town.citizen())),
        (3, Some(other)) => drop(ctx.deregister(other)),
        (4, _) => ctx.stop(),
        (5, _) => std::panic::resume_unwind(Box::new("planned")),
        (6 | 7, Some(other)) => town.watch(ctx, other),
        (8, Some(other)) => town.unwatch(ctx, other),
        (9, _) => town.monitor(ctx, filter),
        (11, _) => drop(ctx.serve::<Chore>()),
        (12, _) => drop(ctx.withdraw::<Chore>()),
        (13, _) => drop(ctx.observe::<Chore>(home).and(ctx.observe::<Rumour>(home))),
        (14, _) => drop(ctx.unobserve::<Chore>(home)),
        (10, _) => town.take_monitor(index).into_iter().for_each(|monitor| ctx.unmonitor(monitor)),
        _ => {}
    })
}

/// What is done from outside to somebody who is there.
fn act(dice: &mut Dice, town: &Town, kernel: &Kernel, space: &Namespace) {
    let somebody = town.somebody(dice.below(1000));
    match (dice.below(17), somebody) {
        (0 | 1, _) => drop(space.register_with(Setup::new().spread(), town.citizen())),
        (2, _) => {
            let (setup, factory) = town.factory();
            drop(space.register_factory(setup, factory));
        }
        (3, Some(somebody)) => drop(space.deregister(somebody)),
        (4, Some(somebody)) => town.monitor_from_outside(kernel, filter(dice, town), somebody),
        (5, _) => town.take_monitor(dice.below(1000)).into_iter().for_each(|monitor| kernel.unmonitor(monitor)),
        (6, Some(somebody)) => drop(space.serve::<Chore>(somebody)),
        (7, Some(somebody)) => drop(space.withdraw::<Chore>(somebody)),
        (8, Some(somebody)) => drop(space.observe::<Rumour>(somebody)),
        (9, Some(somebody)) => drop(space.unobserve::<Rumour>(somebody)),
        (10, _) => drop(space.topic::<Rumour>().open()),
        (11, _) => drop(space.group::<Chore>(Balance::FewestPending).open()),
        (12, _) if dice.percent(30) => drop(space.close_service::<Rumour>().and(space.close_service::<Chore>())),
        (13, _) => drop(kernel.notify(space.address(), Rumour)),
        (_, Some(somebody)) => drop(kernel.notify(somebody, deed(dice, town))),
        _ => {}
    }
}

/// Runs one program on driven workers whose turns the seed decides; how many ends were told.
fn run_driven(seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let mut world = World::new(0);
    for index in 0..STEADY {
        let narrow = if dice.percent(50) { 1 } else { 1000 };
        let builder = world.kernel.namespace(format!("n{index}")).capacity(narrow).waiting(narrow);
        let (space, worker) = builder.driven().unwrap();
        world.spaces.push(space);
        world.workers.push(Some(worker));
    }
    let town = Town::default();
    for _ in 0..dice.between(20, 900) {
        let open: Vec<usize> = (0..world.workers.len()).filter(|&index| world.workers[index].is_some()).collect();
        let index = open[dice.below(open.len())];
        match dice.below(40) {
            0 if index >= STEADY => world.close(index),
            0 => {
                let name = format!("n{}", dice.between(STEADY, 7));
                if let Ok((space, worker)) = world.kernel.namespace(name).driven() {
                    world.spaces.push(space);
                    world.workers.push(Some(worker));
                }
            }
            1..16 => {
                let (kernel, space) = (world.kernel.clone(), world.spaces[index].clone());
                act(&mut dice, &town, &kernel, &space);
            }
            _ => drop(world.workers[index].as_mut().map(Driven::run_once)),
        }
    }
    world.settle();
    let open = (0..world.workers.len()).filter(|&index| world.workers[index].is_some());
    let open = open.map(|index| world.spaces[index].address()).chain([world.kernel.system()]).collect();
    let found = town.differences(&open, &offers(&world.kernel, &open));
    assert!(found.is_empty(), "seed {seed}: expected what was told to be what there is:\n{}", found.join("\n"));
    let counters = world.counters();
    let ends = town.register().ends;
    drop(world);
    assert!(counters.is_balanced(), "seed {seed}: expected even counters, not {counters:?}");
    ends
}

#[test]
fn a_view_is_the_registry_whatever_the_turns_of_the_workers() {
    let one = std::env::var("MONITOR_SEED").ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = one.map_or(0..400, |seed| seed..seed + 1);
    let ends: usize = seeds.map(run_driven).sum();
    assert!(one.is_some() || ends > 100, "expected the programs to end what is watched, not only {ends} times");
}

/// Waits until everything is as it should be.
#[track_caller]
fn await_rest(town: &Town, open: &BTreeSet<Address>, kernel: &Kernel) {
    let begun = Instant::now();
    loop {
        let (found, even) = (town.differences(open, &offers(kernel, open)), kernel.counters().is_balanced());
        if found.is_empty() && even {
            return;
        }
        let found = found.join("\n");
        assert!(begun.elapsed() < PATIENCE, "expected what was told to be what there is, even: {even}\n{found}");
        std::thread::yield_now();
    }
}

#[test]
fn a_view_is_the_registry_after_a_race_of_threads() {
    for seed in 0..10 {
        let kernel = Kernel::builder("node").start().unwrap();
        let open = |name: String| kernel.namespace(name).threads(2).open().unwrap();
        let steady: Vec<Namespace> = (0..STEADY).map(|index| open(format!("n{index}"))).collect();
        let town = Town::default();
        std::thread::scope(|scope| {
            for actor in 0..3 {
                let (town, kernel, steady) = (&town, &kernel, &steady);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed * 100 + actor);
                    for _ in 0..300 {
                        let space = &steady[dice.below(STEADY)];
                        act(&mut dice, town, kernel, space);
                    }
                });
            }
            scope.spawn(|| {
                let mut dice = Dice::new(seed * 100 + 99);
                for _ in 0..10 {
                    let passing = open(format!("n{}", dice.between(STEADY, 7)));
                    for _ in 0..20 {
                        act(&mut dice, &town, &kernel, &passing);
                    }
                    assert!(passing.close(PATIENCE).is_complete(), "expected a namespace to close");
                }
            });
        });
        let open = steady.iter().map(Namespace::address).chain([kernel.system()]).collect();
        await_rest(&town, &open, &kernel);
        assert!(kernel.stop(PATIENCE).is_complete(), "expected the kernel to stop");
        assert!(kernel.counters().is_balanced(), "expected even counters, not {:?}", kernel.counters());
    }
}
