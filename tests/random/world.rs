//! What all targets and threads of a running program share, and what both handlers and outsiders can do.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rohrpost::{
    Address, Code, Context, Failure, HeldMessage, Kernel, ManualClock, Namespace, NamespaceBuilder, Nid, OnPanic,
    RegisterError, Setup, Tid, TimerHandle,
};

use crate::actor::Actor;
use crate::ledger::{From, Ledger};
use crate::letter::{Reply, planned_panic};
use crate::program::{Alarm, Alter, Bounds, End, Mail, Program, To};

/// How long something may take that needs no more than a moment.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ledger: Ledger,
    pub(crate) program: Program,
    /// The namespaces that are open.
    homes: Mutex<Vec<Option<Namespace>>>,
    /// Where each resident was registered last.
    addresses: Mutex<Vec<Option<Address>>>,
    /// Held messages that are ended from outside.
    shelf: Mutex<Vec<Held>>,
    /// Timers that were armed from outside.
    handles: Mutex<Vec<(Arc<Alarm>, TimerHandle)>>,
    /// What is done once only, and has been.
    done: Mutex<BTreeSet<(usize, Once)>>,
    /// The thread that ends messages elsewhere; without it there is one for each.
    helper: Mutex<Option<mpsc::Sender<Held>>>,
}

/// A held message and how it is to be ended.
pub(crate) struct Held {
    pub(crate) message: HeldMessage,
    pub(crate) mail: Arc<Mail>,
    pub(crate) end: End,
}

/// What a resident does in one life only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Once {
    Start,
    Stop,
    BadEnd,
    BadFactory,
}

impl World {
    /// A kernel that has no namespace yet.
    pub(crate) fn new(program: &Program, helper: Option<mpsc::Sender<Held>>) -> Arc<Self> {
        // Without a helper everything runs on one thread.
        let ledger = Ledger::new(program.bounds.are_tight(), helper.is_none());
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("node").clock(clock.clone()).start().expect("a kernel starts");
        Arc::new(Self {
            kernel,
            clock,
            ledger,
            program: program.clone(),
            homes: Mutex::new(vec![None; program.homes.len()]),
            addresses: Mutex::new(vec![None; program.residents.len()]),
            shelf: Mutex::default(),
            handles: Mutex::default(),
            done: Mutex::default(),
            helper: Mutex::new(helper),
        })
    }

    /// A namespace, to be opened with the program's bounds.
    pub(crate) fn builder(&self, home: usize) -> NamespaceBuilder {
        let Bounds { capacity, waiting, held, requests, depth, timers } = self.program.bounds;
        let mut builder = self.kernel.namespace(home_name(home));
        for (bound, set) in [
            (capacity, NamespaceBuilder::capacity as fn(NamespaceBuilder, usize) -> NamespaceBuilder),
            (waiting, NamespaceBuilder::waiting),
            (held, NamespaceBuilder::held),
            (requests, NamespaceBuilder::requests),
            (depth, NamespaceBuilder::depth),
            (timers, NamespaceBuilder::timers),
        ] {
            if let Some(bound) = bound {
                builder = set(builder, bound);
            }
        }
        builder
    }

    pub(crate) fn settle(&self, home: usize, namespace: Namespace) {
        self.offer(home, &namespace);
        lock(&self.homes)[home] = Some(namespace);
    }

    pub(crate) fn home(&self, home: usize) -> Option<Namespace> {
        lock(&self.homes).get(home).cloned().flatten()
    }

    pub(crate) fn address(&self, to: To) -> Address {
        let nobody = Address::target(Tid::number(7));
        match to {
            To::Resident(index) => {
                let known = lock(&self.addresses).get(index).copied().flatten();
                known.unwrap_or(nobody.in_namespace(Nid::name("home0")))
            }
            To::Named(index) => {
                let home = self.program.residents.get(index).map_or(0, |resident| resident.home);
                let text = format!("{}.{}.", name(index), home_name(home));
                text.parse().expect("a name of letters and digits is one")
            }
            To::Nobody => nobody.in_namespace(Nid::name("home0")),
            To::Nowhere => nobody.in_namespace(Nid::name("nowhere")),
            To::Service(home) => Address::service(Nid::name(&home_name(home))),
        }
    }

    /// Whether this is the first time.
    pub(crate) fn first(&self, resident: usize, once: Once) -> bool {
        lock(&self.done).insert((resident, once))
    }

    pub(crate) fn register(self: &Arc<Self>, index: usize, ctx: Option<&Context<'_>>) {
        let Some(resident) = self.program.residents.get(index) else {
            return;
        };
        let mut setup = Setup::new().on_panic(resident.on_panic);
        if let Some(restart) = resident.restart {
            setup = setup.restart(restart);
        }
        if resident.named {
            setup = setup.name(name(index));
        }
        let namespace = self.home(resident.home);
        let restarts = resident.on_panic == OnPanic::Restart;
        let here = ctx.filter(|ctx| namespace.as_ref().is_some_and(|home| Some(home.id()) == ctx.address().nid()));
        let registered = match (here, namespace) {
            (Some(ctx), _) if restarts => ctx.thread().register_factory(setup, self.factory(index)),
            (Some(ctx), _) => ctx.thread().register_with(setup, Actor::new(self, index)),
            (None, Some(home)) => {
                let setup = setup.thread(resident.thread % home.threads());
                if restarts {
                    home.register_factory(setup, self.factory(index))
                } else {
                    home.register_with(setup, Actor::new(self, index))
                }
            }
            (None, None) => return,
        };
        match registered {
            Ok(address) => lock(&self.addresses)[index] = Some(address),
            Err(RegisterError::Stopped | RegisterError::NameTaken(_)) => {}
            Err(RegisterError::Busy) if self.program.bounds.capacity.is_some() => {}
            Err(error) => self.ledger.fault(format!("resident {index} was not registered: {error}")),
        }
    }

