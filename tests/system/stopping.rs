//! A kernel that is told to stop by message answers, then stops.

use rohrpost::system::{ADDRESS, Ping, Stop};
use rohrpost::{Code, Kernel};

use crate::world::{Asker, PATIENCE, World, poll};

#[test]
fn a_plain_thread_is_answered_before_the_kernel_stops() {
    let kernel = Kernel::builder("node").start().unwrap();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    let asker = space.register(Asker).unwrap();
    assert_eq!(
        kernel.ask(kernel.system(), Stop).wait().map_err(|failure| failure.code()),
        Ok(()),
        "expected an answer"
    );
    let failure = kernel.ask(asker, Ping).wait().expect_err("expected nobody to be there");
    assert_eq!(failure.code(), Code::STOPPED, "expected the reason");
    let failure = kernel.ask(kernel.system(), Ping).wait().expect_err("expected no answer");
    assert_eq!(failure.code(), Code::STOPPED, "expected the reason");
    let report = kernel.stop(PATIENCE);
    assert!(report.is_complete(), "expected the threads to have ended or to end now: {report:?}");
    assert_eq!(report.ended.len(), 2, "expected both to be in the report");
    assert!(kernel.counters().is_balanced(), "expected even counters, not {:?}", kernel.counters());
}

#[test]
fn a_target_is_answered_before_it_stops_with_its_kernel() {
    let mut world = World::new(2);
    let asker = world.asker(0);
    let ends = world.run(asker, |me, ctx, told| {
        ctx.request(ADDRESS, Stop).then_on(me, move |_, end, ctx| {
            let again = ctx.call(ADDRESS, Ping).map(|_| ());
            told.send([end, again].map(|end| end.map_err(|failure| failure.code()))).unwrap();
        });
    });
    assert_eq!(ends, [[Ok(()), Err(Code::STOPPED)]], "expected an answer, and none after it");
    assert!(world.kernel.namespace("more").open().is_err(), "expected the kernel to have stopped");
    world.workers.clear();
    assert!(world.kernel.counters().is_balanced(), "expected even counters, not {:?}", world.kernel.counters());
}

#[test]
fn a_target_on_a_thread_can_stop_its_kernel() {
    for call in [false, true] {
        let kernel = Kernel::builder("node").start().unwrap();
        let space = kernel.namespace("space").threads(2).open().unwrap();
        let asker = space.register(Asker).unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        let step = crate::world::Do::new(move |me, ctx| {
            if call {
                told.send(ctx.call(ADDRESS, Stop).map_err(|failure| failure.code())).unwrap();
            } else {
                ctx.request(ADDRESS, Stop).then_on(me, move |_, end, _| {
                    told.send(end.map_err(|failure| failure.code())).unwrap();
                });
            }
        });
        kernel.notify(asker, step).unwrap();
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(Ok(())), "expected an answer");
        assert!(kernel.stop(PATIENCE).is_complete(), "expected the threads to have ended or to end now");
        assert!(kernel.counters().is_balanced(), "expected even counters, not {:?}", kernel.counters());
    }
}

#[test]
fn who_waits_when_the_kernel_stops_is_told() {
    let mut world = World::new(1);
    let asker = world.asker(0);
    let mut waiting = world.kernel.ask(asker, Ping);
    assert!(poll(&mut waiting).is_none(), "expected the question to wait for its worker");
    assert_eq!(world.kernel.ask(world.kernel.system(), Stop).wait().map_err(|failure| failure.code()), Ok(()));
    let end = poll(&mut waiting).expect("expected an end").map_err(|failure| failure.code());
    assert_eq!(end, Err(Code::STOPPED), "expected the reason");
}
