//! There are as many events as the counters say, in every order of turns.

use rohrpost::testing::{Probe, explore};

use crate::listener::{Listener, Told};
use crate::office::{Bomb, Deed, Office, Riddle};

#[test]
fn there_are_as_many_events_as_are_counted() {
    let mut seen = [0; 4];
    let seen_so_far = std::sync::Mutex::new(&mut seen);
    explore(0..100, |test| {
        let seed = test.seed();
        let test = std::mem::replace(test, rohrpost::testing::TestKernel::new("spare"));
        let mut office = Office::within(test, Listener::default());
        let (probed, near, far) = (office.probed, office.near, office.far);
        let gone = office.app.register_on(1, Probe::new("gone"))?;
        for round in 0..6 {
            office.probe.act(move |ctx| {
                for to in [near, far, gone, probed] {
                    let deed = match (seed + round) % 5 {
                        0 => Deed::Badly,
                        1 => Deed::Panic("a seed"),
                        2 => Deed::Call(near, Box::new(Deed::Badly)),
                        3 => Deed::Call(far, Box::new(Deed::Well)),
                        _ => Deed::PanicAtAnswerOf(near),
                    };
                    ctx.notify(to, deed.clone());
                    let _ = ctx.request(to, deed);
                }
            });
            let kernel = office.test.kernel();
            let _ = kernel.notify([near, far, gone][(seed % 3) as usize], Riddle);
            // Without a sender: a probe would keep what comes back, and nobody expects a bomb there.
            let _ = kernel.notify(far, Bomb);
            if round == seed % 6 {
                let _ = office.app.deregister([gone, near, probed][(seed % 3) as usize]);
            }
            let Office { test, listener, probe, .. } = &mut office;
            listener.during(|| (0..seed % 9).for_each(|_| _ = test.step()));
            if probe.address().is_none() {
                break;
            }
        }
        office.run();
        let counters = office.test.kernel().counters();
        let all = office.listener.take();
        let told = ["return", "dead_letter", "panic", "restart"]
            .map(|target| all.iter().filter(|told| told.target == target).count() as u64);
        let counted = [counters.returned, counters.dead_letters, counters.panics, counters.restarts];
        assert_eq!(told, counted, "expected what is counted: {:?}", all.iter().map(Told::short).collect::<Vec<_>>());
        assert!(counters.is_balanced(), "{counters:?}");
        for (sum, told) in seen_so_far.lock().unwrap().iter_mut().zip(told) {
            *sum += told;
        }
        Ok(())
    });
    assert!(seen.iter().all(|&sum| sum > 50), "expected many of each kind, not {seen:?}");
}
