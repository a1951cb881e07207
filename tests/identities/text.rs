//! What ids and addresses look like as text: whatever is printed is read back.

use std::collections::HashSet;

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_assume, proptest};
use proptest::test_runner::Config;
use proptest::{option, prop_oneof};

use rohrpost::{Address, Nid, NodeId, RecordId, Tid};

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_-]{0,24}"
}

/// Ids of every kind: numbers, names that were met, names that were only hashed, generated ones.
fn tid() -> impl Strategy<Value = Tid> {
    prop_oneof![
        any::<u32>().prop_map(Tid::number),
        name().prop_map(|name| name.parse().unwrap()),
        name().prop_map(|name| Tid::name(&format!("hashed-{name}"))),
        ((1_u64 << 47)..(1 << 63)).prop_map(|raw| raw.to_string().parse().unwrap()),
    ]
}

fn nid() -> impl Strategy<Value = Nid> {
    prop_oneof![
        any::<u32>().prop_map(Nid::number),
        name().prop_map(|name| name.parse().unwrap()),
        name().prop_map(|name| Nid::name(&format!("hashed-{name}"))),
    ]
}

fn node() -> impl Strategy<Value = NodeId> {
    prop_oneof![
        any::<u32>().prop_map(NodeId::number),
        name().prop_map(|name| name.parse().unwrap()),
        name().prop_map(|name| NodeId::name(&format!("hashed-{name}"))),
    ]
}

/// Addresses with any of their parts missing.
fn address() -> impl Strategy<Value = Address> {
    (option::of(tid()), option::of(nid()), option::of(node())).prop_map(|(tid, nid, node)| {
        let address = match (tid, nid) {
            (Some(tid), Some(nid)) => Address::target(tid).in_namespace(nid),
            (Some(tid), None) => Address::target(tid),
            (None, Some(nid)) => Address::service(nid),
            (None, None) => "..".parse().unwrap(),
        };
        node.map_or(address, |node| address.on_node(node))
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(1_000) })]

    #[test]
    fn an_address_that_is_printed_is_read_back(address in address()) {
        let text = address.to_string();
        prop_assert_eq!(text.parse::<Address>(), Ok(address), "expected {:?} to be read back", text);
    }

    #[test]
    fn an_address_says_what_its_parts_are(tid in option::of(tid()), nid in nid(), node in option::of(node())) {
        let address = tid.map_or(Address::service(nid), |tid| Address::target(tid).in_namespace(nid));
        let address = node.map_or(address, |node| address.on_node(node));
        let read: Address = address.to_string().parse().unwrap();
        prop_assert_eq!((read.tid(), read.nid(), read.node()), (tid, Some(nid), node), "expected the same parts");
    }

    #[test]
    fn trailing_dots_may_be_left_out(address in address()) {
        let text = address.to_string();
        let short = text.trim_end_matches('.');
        prop_assume!(!short.is_empty());
        prop_assert_eq!(short.parse::<Address>(), Ok(address), "expected {:?} to mean {:?}", short, text);
    }

    #[test]
    fn a_text_is_an_address_or_an_error_and_never_a_panic(text in "[a-zA-Z0-9_.+ \\-\u{0}ä٣]{0,12}|\\PC{0,40}") {
        if let Ok(address) = text.parse::<Address>() {
            let again = address.to_string();
            prop_assert_eq!(again.parse::<Address>(), Ok(address), "expected {:?} to be read back", again);
        }
    }

    #[test]
    fn a_name_has_one_id_however_it_is_written(name in name()) {
        prop_assert_eq!(name.parse::<Tid>(), Ok(Tid::name(&name)), "expected the hash of {:?}", name);
        prop_assert!(Tid::name(&name).is_name(), "expected {:?} to be a name", name);
        prop_assert_eq!(Tid::name(&name).to_string(), name.clone(), "expected a name that was met to print as itself");
        prop_assert_eq!(Tid::name(&name).raw(), Nid::name(&name).raw(), "expected one hash for all kinds of id");
    }

    #[test]
    fn a_number_is_plain_digits(number in any::<u32>(), zeros in 0..4_usize) {
        let text = format!("{}{number}", "0".repeat(zeros));
        prop_assert_eq!(text.parse::<Tid>(), Ok(Tid::number(number)), "expected {:?} to be a number", text);
        prop_assert_eq!(Tid::number(number).to_string(), number.to_string(), "expected plain digits");
        prop_assert!(!Tid::number(number).is_name(), "expected a number to be no name");
    }

    #[test]
    fn a_record_id_may_have_dots(name in "[A-Za-z_][A-Za-z0-9_.-]{0,24}") {
        let id: RecordId = name.parse().unwrap();
        prop_assert_eq!(id, RecordId::name(&name), "expected the hash of {:?}", name);
        prop_assert_eq!(id.to_string(), name, "expected it to print as itself");
    }

    #[test]
    fn what_is_missing_is_completed_and_nothing_else(address in address(), home in address()) {
        let completed = address.completed_from(home);
        prop_assert_eq!(completed.tid(), address.tid(), "expected the target to stay");
        prop_assert_eq!(completed.nid(), address.nid().or(home.nid()), "expected a namespace if there is one");
        prop_assert_eq!(completed.node(), address.node().or(home.node()), "expected a node if there is one");
        prop_assert_eq!(completed.completed_from(home), completed, "expected a second time to change nothing");
    }
}

#[test]
fn two_names_have_two_ids() {
    let names = (0..200_000).map(|number| format!("name-{number}"));
    let ids: HashSet<u64> = names.map(|name| Tid::name(&name).raw()).collect();
    assert_eq!(ids.len(), 200_000, "expected no two of so few names to have one hash");
}