    fn factory(self: &Arc<Self>, index: usize) -> impl FnMut() -> Actor + Send + use<> {
        let world = self.clone();
        let mut lives = 0;
        move || {
            lives += 1;
            if lives > 1 {
                if world.program.residents[index].bad_factory && world.first(index, Once::BadFactory) {
                    world.ledger.panics();
                    planned_panic();
                }
                world.ledger.reborn();
            }
            Actor::new(&world, index)
        }
    }

    pub(crate) fn deregister(&self, index: usize, ctx: Option<&Context<'_>>) {
        let address = self.address(To::Resident(index));
        let home = self.program.residents.get(index).and_then(|resident| self.home(resident.home));
        // Whether anybody is there does not matter.
        let _ = match (ctx, home) {
            (Some(ctx), _) => ctx.deregister(address),
            (None, Some(home)) => home.deregister(address),
            (None, None) => Ok(()),
        };
    }

    pub(crate) fn close(&self, home: usize) {
        let open = lock(&self.homes).get_mut(home).and_then(Option::take);
        if let Some(namespace) = open {
            self.ledger.looks_away(|_, topic| topic == home);
            let residents = self.program.residents.iter().enumerate();
            residents.filter(|(_, resident)| resident.home == home).for_each(|(index, _)| self.ledger.evicts(index));
            let report = namespace.close(SOON);
            if !report.detached.is_empty() {
                self.ledger.fault(format!("closing took too long: {report:?}"));
            }
        }
    }

    pub(crate) fn stop(&self) {
        self.ledger.stopped();
        let report = self.kernel.stop(SOON);
        if !report.detached.is_empty() {
            self.ledger.fault(format!("stopping took too long: {report:?}"));
        }
    }

    /// Ends a message on a thread of its own, or on the one that is there for it.
    pub(crate) fn end_elsewhere(&self, held: Held) {
        let Some(helper) = lock(&self.helper).clone() else {
            return std::thread::scope(|scope| {
                scope.spawn(|| self.end(held));
            });
        };
        if let Err(mpsc::SendError(held)) = helper.send(held) {
            self.end(held);
        }
    }

    /// Lets the helper go when it has done its work.
    pub(crate) fn dismiss_helper(&self) {
        *lock(&self.helper) = None;
    }

    pub(crate) fn put_on_shelf(&self, held: Held) {
        lock(&self.shelf).push(held);
    }

    /// Ends what is on the shelf; whether there was anything.
    pub(crate) fn tidy(&self) -> bool {
        let shelf = std::mem::take(&mut *lock(&self.shelf));
        let any = !shelf.is_empty();
        shelf.into_iter().for_each(|held| self.end(held));
        any
    }

    pub(crate) fn end(&self, held: Held) {
        let Held { message, mail, end } = held;
        let conclude = |code| self.ledger.concluded(mail.number, code, None);
        match end {
            End::Answer => {
                conclude(Code::OK);
                message.answer(Reply(mail.number));
            }
            End::Fail => {
                conclude(FAILED);
                message.fail(Failure::new(FAILED, "as planned"));
            }
            End::Drop => {
                conclude(Code::NOT_HANDLED);
                drop(message);
            }
            End::Forward(to) => {
                self.ledger.passed_on(mail.number);
                message.forward(self.address(to));
            }
        }
    }

    /// Has all that targets keep ended; whether there was anything.
    pub(crate) fn let_go(&self) -> bool {
        let keepers = self.ledger.keepers();
        for &keeper in &keepers {
            if self.kernel.notify(keeper, crate::letter::LetGo).is_ok() {
                self.ledger.errand_sent();
            }
        }
        let endless =
            lock(&self.handles).iter().position(|(alarm, timer)| alarm.millis.is_none() && timer.is_running());
        if let Some(index) = endless {
            self.alter(Alter::Cancel(index));
        }
        !keepers.is_empty() || endless.is_some()
    }

    pub(crate) fn keep_handle(&self, alarm: &Arc<Alarm>, handle: TimerHandle) {
        lock(&self.handles).push((alarm.clone(), handle));
    }

    /// One of the timers that were armed from outside.
    pub(crate) fn handle(&self, index: usize) -> Option<(Arc<Alarm>, TimerHandle)> {
        let handles = lock(&self.handles);
        handles.get(index.checked_rem(handles.len())?).cloned()
    }

    /// An outsider learns what became of its question.
    pub(crate) fn asked(&self, number: usize, thread: usize, end: &Result<Reply, Failure>) {
        if let Ok(Reply(other)) = end
            && *other != number
        {
            self.ledger.fault(format!("question {number} got the answer to {other}"));
        }
        let code = end.as_ref().map_or_else(Failure::code, |_| Code::OK);
        self.ledger.came_back(number, From::Outside(thread), code);
    }
}

/// The code of planned failures.
pub(crate) const FAILED: Code = Code::application(0);

fn name(resident: usize) -> String {
    format!("resident{resident}")
}

pub(crate) fn home_name(home: usize) -> String {
    format!("home{home}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
