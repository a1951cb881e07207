//! The same on threads of their own, by the system's clock.

use std::time::Duration;

use rohrpost::net::memory::Network;
use rohrpost::{Code, Kernel, NodeId};

use crate::world::{Add, Calculator, Sum};

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
