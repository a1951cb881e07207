//! Whoever is woken because there is something to tell may ask the kernel for anything.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::time::Duration;

use rohrpost::{Address, Filter, Kernel, Namespace, record};

use crate::world::{Page, Scribe, World};

/// How long a test waits at most for what needs no more than a moment.
const SOON: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
struct Errand;
record!(Errand, "monitors.errand");

/// What the waker has served meanwhile.
#[derive(Clone, Debug)]
struct Aside;
record!(Aside, "monitors.aside");

/// Does with the kernel what takes its locks, and says so.
struct Meddler {
    kernel: Kernel,
    space: Namespace,
    somebody: Address,
    woken: Mutex<Sender<()>>,
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        let monitor = self.kernel.monitor(Filter::new(), self.somebody).unwrap();
        self.kernel.unmonitor(monitor);
        self.space.serve::<Aside>(self.somebody).unwrap();
        self.space.withdraw::<Aside>(self.somebody).unwrap();
        let other = self.kernel.namespace("opened-by-a-waker").open().unwrap();
        let _ = other.register(Scribe(Page::default())).unwrap();
        assert!(other.close(SOON).is_complete());
        // Nobody has to be there to hear it.
        let _ = self.woken.lock().unwrap().send(());
    }
}

/// Something that monitors are told of, or that starts or ends one.
type Deed = fn(&Kernel, &Namespace, Address);

const DEEDS: [(&str, Deed); 8] = [
    ("a namespace opens", |kernel, _, _| drop(kernel.namespace("late").open().unwrap())),
    ("a namespace closes", |kernel, _, _| {
        assert!(kernel.namespace("late").open().unwrap().close(SOON).is_complete());
    }),
    ("a topic opens", |_, space, _| assert!(space.topic::<Errand>().open().is_ok())),
    ("a topic closes", |_, space, _| space.close_service::<Errand>().unwrap()),
    ("a target serves", |_, space, somebody| space.serve::<Errand>(somebody).unwrap()),
    ("a target withdraws", |_, space, somebody| space.withdraw::<Errand>(somebody).unwrap()),
    ("a monitor begins", |kernel, _, somebody| assert!(kernel.monitor(Filter::new(), somebody).is_ok())),
    ("a worker opens", |kernel, _, _| drop(kernel.namespace("driven").driven().unwrap())),
];

/// Does all deeds while a waker waits for each; says of each when it has ended.
fn wake_for_each(ended: &Sender<()>) {
    let mut world = World::new(2);
    let ((watcher, _), (somebody, _)) = (world.scribe(0), world.scribe(1));
    world.kernel.monitor(Filter::new(), watcher).unwrap();
    world.settle();
    for (what, deed) in DEEDS {
        let (woken, is_woken) = mpsc::channel();
        let (kernel, space) = (world.kernel.clone(), world.spaces[1].clone());
        let meddler = Meddler { kernel, space, somebody, woken: Mutex::new(woken) };
        let asleep = world.workers[0].as_ref().unwrap().wake_for_mail(Arc::new(meddler).into());
        assert!(asleep, "expected nothing to do before {what}");
        deed(&world.kernel, &world.spaces[1], somebody);
        assert!(is_woken.try_recv().is_ok(), "expected somebody to be woken when {what}");
        let _ = ended.send(());
        world.settle();
    }
}

#[test]
fn a_waker_may_call_the_kernel_whatever_it_is_woken_for() {
    let (ended, end) = mpsc::channel();
    // Of its own, so that one that never ends is left behind.
    let waking = std::thread::spawn(move || wake_for_each(&ended));
    for (what, _) in DEEDS {
        end.recv_timeout(SOON).unwrap_or_else(|_| panic!("expected the waker to end when {what}"));
    }
    waking.join().unwrap();
}
