//! Nothing that a subscriber does harms anybody.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::testing::Probe;
use rohrpost::{Code, Counters, HeldMessage, Kernel, Setup, Thread};

use crate::listener::Listener;
use crate::office::{Clerk, Deed, Office, Riddle, Weakness, factory, panic_quietly};

/// Everything that ends badly, and what becomes of it.
fn a_bad_day(office: &mut Office) -> (Counters, Vec<String>) {
    let (probed, near, far) = (office.probed, office.near, office.far);
    office.act(move |ctx| {
        for to in [near, far] {
            ctx.notify(to, Deed::Badly);
            let _ = ctx.request(to, Deed::Panic("too much"));
            let _ = ctx.request(to, Deed::Well);
            let _ = ctx.call(to, Deed::Badly);
        }
        let _ = ctx.call(probed, Riddle);
    });
    let Office { test, listener, app, .. } = office;
    listener.during(|| {
        test.kernel().notify(far, Deed::Badly).unwrap();
        assert_eq!(test.ask(near, Riddle).unwrap_err().code(), Code::NOT_HANDLED);
        let weak = app.register(Clerk(Weakness::WhenDropped)).unwrap();
        app.deregister(weak).unwrap();
    });
    office.run();
    let mail = office.probe.mail();
    (office.test.kernel().counters(), mail)
}

#[test]
fn a_subscriber_that_panics_changes_nothing() {
    let (expected, mail) = a_bad_day(&mut Office::new(Listener::default()));
    assert!(expected.is_balanced() && expected.restarts == 2 && expected.dead_letters == 1, "{expected:?}");
    let mut office = Office::new(Listener::that(|_| panic_quietly("a subscriber")));
    let (counters, same) = a_bad_day(&mut office);
    assert_eq!((counters, same), (expected, mail), "expected the same as with a subscriber that does not panic");
    assert!(office.listener.take().len() > 10, "expected many events");
}

#[test]
fn a_subscriber_may_panic_while_a_thread_unwinds() {
    let mut office = Office::new(Listener::that(|_| panic_quietly("a subscriber")));
    let holder = Probe::new("holder");
    holder.hold::<Riddle>();
    let to = office.app.register(holder.clone()).unwrap();
    office.test.kernel().notify(to, Riddle).unwrap();
    office.run();
    let (listener, held) = (office.listener.clone(), holder.take_held::<Riddle>().unwrap());
    let unwound = std::thread::spawn(move || {
        listener.during(|| {
            let _held = held;
            panic_quietly("a thread of the program")
        })
    });
    let payload = unwound.join().expect_err("expected the thread's own panic");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"a thread of the program"));
    assert_eq!(office.listener.take_one().short(), ("dead_letter", "NOT_HANDLED"));
}

#[test]
fn a_subscriber_may_send_ask_register_and_deregister() {
    let kept: Arc<Mutex<Option<Kernel>>> = Arc::default();
    let busy = {
        let kept = kept.clone();
        Listener::that(move |_| {
            let Some(kernel) = kept.lock().unwrap().clone() else {
                return;
            };
            let app = kernel.namespace("office").open().unwrap();
            kernel.notify("clerk.office.".parse().unwrap(), Deed::Well).unwrap();
            let _ = kernel.ask("clerk.office.".parse().unwrap(), Deed::Well).wait();
            let passing = app.register_on(1, Clerk(Weakness::Nowhere)).unwrap();
            app.deregister(passing).unwrap();
            assert!(kernel.counters().sent > 0);
        })
    };
    let mut office = Office::new(busy);
    let setup = Setup::new().name("clerk").thread(1);
    office.app.register_factory(setup, factory(&[])).unwrap();
    *kept.lock().unwrap() = Some(office.test.kernel().clone());
    let (counters, _) = a_bad_day(&mut office);
    let events = office.listener.take().len() as u64;
    assert!(counters.is_balanced(), "{counters:?}");
    assert_eq!(counters.registered - 5, events, "expected a target for each event, beside five: {counters:?}");
    assert_eq!(counters.deregistered - 1, events, "expected each to have gone: {counters:?}");
    // The kernel is not to live until its own end.
    *kept.lock().unwrap() = None;
}

#[test]
fn a_subscriber_may_end_held_messages() {
    let held: Arc<Mutex<Vec<HeldMessage>>> = Arc::default();
    let ending = {
        let held = held.clone();
        Listener::that(move |_| {
            let next = held.lock().unwrap().pop();
            match next {
                Some(message) if message.message().wants_answer() => message.forward("1.".parse().unwrap()),
                next => drop(next),
            }
        })
    };
    let mut office = Office::new(ending);
    let holder = Probe::new("holder");
    holder.hold::<Riddle>();
    let to = office.app.register(holder.clone()).unwrap();
    office.act(move |ctx| {
        for _ in 0..10 {
            ctx.notify(to, Riddle);
            let _ = ctx.request(to, Riddle);
        }
    });
    held.lock().unwrap().extend(std::iter::from_fn(|| holder.take_held::<Riddle>()).map(rohrpost::Held::into_inner));
    assert_eq!(held.lock().unwrap().len(), 20);
    let (counters, _) = a_bad_day(&mut office);
    assert!(held.lock().unwrap().is_empty(), "expected all to have ended");
    assert!(counters.is_balanced(), "{counters:?}");
    assert_eq!(office.listener.take().len() as u64, counters.returned + counters.dead_letters + counters.panics + 2);
}

/// A target that keeps a subscriber for its thread.
struct Ear {
    _guard: tracing::subscriber::DefaultGuard,
}
impl rohrpost::Target for Ear {
    fn receive(&mut self, _: &mut rohrpost::Message<'_>, _: &mut rohrpost::Context<'_>) -> rohrpost::Outcome {
        rohrpost::Outcome::Handled
    }
}

#[test]
fn a_subscriber_may_send_from_the_threads_of_a_kernel_that_stops() {
    let kernel = Kernel::builder("town").start().unwrap();
    let app = kernel.namespace("office").threads(2).open().unwrap();
    let far = app.register_factory(Setup::new().thread(1), factory(&[])).unwrap();
    let listener = {
        let kernel = kernel.clone();
        Listener::that(move |_| drop(kernel.notify(far, Deed::Well)))
    };
    for index in 0..2 {
        let listener = listener.clone();
        let build = move |thread: Thread<'_>| {
            thread.register(Ear { _guard: tracing::subscriber::set_default(listener) })?;
            Ok(())
        };
        app.build_on(index, build).unwrap();
    }
    let near = app.register_factory(Setup::new(), factory(&[])).unwrap();
    for _ in 0..50 {
        kernel.notify(near, Deed::Call(far, Box::new(Deed::Well))).unwrap();
        let failure = kernel.ask(far, Deed::Panic("too much")).wait().unwrap_err();
        assert_eq!(failure.code(), Code::EXCEPTION);
    }
    // What is asked behind all that is answered after it.
    for to in [near, far] {
        kernel.ask(to, Deed::Well).wait().unwrap();
    }
    assert_eq!(listener.take().len(), 150, "expected a return, a panic and a restart each time");
    for _ in 0..50 {
        kernel.notify(near, Deed::Call(far, Box::new(Deed::Well))).unwrap();
        kernel.notify(far, Deed::Panic("too much")).unwrap();
    }
    let report = kernel.stop(Duration::from_secs(60));
    assert!(report.is_complete(), "{report:?}");
    let counters = kernel.counters();
    assert!(counters.is_balanced() && counters.panics >= 50, "{counters:?}");
}
