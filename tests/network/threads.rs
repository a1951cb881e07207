//! The same on threads of their own, by the system's clock.

use std::cell::RefCell;
use std::sync::mpsc;
use std::time::Duration;

use rohrpost::net::memory::Network;
use rohrpost::{Address, Code, Kernel, NodeId};

use crate::world::{Add, Calculator, Sum, World};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn two_nodes_on_threads_ask_each_other_until_one_stops() {
    let network = Network::new();
    let kernels = ["north", "south"].map(|name| Kernel::builder(name).start().unwrap());
    let nets = kernels.each_ref().map(|kernel| network.join(kernel).unwrap());
    let calculators =
        kernels.each_ref().map(|kernel| kernel.namespace("app").open().unwrap().register(Calculator).unwrap());
    for (kernel, net) in kernels.iter().zip(&nets) {
        let other = if kernel.node() == kernels[0].node() { kernels[1].node() } else { kernels[0].node() };
        assert!(net.wait_for(other, SOON), "expected the two to meet");
        assert!(!net.wait_for(NodeId::name("nobody"), Duration::from_millis(1)), "expected nobody else to come");
        for calculator in calculators {
            for number in 0..200 {
                let answer = kernel.ask(calculator, Add(number, 1000)).timeout(SOON).wait().unwrap();
                assert_eq!(answer, Sum(number + 1000));
            }
        }
    }
    let report = kernels[1].stop(SOON);
    assert!(report.is_complete(), "expected all threads to end: {report:?}");
    let end = kernels[0].ask(calculators[1], Add(1, 1)).timeout(SOON).wait();
    let code = end.map_err(|failure| failure.code());
    assert!([Err(Code::NO_NODE), Err(Code::NODE_LOST)].contains(&code), "expected nobody to be there: {code:?}");
    for kernel in &kernels {
        let _ = kernel.stop(SOON);
        assert!(kernel.counters().is_balanced(), "expected all mail to be counted: {:?}", kernel.counters());
    }
}

/// Two nodes on one thread, of which one asks the other; once more when they are dropped.
struct Asking(World, Address, mpsc::Sender<Result<Sum, Code>>);

impl Asking {
    fn ask(&mut self) {
        let end = self.0.nodes[0].test.ask(self.1, Add(1, 2));
        self.2.send(end.map_err(|failure| failure.code())).unwrap();
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.ask();
    }
}

#[test]
fn nodes_that_a_thread_keeps_write_to_each_other_until_it_has_ended() {
    thread_local! {
        static KEPT: RefCell<Option<Asking>> = const { RefCell::new(None) };
    }
    let (tell, told) = mpsc::channel();
    // What is there first goes last, after the variables of the library.
    let thread = std::thread::spawn(|| {
        KEPT.with_borrow_mut(|kept| {
            let world = World::new(2);
            let calculator = world.register(1, Calculator);
            kept.insert(Asking(world, calculator, tell)).ask();
        });
    });
    assert!(thread.join().is_ok(), "expected the thread to end as any other");
    assert_eq!(told.iter().collect::<Vec<_>>(), [Ok(Sum(3)), Ok(Sum(3))], "expected both answers");
}
