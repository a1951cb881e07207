//! Restarts under many orders of events: nothing is lost, nothing comes twice, nothing overtakes.

use std::time::Duration;

use rohrpost::testing::{Probe, explore};
use rohrpost::{Code, Meanwhile, Restart, Setup};

use crate::world::{Ask, Fail, File, SECOND};

const STEP: Duration = Duration::from_millis(400);

#[test]
fn every_request_ends_once_and_in_order_whenever_its_receiver_panics() {
    for meanwhile in [Meanwhile::Wait, Meanwhile::Return] {
        explore(0..150, |test| {
            let app = test.namespace("app").threads(3).open()?;
            let restart = Restart::new().backoff(SECOND..=SECOND * 4, 2).limit(4, SECOND * 30).meanwhile(meanwhile);
            let file = File::default();
            let patient = app.register_factory(Setup::new().restart(restart), file.factory(None))?;
            let probes = [Probe::new("zero"), Probe::new("one"), Probe::new("two")];
            for (thread, probe) in probes.iter().enumerate() {
                app.register_on(thread, probe.clone())?;
            }
            let mut sent = 0;
            for round in 0..6 {
                for (sender, probe) in probes.iter().enumerate() {
                    for number in 0..3 {
                        probe.request(patient, Ask((sender * 1000 + round * 10 + number) as u32));
                        sent += 1;
                    }
                }
                probes[(round + test.seed() as usize) % 3].request(patient, Fail);
                sent += 1;
                // Some of it is done before the clock moves, each time as much as the seed says.
                for _ in 0..test.seed() % 11 {
                    test.step();
                }
                test.advance(STEP * (test.seed() % 4) as u32)?;
            }
            test.advance(SECOND * 60)?;
            let ended: usize = probes.iter().map(|probe| probe.mail().len()).sum();
            assert_eq!(ended, sent, "expected one end of each request");
            let counters = test.kernel().counters();
            assert!(counters.is_balanced(), "{counters:?}");
            assert_eq!((counters.sent, counters.dead_letters), (sent as u64, 0), "{counters:?}");
            for sender in 0..3 {
                let its: Vec<u32> = file.asked.all().into_iter().filter(|number| number / 1000 == sender).collect();
                assert!(its.is_sorted(), "expected the order of sender {sender}: {its:?}");
            }
            let codes: Vec<String> =
                probes.iter().flat_map(Probe::mail).filter(|line| line.contains("returned")).collect();
            let known =
                [Code::EXCEPTION, Code::STOPPED, Code::NO_TARGET, Code::RESTARTING].map(|code| code.to_string());
            assert!(codes.iter().all(|line| known.iter().any(|code| line.contains(code))), "{codes:#?}");
            let restarting = codes.iter().any(|line| line.contains("RESTARTING"));
            assert!(!restarting || meanwhile == Meanwhile::Return, "expected mail to wait: {codes:#?}");
            Ok(())
        });
    }
}
