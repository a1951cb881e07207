//! Who watches and monitors and goes leaves nothing behind: with whom it watched, with the workers, with the kernel.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[path = "stress/allocator.rs"]
mod allocator;

use rohrpost::{Address, Context, Driven, Ended, Filter, Kernel, Message, Namespace, Outcome, Target, record};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// Has a [`Follower`] watch and monitor.
#[derive(Clone, Copy, Debug)]
struct Follow(Address, Way);
record!(Follow, "leaks.follow");

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The follower goes.
    Go,
    /// It says that it wants to know no more.
    Stop,
}

struct Follower;

impl Target for Follower {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(&Follow(ward, way)) = message.record() {
            ctx.watch(ward).unwrap();
            let monitor = ctx.monitor(Filter::new()).unwrap();
            if way == Way::Stop {
                ctx.unwatch(ward);
                ctx.unmonitor(monitor);
            }
        }
        assert!(message.record::<Ended>().is_none(), "expected nobody to end who is watched");
        Outcome::Handled
    }
}

/// Many who follow the same target in both ways.
fn round(kernel: &Kernel, space: &Namespace, workers: &mut [Driven], ward: Address) {
    let mut settle = || while workers.iter_mut().map(Driven::run_until_idle).sum::<usize>() > 0 {};
    let staying = space.register(Follower).unwrap();
    for way in [Way::Go, Way::Stop].repeat(100) {
        let follower = if way == Way::Go { space.register(Follower).unwrap() } else { staying };
        kernel.notify(follower, Follow(ward, way)).unwrap();
        settle();
        if way == Way::Go {
            space.deregister(follower).unwrap();
            settle();
        }
    }
    space.deregister(staying).unwrap();
    settle();
}

#[test]
fn who_follows_and_goes_leaves_nothing_behind() {
    let kernel = Kernel::builder("leaks").start().unwrap();
    let (near, near_worker) = kernel.namespace("near").driven().unwrap();
    let (far, far_worker) = kernel.namespace("far").driven().unwrap();
    let mut workers = [near_worker, far_worker];
    for space in [&near, &far] {
        let ward = space.register(Follower).unwrap();
        round(&kernel, &near, &mut workers, ward);
        let before = allocator::live_bytes();
        for _ in 0..3 {
            round(&kernel, &near, &mut workers, ward);
        }
        let after = allocator::live_bytes();
        assert_eq!(after, before, "expected the memory in use to be what it was, with the one watched at {ward}");
    }
}
