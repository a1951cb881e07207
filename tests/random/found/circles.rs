//! Messages that are forwarded often.

use std::sync::mpsc;

use rohrpost::{Address, Code};

use super::{asks, does, in_time, kernel, settle};

#[test]
fn a_call_into_a_circle_of_forwarders_comes_back() {
    let code = in_time("a call into a circle", || {
        let kernel = kernel();
        let (app, mut worker) = kernel.namespace("app").driven().unwrap();
        let right: Address = "right..".parse().unwrap();
        let left = app.register(does(move |message, ctx| ctx.forward(message, right))).unwrap();
        let _ = app.register_as("right", does(move |message, ctx| ctx.forward(message, left))).unwrap();
        let (told, code) = mpsc::channel();
        let calls = does(move |_, ctx| {
            let _ = told.send(ctx.call(left, ()).map_err(|failure| failure.code()));
        });
        let caller = app.register(calls).unwrap();
        kernel.notify(caller, ()).unwrap();
        worker.run_until_idle();
        code.try_recv()
    });
    assert_eq!(code, Ok(Err(Code::WOULD_BLOCK)), "expected the call to be told that it goes on for ever");
}

#[test]
fn a_long_chain_of_forwards_reaches_a_target_by_its_name() {
    for length in 60..80 {
        let kernel = kernel();
        let (app, mut worker) = kernel.namespace("app").driven().unwrap();
        let mut last = app.register_as("last", does(|_, _| {})).unwrap();
        for _ in 0..length {
            let onward = last;
            last = app.register(does(move |message, ctx| ctx.forward(message, onward))).unwrap();
        }
        let (codes, code) = mpsc::channel();
        let asker = app.register(asks(last, codes)).unwrap();
        kernel.notify(asker, ()).unwrap();
        settle(&mut [&mut worker]);
        assert_eq!(code.try_recv(), Ok(Code::OK), "expected the request to be handled at the end of the chain");
    }
}

#[test]
fn a_long_chain_of_forwards_reaches_another_thread() {
    for length in 60..80 {
        let kernel = kernel();
        let (app, mut worker) = kernel.namespace("app").driven().unwrap();
        let (other, mut elsewhere) = kernel.namespace("other").driven().unwrap();
        // A number of a slot that the first worker does not have.
        let lasts: Vec<_> = (0..200).map(|_| other.register(does(|_, _| {})).unwrap()).collect();
        let mut last = lasts[199];
        for _ in 0..length {
            let onward = last;
            last = app.register(does(move |message, ctx| ctx.forward(message, onward))).unwrap();
        }
        let (codes, code) = mpsc::channel();
        let asker = app.register(asks(last, codes)).unwrap();
        kernel.notify(asker, ()).unwrap();
        settle(&mut [&mut worker, &mut elsewhere]);
        assert_eq!(code.try_recv(), Ok(Code::OK), "expected the request to be handled at the end of {length}");
    }
}
