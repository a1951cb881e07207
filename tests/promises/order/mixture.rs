//! Order through random mixtures of all ways within one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rohrpost::Address;

use super::{got, send_somehow};
use crate::ways::{Do, Probe, World, handle};

/// Numbers that look random and are the same every time (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Whoever takes part in a random mixture.
#[derive(Clone)]
struct Peers {
    a: Address,
    b: Address,
    named: Address,
    spare: [Address; 8],
    /// Counts what `a` has sent, at the moment when it sends it.
    sent: Arc<AtomicU32>,
}

/// Has `a` send to `b` from random situations, some nested in others.
fn mixture(dice: &mut Dice, peers: &Peers, nesting: u32) -> Do {
    let Peers { a, b, named, spare, .. } = *peers;
    let mut steps: Vec<(Address, Do)> = Vec::new();
    for _ in 0..=dice.roll(3) {
        let sent = peers.sent.clone();
        let to = if dice.roll(2) == 0 { b } else { named };
        let timed = dice.roll(3) == 0;
        let step = Do::new(move |_, ctx| {
            let number = sent.fetch_add(1, Ordering::Relaxed);
            if timed {
                send_somehow(&ctx.within(Duration::from_secs(60)), to, number);
            } else {
                send_somehow(ctx, to, number);
            }
        });
        let below = match dice.roll(4) {
            0 => vec![b],
            1 => spare[..dice.roll(7) as usize].to_vec(),
            2 => vec![spare[0], b, spare[1]],
            _ => Vec::new(),
        };
        steps.push(step.on_top_of(&below, a));
        if nesting > 0 && dice.roll(3) == 0 {
            steps.push((spare[7], mixture(dice, peers, nesting - 1)));
        }
    }
    Do::new(move |_, ctx| {
        for (to, step) in steps {
            ctx.notify(to, step);
        }
    })
}

#[test]
fn order_holds_through_any_mixture_of_direct_waiting_too_deep_timed_and_named_mail() {
    for seed in 0..300 {
        let mut world = World::driven();
        let mut dice = Dice(seed);
        let a = world.near("a", handle());
        let named = world.near.register_as("b", Probe::new("b", &world.log, handle())).unwrap();
        world.settle();
        let b = world.near.resolve("b").unwrap();
        let spare = [(); 8].map(|()| world.near("spare", handle()));
        let peers = Peers { a, b, named, spare, sent: Arc::default() };
        for _ in 0..6 {
            let step = mixture(&mut dice, &peers, 2);
            world.kernel.notify(spare[6], step).unwrap();
        }
        world.settle();
        let expected: Vec<u32> = (0..peers.sent.load(Ordering::Relaxed)).collect();
        assert_eq!(got(&world, "b"), expected, "expected the order sent, seed {seed}");
        world.balanced();
    }
}
