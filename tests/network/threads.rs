//! The same on threads of their own, by the system's clock.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rohrpost::net::memory::Network;
use rohrpost::{Address, Code, Context, Kernel, Message, NodeId, Outcome, Target};

use crate::world::{Add, Calculator, Note, Sum, World};

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

/// Tells of each note.
struct Reader(Sender<u32>);

impl Target for Reader {
    fn receive(&mut self, message: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        self.0.send(message.record::<Note>().unwrap().0).unwrap();
        Outcome::Handled
    }
}

/// Sends notes, does not come to an end before all have been read, and tells how many came in order.
struct Stubborn(Address, Receiver<u32>, Sender<usize>);

impl Target for Stubborn {
    fn receive(&mut self, _: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        for number in 0..100 {
            ctx.notify(self.0, Note(number));
        }
        self.2.send((0..100).filter(|&number| self.1.recv_timeout(SOON) == Ok(number)).count()).unwrap();
        Outcome::Handled
    }
}

#[test]
fn mail_of_a_worker_that_does_not_come_to_rest_leaves_all_the_same() {
    let network = Network::new();
    let [north, south] = ["north", "south"].map(|name| Kernel::builder(name).start().unwrap());
    let _south = network.join(&south).unwrap();
    let net = network.join(&north).unwrap();
    assert!(net.wait_for(south.node(), SOON), "expected the two to meet");
    let (told, read) = channel();
    let reader = south.namespace("app").open().unwrap().register(Reader(told)).unwrap();
    let (done, end) = channel();
    let stubborn = north.namespace("app").open().unwrap().register(Stubborn(reader, read, done)).unwrap();
    for _ in 0..10 {
        north.notify(stubborn, Note(0)).unwrap();
        assert_eq!(end.recv_timeout(SOON * 2), Ok(100), "expected all, in order");
    }
}

/// Two nodes on one thread, of which one asks the other; once more when they are dropped.
struct Asking(World, Address, Sender<Result<Sum, Code>>);

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
    let (tell, told) = channel();
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
