//! Workers that have gone, and those who have their numbers now.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use rohrpost::{Code, HeldMessage};

use super::{asks, does, keeps, kernel, settle};

#[test]
fn an_answer_to_a_worker_that_has_gone_leaves_its_successor_alone() {
    let kernel = kernel();
    let shelf = Arc::default();
    let (asking, mut first) = kernel.namespace("asking").driven().unwrap();
    let (keeping, mut keeper) = kernel.namespace("keeping").driven().unwrap();
    let held = keeping.register(keeps(Arc::clone(&shelf))).unwrap();
    let (codes, _old) = mpsc::channel();
    let asker = asking.register(asks(held, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut first, &mut keeper]);
    let old = shelf.lock().unwrap().pop().expect("a held request");

    let _ = asking.close(Duration::ZERO);
    drop(first);
    let (asking, mut second) = kernel.namespace("asking").driven().unwrap();
    old.finish(Code::OK);
    settle(&mut [&mut second, &mut keeper]);

    let (codes, new) = mpsc::channel();
    let asker = asking.register(asks(held, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut second, &mut keeper]);
    shelf.lock().unwrap().pop().expect("expected the successor's request to get through").finish(Code::OK);
    settle(&mut [&mut second, &mut keeper]);
    assert_eq!(new.try_recv(), Ok(Code::OK), "expected the successor to get its own answer");
    assert!(kernel.counters().is_balanced(), "expected balanced counters: {:?}", kernel.counters());
}

#[test]
fn a_request_of_a_gone_worker_that_ends_at_its_successor_harms_nobody() {
    let kernel = kernel();
    let shelf = Arc::default();
    let (asking, mut first) = kernel.namespace("asking").driven().unwrap();
    let (keeping, mut keeper) = kernel.namespace("keeping").driven().unwrap();
    let held = keeping.register(keeps(Arc::clone(&shelf))).unwrap();
    let (codes, _old) = mpsc::channel();
    let asker = asking.register(asks(held, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut first, &mut keeper]);
    let old = shelf.lock().unwrap().pop().expect("a held request");

    drop(first);
    let (asking, mut second) = kernel.namespace("asking").driven().unwrap();
    let sink = asking.register(does(|_, _| {})).unwrap();
    old.forward(sink);
    settle(&mut [&mut second, &mut keeper]);
    let counters = kernel.counters();
    assert_eq!((counters.handled, counters.dead_answers), (2, 1), "expected an answer for nobody: {counters:?}");
}

#[test]
fn a_request_of_a_gone_worker_takes_no_room_of_its_successor() {
    let kernel = kernel();
    let shelf = Arc::default();
    let (asking, mut first) = kernel.namespace("asking").driven().unwrap();
    let (other, mut elsewhere) = kernel.namespace("other").driven().unwrap();
    let held = asking.register(keeps(Arc::clone(&shelf))).unwrap();
    let (codes, _old) = mpsc::channel();
    let asker = asking.register(asks(held, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut first, &mut elsewhere]);
    drop(first);

    let (asking, mut second) = kernel.namespace("asking").requests(1).driven().unwrap();
    let sink = other.register(does(|_, _| {})).unwrap();
    let forwards = {
        let shelf = Arc::clone(&shelf);
        does(move |_, _| shelf.lock().unwrap().drain(..).for_each(|held: HeldMessage| held.forward(sink)))
    };
    let forwarder = asking.register(forwards).unwrap();
    kernel.notify(forwarder, ()).unwrap();
    settle(&mut [&mut second, &mut elsewhere]);
    let (codes, code) = mpsc::channel();
    let asker = asking.register(asks(sink, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut second, &mut elsewhere]);
    assert_eq!(code.try_recv(), Ok(Code::OK), "expected room for a request, as none is under way");
}
