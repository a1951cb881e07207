//! Room that is reserved and has to be given back.

use std::sync::mpsc;

use rohrpost::Code;

use super::{asks, does, kernel, settle};

#[test]
fn a_refused_request_gives_its_room_back() {
    let kernel = kernel();
    let (app, mut worker) = kernel.namespace("app").requests(2).driven().unwrap();
    let (other, mut elsewhere) = kernel.namespace("other").capacity(1).driven().unwrap();
    let sink = other.register(does(|_, _| {})).unwrap();
    let (codes, code) = mpsc::channel();
    let asker = app.register(asks(sink, codes)).unwrap();
    settle(&mut [&mut worker, &mut elsewhere]);
    for _ in 0..5 {
        kernel.notify(sink, ()).unwrap();
        kernel.notify(asker, ()).unwrap();
        settle(&mut [&mut worker]);
        assert_eq!(code.try_recv(), Ok(Code::BUSY), "expected the hand-off to be full");
        settle(&mut [&mut elsewhere]);
    }
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut worker, &mut elsewhere]);
    assert_eq!(code.try_recv(), Ok(Code::OK), "expected room for a request, as none is under way");
}

#[test]
fn a_request_that_is_answered_at_home_after_a_detour_gives_its_room_back() {
    let kernel = kernel();
    let (app, mut worker) = kernel.namespace("app").requests(2).driven().unwrap();
    let (other, mut elsewhere) = kernel.namespace("other").driven().unwrap();
    let home = app.register(does(|_, _| {})).unwrap();
    let detour = other.register(does(move |message, ctx| ctx.forward(message, home))).unwrap();
    let (codes, code) = mpsc::channel();
    let asker = app.register(asks(detour, codes)).unwrap();
    for round in 0..5 {
        kernel.notify(asker, ()).unwrap();
        settle(&mut [&mut worker, &mut elsewhere]);
        assert_eq!(code.try_recv(), Ok(Code::OK), "expected room for a request in round {round}");
    }
}
