//! Runs a program on threads: namespaces with threads of their own, and two outsiders who share the steps.
//!
//! Nothing decides who runs when, so only that is checked which holds however it comes.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rohrpost::{Clock, Counters, OpenError};

use crate::outside;
use crate::program::{Program, Step, Way};
use crate::world::{Held, SOON, World};

const OUTSIDERS: usize = 2;
const THREADS: usize = 2;

/// What is wrong with the program.
pub(crate) fn run(program: &Program) -> Result<(), String> {
    let (helper, work) = mpsc::channel::<Held>();
    let world = World::new(program, Some(helper));
    for home in 0..program.homes.len() {
        open(&world, home);
    }
    for resident in 0..program.residents.len() {
        world.register(resident, None);
    }
    let helping = {
        let world = world.clone();
        std::thread::spawn(move || help(&world, &work))
    };
    let outsiders: Vec<_> = (0..OUTSIDERS)
        .map(|outsider| {
            let world = world.clone();
            std::thread::spawn(move || go_outside(&world, outsider))
        })
        .collect();
    let mut askers = Vec::new();
    for outsider in outsiders {
        askers.extend(outsider.join().map_err(|_| "an outsider panicked")?);
    }
    let mut faults = Vec::new();
    if !comes_to_rest(&world) {
        let counters = world.kernel.counters();
        faults.push(format!("no rest within {SOON:?}, {counters:?}"));
        faults.extend(world.ledger.missing());
        faults.extend(world.ledger.overdue(world.clock.now()));
    }
    world.stop();
    faults.extend(end(&world, askers, helping));
    faults.extend(crate::letter::unplanned_panics());
    if faults.is_empty() {
        return Ok(());
    }
    let lines = world.ledger.lines().iter().map(|line| format!("    {line:?}\n")).collect::<String>();
    Err(format!("  {}\n  what happened:\n{lines}", faults.join("\n  ")))
}

/// Ends what was started; what is wrong then.
fn end(world: &Arc<World>, askers: Vec<JoinHandle<()>>, helping: JoinHandle<()>) -> Vec<String> {
    let started = Instant::now();
    let ended = || world.ledger.all_gone() && askers.iter().all(JoinHandle::is_finished);
    while !ended() && started.elapsed() < SOON {
        let _ = world.tidy();
        world.ledger.wait();
    }
    // Nobody is left who could put anything there.
    let _ = world.tidy();
    let mut faults = world.ledger.faults();
    if !ended() {
        faults.push(format!("not everything ended within {SOON:?} of the stop"));
        return faults;
    }
    for asker in askers {
        if asker.join().is_err() {
            faults.push("an asker panicked".to_owned());
        }
    }
    world.dismiss_helper();
    if helping.join().is_err() {
        faults.push("the helper panicked".to_owned());
    }
    let counters = settled(world);
    faults.extend(world.ledger.check_counters(&counters, false));
    faults.extend(world.ledger.check_end());
    if counters.registered != counters.deregistered {
        faults.push(format!("the counters are not balanced: {counters:?}"));
    }
    faults
}

/// The counters when the last of the threads, which may end in the background, has counted its last.
fn settled(world: &World) -> Counters {
    let started = Instant::now();
    loop {
        let counters = world.kernel.counters();
        let faults = world.ledger.check_counters(&counters, false).len() + world.ledger.check_end().len();
        if faults == 0 && counters.registered == counters.deregistered || started.elapsed() > Duration::from_secs(2) {
            return counters;
        }
        world.ledger.wait();
    }
}

/// Ends messages that targets have held, on this thread.
fn help(world: &World, work: &mpsc::Receiver<Held>) {
    while let Ok(held) = work.recv() {
        world.end(held);
    }
}

fn open(world: &World, home: usize) {
    if world.home(home).is_some() {
        return;
    }
    match world.builder(home).threads(1 + home % THREADS).open() {
        Ok(namespace) => world.settle(home, namespace),
        Err(OpenError::Stopped) => {}
        Err(error) => world.ledger.fault(format!("a namespace was not opened: {error}")),
    }
}

/// Takes every second step; the threads that wait for answers.
fn go_outside(world: &Arc<World>, outsider: usize) -> Vec<JoinHandle<()>> {
    let mut askers = Vec::new();
    for step in world.program.steps.iter().skip(outsider).step_by(OUTSIDERS) {
        match step {
            Step::Mail(mail) => {
                let (mail, asking) = (mail.clone(), world.clone());
                match mail.way {
                    Way::Wait => {
                        askers.push(std::thread::spawn(move || outside::wait(&mail, &asking, mail.number + OUTSIDERS)));
                    }
                    Way::Await => askers.push(std::thread::spawn(move || {
                        let thread = mail.number + OUTSIDERS;
                        let question = outside::question(&mail, &asking, thread, true);
                        asking.asked(mail.number, thread, &outside::block_on(question));
                    })),
                    Way::Cancel => {
                        let mut question = outside::question(&mail, world, outsider, true);
                        // It may have failed at once; nobody wants to know.
                        let _ = outside::poll(&mut question);
                    }
                    _ => outside::notify(&mail, world, outsider),
                }
            }
            Step::Register(resident) => world.register(*resident, None),
            Step::Deregister(resident) => world.deregister(*resident, None),
            Step::Tidy => {
                let _ = world.tidy();
            }
            Step::Advance(millis) => world.clock.advance(Duration::from_millis(*millis)),
            Step::Close(home) => world.close(*home),
            Step::Open(home) => open(world, *home % world.program.homes.len()),
            Step::Stop => world.stop(),
            Step::Arm(resident, alarm) => world.arm(*resident, alarm),
            Step::Alter(alter) => world.alter(*alter),
            Step::Tie(resident, tie) => world.tie(*resident, *tie),
            Step::Publish(issue) => world.publish(issue, outsider),
            Step::Reopen(home) => world.reopen(*home),
            Step::Turn(..) => std::thread::yield_now(),
        }
    }
    askers
}

/// Waits until nothing is on its way, ending what is held.
fn comes_to_rest(world: &World) -> bool {
    let started = Instant::now();
    while started.elapsed() < SOON {
        let held = world.tidy() | world.let_go();
        let even = world.kernel.counters().is_balanced();
        if !held && even && world.ledger.missing().is_empty() && world.ledger.overdue(world.clock.now()).is_empty() {
            return true;
        }
        world.clock.advance(Duration::from_millis(20));
        world.ledger.wait();
    }
    false
}
