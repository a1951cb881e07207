//! Where the machine is: asked, saved and brought back.

use rohrpost::machine::{RestoreError, Snapshot};
use rohrpost::{MachineTarget, WhichState};

use crate::rig::{Buy, Open, Rig, Shop, ShopChart, Sold, end};

#[test]
fn a_machine_tells_where_it_is_whatever_its_state() {
    let mut rig = Rig::new();
    for expected in ["Closed", "Ready"] {
        let snapshot = end(&mut rig.ask(WhichState)).unwrap().unwrap();
        assert_eq!(snapshot.active, [expected]);
        rig.notify(Open);
    }
}

#[test]
fn a_resumed_machine_goes_on_where_the_saved_one_was_without_running_anything() {
    let mut rig = Rig::new();
    rig.notify(Open);
    let snapshot = end(&mut rig.ask(WhichState)).unwrap().unwrap();
    rig.take();
    let resumed = MachineTarget::resume(ShopChart, Shop::default(), &snapshot).unwrap();
    rig.shop = rig.space.register(resumed).unwrap();
    assert_eq!(end(&mut rig.ask(Buy(1))).unwrap().unwrap(), Sold(1));
    assert_eq!(rig.take(), [""; 0], "expected the other shop to note nothing");
}

#[test]
fn a_snapshot_of_another_chart_is_refused() {
    let snapshot = Snapshot { active: vec!["Elsewhere".to_owned()], ..Snapshot::default() };
    let error = MachineTarget::resume(ShopChart, Shop::default(), &snapshot).expect_err("expected a refusal");
    assert_eq!(error, RestoreError::Unknown("Elsewhere".to_owned()));
}

#[test]
fn an_empty_snapshot_is_that_of_a_machine_that_has_not_started() {
    let mut rig = Rig::new();
    let resumed = MachineTarget::resume(ShopChart, Shop::default(), &Snapshot::default()).unwrap();
    rig.shop = rig.space.register(resumed).unwrap();
    assert_eq!(end(&mut rig.ask(WhichState)).unwrap().unwrap().active, ["Closed"]);
}
