//! Addresses, ids, and the names of nodes, namespaces and targets.

use rohrpost::{
    Address, AddressPart, Kernel, Nid, NodeId, ParseAddressError, ParseIdError, RecordId, Setup, StartError, Tid,
};

use crate::{Echo, kernel, says};

#[test]
fn a_bad_address_says_which_part_is_wrong_and_where() {
    let long = format!("{}.b.c", "x".repeat(256));
    let cases: [(&str, AddressPart, &[&str]); 12] = [
        ("ro uter.navigation.car", AddressPart::Tid, &["TID", "ro uter.navigation.car", "' '", "byte 2"]),
        ("router.navi+gation.car", AddressPart::Nid, &["NID", "router.navi+gation.car", "'+'", "byte 4"]),
        ("router.navigation.car!", AddressPart::NodeId, &["NODEID", "car!", "'!'", "byte 3"]),
        ("+1.2.3", AddressPart::Tid, &["TID", "+1", "'+'", "byte 0"]),
        ("1.-2.3", AddressPart::Nid, &["NID", "-2", "'-'"]),
        ("1.2.3x", AddressPart::NodeId, &["NODEID", "3x", "'3'"]),
        (" 1.2.3", AddressPart::Tid, &["TID", "' '"]),
        ("1.2.3 ", AddressPart::NodeId, &["NODEID", "`3 `"]),
        ("größe.2.3", AddressPart::Tid, &["TID", "größe", "'ö'", "byte 2"]),
        ("1.b\0.3", AddressPart::Nid, &["NID", "'\\0'", "byte 1"]),
        ("1.99999999999999999999.3", AddressPart::Nid, &["NID", "99999999999999999999", "larger"]),
        (&long, AddressPart::Tid, &["TID", "xxxx", "255"]),
    ];
    for (text, part, parts) in cases {
        let error = text.parse::<Address>().expect_err("expected no address");
        says(&error, parts);
        match error {
            ParseAddressError::Part { part: found, .. } => assert_eq!(found, part, "expected the part of {text:?}"),
            other => panic!("expected a wrong part of {text:?}, not {other:?}"),
        }
    }
}

#[test]
fn an_address_with_too_few_or_too_many_parts_says_what_one_looks_like() {
    let empty = "".parse::<Address>().expect_err("expected no address");
    says(&empty, &["TID.NID.NODEID", "empty"]);
    let error = "a.b.c.d".parse::<Address>().expect_err("expected no address");
    says(&error, &["a.b.c.d", "4 parts", "TID.NID.NODEID"]);
    let error = "....".parse::<Address>().expect_err("expected no address");
    says(&error, &["....", "5 parts"]);
}

#[test]
fn a_bad_id_says_what_an_id_is() {
    for text in ["", " ", "+1", "-1", "1a", "a b", "a.b", "ä", "a\n", "0x10", "1_000", "٣"] {
        let errors = [text.parse::<Tid>().err(), text.parse::<Nid>().err(), text.parse::<NodeId>().err()];
        for error in errors {
            let error = error.unwrap_or_else(|| panic!("expected {text:?} to be no id"));
            if text.is_empty() {
                says(&error, &["number or a name", "empty"]);
            } else {
                assert!(error.to_string().contains(text), "expected {text:?} in {error}");
                says_id(&error);
            }
        }
    }
    assert!("a.b".parse::<RecordId>().is_ok(), "expected dots in record ids");
    assert!(".b".parse::<RecordId>().is_err(), "expected no dot at the beginning of a record id");
    let largest = u64::MAX.to_string();
    says(&largest.parse::<Tid>().expect_err("expected no id"), &[&largest, "18446744073709551614"]);
}

fn says_id(error: &ParseIdError) {
    let text = error.to_string();
    assert!(text.contains("[A-Za-z_][A-Za-z0-9_-]*"), "expected what a name is in {text:?}");
}

