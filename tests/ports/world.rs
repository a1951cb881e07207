//! A node with a locker: a port that keeps mail until somebody fetches it, as a device does that is not always there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::testing::{Probe, TestKernel};
use rohrpost::{Address, Code, HeldMessage, Inlet, Message, Nid, NodeId, Origin, Port, RecordId, Stub, record};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Add(pub(crate) i64, pub(crate) i64);
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sum(pub(crate) i64);
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note(pub(crate) u32);
#[derive(Clone, Debug)]
pub(crate) struct Secret;
record!(Add, "ports.add" => Sum);
record!(Sum, "ports.sum");
record!(Note, "ports.note");
record!(Secret, "ports.secret", local);

/// The node that the locker reaches.
pub(crate) const DEVICE: NodeId = NodeId::name("device-7");

/// Keeps all mail for one node.
#[derive(Debug, Default)]
pub(crate) struct Locker {
    mail: Mutex<VecDeque<HeldMessage>>,
    inlet: Mutex<Option<Inlet>>,
    stopped: Mutex<Vec<usize>>,
    /// The numbers with which mail came back that was brought in, and its code.
    back: Mutex<Vec<(Stub, Code)>>,
    /// The namespace whose services the device is said to offer.
    offered: Mutex<Option<Nid>>,
    /// How much mail had come each time it was flushed.
    flushed: Mutex<Vec<usize>>,
}

impl Port for Locker {
    fn reaches(&self, node: NodeId) -> bool {
        node == DEVICE
    }

    fn start(&self, inlet: Inlet) {
        *self.inlet.lock().unwrap() = Some(inlet);
    }

    fn nearest(&self, namespace: Nid, _: RecordId) -> Option<(NodeId, Duration)> {
        let offered = *self.offered.lock().unwrap();
        (offered == Some(namespace)).then_some((DEVICE, Duration::from_millis(1)))
    }

    fn deliver(&self, mail: HeldMessage) {
        assert!(mail.record::<Note>() != Some(&Note(13)), "expected this to be caught");
        self.mail.lock().unwrap().push_back(mail);
    }

    fn flush(&self) {
        let come = self.mail.lock().unwrap().len();
        self.flushed.lock().unwrap().push(come);
    }

    fn take_back(&self, stub: Stub, message: Message<'static>) {
        self.back.lock().unwrap().push((stub, message.code()));
    }

    fn stop(&self) {
        let left = std::mem::take(&mut *self.mail.lock().unwrap());
        self.stopped.lock().unwrap().push(left.len());
    }
}

impl Locker {
    /// Fetches the oldest mail.
    pub(crate) fn fetch(&self) -> HeldMessage {
        self.mail.lock().unwrap().pop_front().expect("mail in the locker")
    }

    pub(crate) fn offer(&self, namespace: Nid) {
        *self.offered.lock().unwrap() = Some(namespace);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.mail.lock().unwrap().is_empty()
    }

    pub(crate) fn inlet(&self) -> Inlet {
        self.inlet.lock().unwrap().clone().expect("a port that has been started")
    }

    /// What came back by number since the last time.
    pub(crate) fn back(&self) -> Vec<(Stub, Code)> {
        std::mem::take(&mut *self.back.lock().unwrap())
    }

    /// How much mail had come each time it was flushed, since the last time.
    pub(crate) fn flushes(&self) -> Vec<usize> {
        std::mem::take(&mut *self.flushed.lock().unwrap())
    }

    /// How much mail was left each time it was stopped.
    pub(crate) fn stops(&self) -> Vec<usize> {
        self.stopped.lock().unwrap().clone()
    }
}

/// What came back to somebody outside.
pub(crate) type Returns = Arc<Mutex<Vec<(Code, Option<i64>)>>>;

/// A kernel with a locker, and a target that sends.
pub(crate) struct World {
    pub(crate) test: TestKernel,
    pub(crate) locker: Arc<Locker>,
    pub(crate) clerk: Probe,
    /// The clerk's address.
    pub(crate) home: Address,
    pub(crate) returns: Returns,
}

impl World {
    pub(crate) fn new() -> Self {
        let test = TestKernel::new("house");
        let locker = Arc::new(Locker::default());
        test.kernel().attach(locker.clone());
        let clerk = Probe::new("clerk");
        let home = test.namespace("app").threads(2).open().unwrap().register(clerk.clone()).unwrap();
        Self { test, locker, clerk, home, returns: Returns::default() }
    }

    /// An address on the device.
    pub(crate) fn lamp() -> Address {
        Address::service(Nid::name("lamp")).on_node(DEVICE)
    }

    /// Brings a message in; what comes back of it is among the returns.
    pub(crate) fn bring(&self, message: Message<'static>, origin: Origin) {
        let returns = self.returns.clone();
        let origin = origin.back(move |message| {
            returns.lock().unwrap().push((message.code(), message.record::<Sum>().map(|sum| sum.0)));
        });
        self.locker.inlet().bring(message, origin);
    }

    /// Runs the workers until nothing is left to do.
    pub(crate) fn rest(&mut self) {
        self.test.run_until_idle().unwrap();
    }

    pub(crate) fn returns(&self) -> Vec<(Code, Option<i64>)> {
        std::mem::take(&mut *self.returns.lock().unwrap())
    }
}

impl Drop for World {
    /// Looks whether everything has been counted once.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        while self.clerk.take_held::<Add>().is_some() {}
        self.locker.stop();
        self.rest();
        let counters = self.test.kernel().counters();
        assert!(counters.is_balanced(), "expected all mail to be counted where it ended: {counters:?}");
    }
}
