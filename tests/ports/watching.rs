//! Watching what is behind a port: the port brings the news, once.

use std::sync::{Arc, Mutex};

use rohrpost::testing::TestKernel;
use rohrpost::{
    Address, Code, Context, Ended, Failure, Handle, HeldMessage, Inlet, NodeId, Parting, Port, Reason, Watch, handles,
    record,
};

use crate::world::{DEVICE, World};

/// Knows who is watched, and nothing else.
#[derive(Debug, Default)]
struct Sentry(Mutex<Option<Inlet>>, Mutex<Vec<(Address, Watch)>>);

impl Port for Sentry {
    fn reaches(&self, node: NodeId) -> bool {
        node == DEVICE
    }
    fn start(&self, inlet: Inlet) {
        *self.0.lock().unwrap() = Some(inlet);
    }
    fn deliver(&self, _: HeldMessage) {}
    fn watch(&self, target: Address, watch: Watch) -> bool {
        self.1.lock().unwrap().push((target, watch));
        true
    }
    fn unwatch(&self, target: Address, watch: Watch) {
        self.1.lock().unwrap().retain(|known| *known != (target, watch));
    }
    fn stop(&self) {}
}

#[derive(Clone, Debug)]
enum Order {
    Watch(Address),
    Unwatch(Address),
}
#[derive(Clone, Debug, PartialEq)]
struct Done(Result<(), Code>);
record!(Order, "ports.watch-order" => Done);
record!(Done, "ports.watch-done");

#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<Vec<Ended>>>);

impl Handle<Order> for Keeper {
    fn handle(&mut self, order: &Order, ctx: &mut Context<'_>) -> Result<Done, Failure> {
        match *order {
            Order::Watch(ward) => Ok(Done(ctx.watch(ward))),
            Order::Unwatch(ward) => {
                ctx.unwatch(ward);
                Ok(Done(Ok(())))
            }
        }
    }
}
impl Handle<Ended> for Keeper {
    fn handle(&mut self, ended: &Ended, _: &mut Context<'_>) -> Result<(), Failure> {
        self.0.lock().unwrap().push(ended.clone());
        Ok(())
    }
}
handles!(Keeper: Order, Ended);

#[test]
fn what_a_port_says_of_a_watch_is_told_once_and_only_of_its_own_node() {
    let mut test = TestKernel::new("house");
    let (port, keeper) = (Arc::new(Sentry::default()), Keeper::default());
    test.kernel().attach(port.clone());
    let home = test.namespace("app").open().unwrap().register(keeper.clone()).unwrap();
    let lamps: [Address; 3] =
        ["1.lamp.device-7", "2.lamp.device-7", "3.lamp.device-7"].map(|text| text.parse().unwrap());
    for lamp in lamps {
        assert_eq!(test.ask(home, Order::Watch(lamp)).unwrap(), Done(Ok(())));
    }
    let watches: Vec<Watch> = port.1.lock().unwrap().iter().map(|&(_, watch)| watch).collect();
    let inlet = port.0.lock().unwrap().clone().unwrap();
    test.ask(home, Order::Unwatch(lamps[2])).unwrap();
    assert_eq!(port.1.lock().unwrap().len(), 2, "expected the port to be told of the end of a watch");
    inlet.ended(NodeId::name("stranger"), watches[0], Reason::Gone);
    for _ in 0..2 {
        inlet.ended(DEVICE, watches[0], Reason::Deregistered);
        inlet.ended(DEVICE, watches[2], Reason::Deregistered);
        inlet.left(DEVICE, Parting::Closed);
    }
    test.run_until_idle().unwrap();
    let told: Vec<_> = keeper.0.lock().unwrap().iter().map(|ended| (ended.address, ended.reason.clone())).collect();
    assert_eq!(told, [(lamps[0], Reason::Deregistered), (lamps[1], Reason::NodeLeft(Parting::Closed))]);
}

#[test]
fn a_port_that_cannot_watch_is_an_error_at_once() {
    let mut world = World::new();
    let home = world.test.namespace("app").open().unwrap().register(Keeper::default()).unwrap();
    let lamp: Address = "1.lamp.device-7".parse().unwrap();
    assert_eq!(world.test.ask(home, Order::Watch(lamp)).unwrap(), Done(Err(Code::NO_NODE)));
}
