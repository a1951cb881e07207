//! Registrations that cannot be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use rohrpost::{BuildError, Code, Context, Message, Namespace, Outcome, RegisterError, Setup, Target};

use crate::{Echo, PATIENCE, Ping, Pong, kernel, ping, says};

#[test]
fn a_name_is_given_once_and_whoever_has_it_keeps_it() {
    let kernel = kernel();
    let alive = Arc::default();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    for name in ["router", "7"] {
        let first = space.register_as(name, Echo::counted(1, &alive)).unwrap();
        assert_eq!(ping(&kernel, first), Ok(Pong(1)));
        let there = alive.load(Ordering::SeqCst);
        for setup in [Setup::new(), Setup::new().thread(1), Setup::new().spread()] {
            let setup = setup.name(name);
            let error = space.register_with(setup.clone(), Echo::counted(2, &alive)).expect_err("expected no target");
            says(&error, &[name, "already", "another name"]);
            assert!(
                matches!(error, RegisterError::NameTaken(tid) if tid.to_string() == name),
                "expected it: {error:?}"
            );
            let made = alive.clone();
            let error = space.register_factory(setup, move || Echo::counted(3, &made));
            assert!(matches!(error, Err(RegisterError::NameTaken(_))), "expected no target of a factory");
        }
        let inside = alive.clone();
        let error = space.build_on(0, move |thread| Ok(thread.register_as(name, Echo::counted(4, &inside))?));
        let error = error.expect_err("expected no target from inside");
        says(&error, &[name]);
        assert_eq!(ping(&kernel, first), Ok(Pong(1)), "expected the first one to have stayed");
        assert_eq!(alive.load(Ordering::SeqCst), there, "expected the others to be dropped");
    }
    let elsewhere = kernel.namespace("elsewhere").open().unwrap().register_as("router", Echo::new(9)).unwrap();
    assert_eq!(ping(&kernel, elsewhere), Ok(Pong(9)), "expected the name to be free in another namespace");
}

#[test]
fn a_target_needs_a_name_that_is_one_or_none() {
    let kernel = kernel();
    let alive = Arc::new(AtomicUsize::new(0));
    let space = kernel.namespace("space").open().unwrap();
    for (name, parts) in [("", &["empty"][..]), ("my router", &["my router", "' '"]), ("a.b", &["a.b", "'.'"])] {
        let error = space.register_as(name, Echo::counted(1, &alive)).expect_err("expected no target");
        says(&error, &["target"]);
        says(&error, parts);
        assert_eq!(space.resolve(name), Err(Code::NO_TARGET), "expected nobody under {name:?}");
    }
    assert_eq!(alive.load(Ordering::SeqCst), 0, "expected what was not registered to be dropped");
}

#[test]
fn a_thread_that_does_not_exist_is_named_with_how_many_there_are() {
    let kernel = kernel();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    for index in [2, 3, usize::MAX] {
        let parts = [&index.to_string(), "has 2"];
        says(&space.register_on(index, Echo::new(1)).expect_err("expected no thread"), &parts.map(|part| part as &str));
        let error = space.build_on(index, |_| Ok(())).expect_err("expected no thread");
        says(&error, &parts.map(|part| part as &str));
        let setup = Setup::new().thread(index).name("named");
        assert!(space.register_with(setup, Echo::new(1)).is_err(), "expected no thread");
        assert_eq!(space.resolve("named"), Err(Code::NO_TARGET), "expected the name to be free");
    }
    let error = space.build_on(0, |thread| Ok(thread.register_with(Setup::new().thread(1), Echo::new(1))?));
    says(&error.expect_err("expected another thread to be refused from inside"), &["1", "own thread"]);
}

#[test]
fn building_on_another_thread_is_refused_where_it_would_have_to_wait() {
    /// Builds where it is told to.
    struct Builder(Namespace, mpsc::Sender<Result<(), BuildError>>);
    impl Target for Builder {
        fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            let thread = message.record::<Ping>().map_or(0, |ping| ping.0 as usize);
            let _ = self.1.send(self.0.build_on(thread, |_| Ok(())));
            Outcome::Handled
        }
    }

    let kernel = kernel();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    let (told, results) = mpsc::channel();
    let builder = space.register(Builder(space.clone(), told)).unwrap();
    for thread in [0, 1] {
        kernel.notify(builder, Ping(thread)).unwrap();
        let result = results.recv_timeout(PATIENCE).expect("expected the handler not to wait");
        match thread {
            0 => assert!(result.is_ok(), "expected its own thread to do: {result:?}"),
            _ => says(&result.expect_err("expected a refusal"), &["thread 1", "own thread"]),
        }
    }
    let (driven, _worker) = kernel.namespace("driven").driven().unwrap();
    let error = driven.build_on(0, |_| Ok(())).expect_err("expected the driver not to wait for itself");
    says(&error, &["thread 0", "`Driven::build`"]);
}
