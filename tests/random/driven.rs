//! Runs a program on driven workers, all on one thread: the program decides who runs when, and every run is the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rohrpost::{Clock, Code, Driven, OpenError};

use crate::ledger::Line;
use crate::outside::{self, Question};
use crate::probe::{HOUR, check_bounds};
use crate::program::{Program, Step, Way};
use crate::world::World;

/// More turns than any program takes.
const TURNS: usize = 20_000;

/// What happened, line by line, or what is wrong with it.
pub(crate) fn run(program: &Program) -> Result<Vec<Line>, String> {
    let world = World::new(program, None);
    let run = || Table { world: world.clone(), workers: Vec::new(), questions: Vec::new(), left: TURNS }.run();
    let faults = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(faults) => faults,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map_or("", |text| text);
            let text = panic.downcast_ref::<&str>().map_or(text, |text| text);
            vec![format!("a worker's thread panicked: {text}")]
        }
    };
    if faults.is_empty() {
        return Ok(world.ledger.lines());
    }
    let lines = world.ledger.lines().iter().map(|line| format!("    {line:?}\n")).collect::<String>();
    Err(format!("  {}\n  what happened:\n{lines}", faults.join("\n  ")))
}

/// The workers on this thread, and the questions from it.
struct Table {
    world: Arc<World>,
    workers: Vec<Driven>,
    questions: Vec<(usize, Question)>,
    /// Turns that are left.
    left: usize,
}

impl Table {
    fn run(mut self) -> Vec<String> {
        let world = self.world.clone();
        for home in 0..world.program.homes.len() {
            self.open(home);
        }
        for resident in 0..world.program.residents.len() {
            world.register(resident, None);
        }
        for step in &world.program.steps {
            self.step(step);
        }
        self.rest();
        while world.tidy() | world.let_go() || self.pass_time() {
            self.rest();
        }
        self.rest();
        let mut faults = world.ledger.faults();
        faults.extend(world.ledger.missing());
        faults.extend(world.ledger.overdue(world.clock.now()));
        faults.extend(world.ledger.check_templates());
        faults.extend(world.ledger.check_counters(&world.kernel.counters(), true));
        faults.extend(check_bounds(&world, || self.rest()));
        world.stop();
        self.rest();
        self.workers.clear();
        self.look();
        faults.extend(self.questions.iter().map(|(number, _)| format!("question {number} has no end")));
        faults.extend(world.ledger.faults());
        faults.extend(world.ledger.check_end());
        let counters = world.kernel.counters();
        if !counters.is_balanced() || counters.registered != counters.deregistered {
            faults.push(format!("the counters are not balanced: {counters:?}"));
        }
        if self.left == 0 {
            faults.push(format!("the workers were not at rest after {TURNS} turns"));
        }
        faults.dedup();
        faults
    }

    fn open(&mut self, home: usize) {
        if self.world.home(home).is_some() {
            return;
        }
        match self.world.builder(home).driven() {
            Ok((namespace, worker)) => {
                self.world.settle(home, namespace);
                self.workers.push(worker);
            }
            Err(OpenError::Stopped) => {}
            Err(error) => self.world.ledger.fault(format!("a namespace was not opened: {error}")),
        }
    }

    fn step(&mut self, step: &Step) {
        let world = self.world.clone();
        match step {
            Step::Mail(mail) => match mail.way {
                Way::Wait | Way::Await => {
                    let mut question = outside::question(mail, &world, 0, false);
                    match outside::poll(&mut question) {
                        None => self.questions.push((mail.number, question)),
                        Some(Ok(_)) => world.ledger.fault("a question was answered before anybody ran"),
                        Some(Err(failure)) => world.ledger.refused(mail.number, failure.code()),
                    }
                }
                Way::Cancel => {
                    let mut question = outside::question(mail, &world, 0, false);
                    if let Some(end) = outside::poll(&mut question) {
                        world.ledger.refused(mail.number, end.map_or_else(|failure| failure.code(), |_| Code::OK));
                    }
                }
                _ => outside::notify(mail, &world, 0),
            },
            Step::Register(resident) => world.register(*resident, None),
            Step::Deregister(resident) => world.deregister(*resident, None),
            Step::Tidy => {
                let _ = world.tidy();
            }
            Step::Advance(millis) => world.clock.advance(Duration::from_millis(*millis)),
            Step::Close(home) => world.close(*home),
            Step::Open(home) => self.open(*home % world.program.homes.len()),
            Step::Stop => world.stop(),
            Step::Arm(resident, alarm) => world.arm(*resident, alarm),
            Step::Alter(alter) => world.alter(*alter),
            Step::Tie(resident, tie) => world.tie(*resident, *tie),
            Step::Publish(issue) => world.publish(issue, 0),
            Step::Reopen(home) => world.reopen(*home),
            Step::Turn(worker, turns) => {
                let worker = worker % self.workers.len();
                (0..*turns).for_each(|_| {
                    let _ = self.workers[worker].run_once();
                });
            }
        }
    }

    /// Runs all workers, turn by turn, until there is nothing to do.
    fn rest(&mut self) {
        let mut busy = true;
        while busy && self.left > 0 {
            busy = false;
            for worker in &mut self.workers {
                if worker.run_once() {
                    busy = true;
                    self.left = self.left.saturating_sub(1);
                }
            }
        }
        self.look();
    }

    /// Lets timers tick, and targets that are away come back; whether there was anything to wait for.
    fn pass_time(&self) -> bool {
        let next = self.workers.iter().filter_map(Driven::next_deadline).min();
        let ahead = next.map(|next| next.since(self.world.clock.now()));
        ahead.filter(|&ahead| ahead < HOUR).is_some_and(|ahead| {
            self.world.clock.advance(ahead);
            self.left > 0
        })
    }

    /// Takes the answers that have come.
    fn look(&mut self) {
        let world = &self.world;
        self.questions.retain_mut(|(number, question)| match outside::poll(question) {
            Some(end) => {
                world.asked(*number, 0, &end);
                false
            }
            None => true,
        });
    }
}
