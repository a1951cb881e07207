//! Whether all bounds are where they were: when nothing is on its way, a worker takes as much as it may.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::{Address, Code, Context, HeldMessage, Message, Outcome, Target, record};

use crate::world::World;

record!(Probe, "random.probe");

/// Longer than anything in a program that comes.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What a prober is to do.
#[derive(Clone, Copy, Debug)]
enum Probe {
    Nothing,
    /// Sends itself as many messages, which wait until it is done.
    Wait(usize),
    /// Sends somebody as many requests at once.
    Ask(usize, Address),
    Hold,
    LetGo,
    /// Arms as many timers, and cancels them.
    Arm(usize),
}

/// Counts what it is refused.
struct Prober {
    refused: Arc<Mutex<Vec<(&'static str, Code)>>>,
    held: Vec<HeldMessage>,
}

impl Target for Prober {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        match message.record::<Probe>().copied() {
            None | Some(Probe::Nothing) => {}
            Some(Probe::Wait(count)) => (0..count).for_each(|_| ctx.notify(ctx.address(), Probe::Nothing)),
            Some(Probe::Ask(count, to)) => (0..count).for_each(|_| {
                let _ = ctx.request(to, Probe::Nothing);
            }),
            Some(Probe::Hold) => match ctx.hold(message) {
                Ok(held) => self.held.push(held),
                Err(_) => self.refuse("held", message.code()),
            },
            Some(Probe::Arm(count)) => {
                let armed: Vec<_> = (0..count).map(|_| ctx.timer(Probe::Nothing).after(HOUR)).collect();
                if armed.iter().any(Result::is_err) {
                    self.refuse("timers", Code::BUSY);
                }
                armed.into_iter().flatten().for_each(|timer| assert!(ctx.cancel(timer), "expected it to run"));
            }
            Some(Probe::LetGo) => self.held.drain(..).for_each(|held| held.answer(())),
        }
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _: &mut Context<'_>) {
        if !answer.code().is_ok() {
            self.refuse(if answer.wants_answer() { "requests" } else { "waiting" }, answer.code());
        }
    }
}

impl Prober {
    fn refuse(&self, bound: &'static str, code: Code) {
        self.refused.lock().expect("nobody panics here").push((bound, code));
    }
}

/// What is wrong with the bounds of the namespaces that are open. `rest` has all workers run until there is nothing
/// to do.
pub(crate) fn check_bounds(world: &World, mut rest: impl FnMut()) -> Vec<String> {
    let bounds = world.program.bounds;
    let refused = Arc::default();
    let mut probers = Vec::new();
    for home in (0..world.program.homes.len()).filter_map(|home| world.home(home)) {
        if let Ok(prober) = home.register(Prober { refused: Arc::clone(&refused), held: Vec::new() }) {
            probers.push(prober);
        }
        rest();
    }
    let mut probe = |prober, probe| {
        // The kernel may have stopped.
        let _ = world.kernel.notify(prober, probe);
        rest();
    };
    for (index, &prober) in probers.iter().enumerate() {
        if let Some(waiting) = bounds.waiting {
            probe(prober, Probe::Wait(waiting));
        }
        if let Some(held) = bounds.held {
            (0..held).for_each(|_| probe(prober, Probe::Hold));
            probe(prober, Probe::LetGo);
        }
        if let Some(timers) = bounds.timers {
            probe(prober, Probe::Arm(timers));
        }
        if let Some(requests) = bounds.requests {
            let at_once = requests.min(bounds.capacity.unwrap_or(requests));
            let other = probers[(index + 1) % probers.len()];
            if other != prober {
                probe(prober, Probe::Ask(at_once, other));
            }
        }
    }
    let refused = refused.lock().expect("nobody panics here");
    refused.iter().map(|(bound, code)| format!("the bound `{bound}` has shrunk: {code}")).collect()
}
