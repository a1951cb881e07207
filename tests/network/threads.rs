//! The same on threads of their own, by the system's clock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rohrpost::net::Joining;
use rohrpost::net::memory::Network;
use rohrpost::{Address, Code, Context, Kernel, Message, NodeId, Outcome, Target, record};

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

/// Sends notes in batches of several hundred; the question behind each tells when to send the next.
struct Streamer {
    to: Address,
    sent: u32,
    returned: Arc<Mutex<Vec<u32>>>,
    /// Told of the first note that comes back, and of the end.
    tell: mpsc::Sender<&'static str>,
}

const BATCH: u32 = 300;
const BATCHES: u32 = 60;

impl Streamer {
    fn send(&mut self, ctx: &Context<'_>) {
        if self.sent == BATCH * BATCHES {
            return self.tell.send("end").unwrap();
        }
        (0..BATCH).for_each(|number| ctx.notify(self.to, Note(self.sent + number)));
        self.sent += BATCH;
        let _ = ctx.request(self.to, Add(1, 1));
    }
}

impl Target for Streamer {
    fn receive(&mut self, _: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        self.send(ctx);
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        if let Some(&Note(number)) = answer.record() {
            let mut returned = self.returned.lock().unwrap();
            returned.push(number);
            if returned.len() == 1 {
                self.tell.send("lost").unwrap();
            }
            return;
        }
        if answer.code().is_ok() {
            return self.send(ctx);
        }
        // Nobody is there: the next try is due a little later.
        ctx.timer(Again).after(Duration::from_millis(5)).unwrap();
    }
}

#[derive(Clone, Debug)]
struct Again;
record!(Again, "net.threads.again", local);

/// Notes what comes from whom, adds, and tells of the thousandth note.
struct Reader(Arc<Mutex<HashMap<Address, Vec<u32>>>>, u32, mpsc::Sender<&'static str>);

impl Target for Reader {
    fn receive(&mut self, message: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        if let Some(&Note(number)) = message.record() {
            self.0.lock().unwrap().entry(message.sender().unwrap()).or_default().push(number);
            self.1 += 1;
            if self.1 == 1000 {
                self.2.send("thousand").unwrap();
            }
        } else {
            message.answer(Sum(2));
        }
        Outcome::Handled
    }
}

#[test]
fn streams_of_two_threads_arrive_in_order_or_come_back_though_the_way_is_cut_in_the_middle() {
    let network = Network::new();
    let kernels = ["north", "south"].map(|name| Kernel::builder(name).start().unwrap());
    let settings = Joining::new().heartbeat(Duration::from_millis(20)).lease(Duration::from_millis(200));
    let nets = kernels.each_ref().map(|kernel| network.join_with(kernel, settings.clone()).unwrap());
    assert!(nets[0].wait_for(kernels[1].node(), SOON), "expected the two to meet");
    let (tell, told) = mpsc::channel();
    let read = Arc::default();
    let reader = Reader(Arc::clone(&read), 0, tell.clone());
    let to = kernels[1].namespace("app").capacity(8192).open().unwrap().register(reader).unwrap();
    let app = kernels[0].namespace("app").threads(2).open().unwrap();
    let streams = [(); 2].map(|()| {
        let returned = Arc::default();
        let streamer = Streamer { to, sent: 0, returned: Arc::clone(&returned), tell: tell.clone() };
        (app.register(streamer).unwrap(), returned)
    });
    streams.iter().for_each(|(streamer, _)| kernels[0].notify(*streamer, Again).unwrap());
    let mut ends = 0;
    while ends < streams.len() {
        match told.recv_timeout(SOON).expect("expected the streams to go on") {
            "thousand" => network.cut(kernels[0].node(), kernels[1].node()),
            "lost" => network.heal(),
            _ => ends += 1,
        }
    }
    for kernel in &kernels {
        let report = kernel.stop(SOON);
        assert!(report.is_complete(), "expected all threads to end: {report:?}");
        assert!(kernel.counters().is_balanced(), "expected all mail to be counted: {:?}", kernel.counters());
    }
    let read = read.lock().unwrap();
    for (streamer, returned) in &streams {
        let (read, mut returned) = (&read[streamer], returned.lock().unwrap().clone());
        assert!(read.is_sorted_by(|one, next| one < next), "expected their order, and none twice");
        assert!(returned.is_sorted_by(|one, next| one < next), "expected what comes back to, too");
        returned.extend(read);
        returned.sort_unstable();
        returned.dedup();
        assert_eq!(returned.len() as u32, BATCH * BATCHES, "expected each to have been read or returned");
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