#[test]
fn a_name_has_room_for_255_bytes() {
    let (fits, long) = ("n".repeat(255), "n".repeat(256));
    assert!(fits.parse::<Tid>().is_ok(), "expected 255 bytes to fit");
    let error = long.parse::<Tid>().expect_err("expected 256 bytes not to fit");
    says(&error, &["255", "nnnnnnnn"]);
    let kernel = kernel();
    assert!(kernel.namespace(&fits).open().is_ok(), "expected a namespace with a long name");
    says(&kernel.namespace(&long).open().expect_err("expected no namespace"), &["namespace", "255"]);
}

#[test]
fn a_node_needs_a_name() {
    for (name, parts) in [("", &["empty"][..]), ("my car", &["my car", "' '"]), ("car.7", &["car.7", "'.'"])] {
        let error = Kernel::builder(name).start().expect_err("expected no kernel");
        says(&error, &["node"]);
        says(&error, parts);
        let StartError::Name(source) = error else { panic!("expected the name to be wrong: {error}") };
        says(&source, parts);
    }
    assert!(Kernel::builder("7").start().is_ok(), "expected a number to do");
}

#[test]
fn a_namespace_needs_a_name_of_its_own() {
    let kernel = kernel();
    for (name, parts) in
        [("", &["empty"][..]), ("a b", &["a b", "' '"]), ("a.b", &["a.b", "'.'"]), ("a\0b", &["'\\0'"])]
    {
        let error = kernel.namespace(name).open().expect_err("expected no namespace");
        says(&error, &["namespace"]);
        says(&error, parts);
        assert!(kernel.namespace(name).driven().is_err(), "expected no driven namespace either");
    }
    says(&kernel.namespace("TRANSPORT").open().expect_err("expected no namespace"), &["TRANSPORT", "another name"]);
    for name in ["SYSTEM", "TRANSPORT"] {
        says(&kernel.namespace(name).driven().map(|_| ()).expect_err("expected no namespace"), &[name]);
    }
    assert!(kernel.namespace("7").open().is_ok(), "expected a number to do");
    assert!(kernel.namespace("system").open().is_ok(), "expected only the exact names to be the kernel's");
}

#[test]
fn the_kernels_own_namespace_is_open_and_takes_no_targets() {
    let kernel = kernel();
    let system = kernel.namespace("SYSTEM").threads(4).open().unwrap();
    assert_eq!((system.threads(), system.address().to_string()), (0, ".SYSTEM.errors".to_owned()));
    for setup in [Setup::new(), Setup::new().thread(1), Setup::new().spread(), Setup::new().name("router")] {
        let refused = system.register_with(setup, Echo::new(1)).expect_err("expected no target");
        says(&refused, &["SYSTEM", "kernel", "namespace", "of your own"]);
    }
    let refused = system.build_on(0, |_| Ok(())).expect_err("expected nothing to be built");
    says(&refused, &["SYSTEM", "no threads"]);
    let report = system.close(std::time::Duration::ZERO);
    assert!(report.is_complete() && kernel.namespace("SYSTEM").open().is_ok(), "expected it to stay");
    assert!(kernel.stop(crate::PATIENCE).is_complete());
    assert!(kernel.namespace("SYSTEM").open().is_err(), "expected it to end with its kernel");
}

#[test]
fn a_number_that_is_too_large_is_no_name_for_anything() {
    let kernel = kernel();
    let space = kernel.namespace("space").open().unwrap();
    assert!(space.register_as("4294967295", Echo::new(1)).is_ok(), "expected the largest number to do");
    // From 2^63 on a word is the hash of a name.
    for number in ["4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551614"] {
        let error = space.register_as(number, Echo::new(1)).expect_err("expected no target");
        says(&error, &[number, "4294967296"]);
        let error = kernel.namespace(number).open().map(|_| ()).expect_err("expected no namespace");
        says(&error, &[number, "4294967296"]);
        let error = Kernel::builder(number).start().map(|_| ()).expect_err("expected no kernel");
        says(&error, &[number, "4294967296"]);
    }
}
