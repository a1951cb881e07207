//! Nodes with certificates, and others beside them whose certificates are none.

use std::time::Duration;

use rcgen::date_time_ymd;

use crate::authority::{Authority, Files};
use crate::fleet::{Plan, Process, Traffic, all_is_well, start_all};

const ADMITTED: [&str; 3] = ["a", "b", "c"];
const HOST: &str = "127.0.0.1";

#[test]
fn whoever_has_no_good_certificate_reaches_nobody_and_disturbs_nobody() {
    let (authority, other) = (Authority::new(), Authority::new());
    let plan = |name: &str| Plan::new(name, "certified").certified(&authority.files(name, HOST, |_| ()), &ADMITTED);
    let seed = plan("a");
    let nodes = start_all(&[seed.clone(), plan("b").calls(&seed)]);
    nodes[0].asks(&["b"], Traffic::Saturated);
    nodes[1].asks(&["a"], Traffic::Steady);
    let foreign = Files { authority: authority.certificate(), ..other.files("c", HOST, |_| ()) };
    let expired = authority.files("expired", HOST, |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        params.distinguished_name.push(rcgen::DnType::CommonName, "c");
    });
    let strange = authority.files("stranger", HOST, |_| ());
    for (what, files) in
        [("no", None), ("a foreign", Some(foreign)), ("an expired", Some(expired)), ("a stranger's", Some(strange))]
    {
        let mut bad = Plan::new("c", "certified").calls(&seed);
        match &files {
            Some(files) => bad = bad.certified(files, &ADMITTED),
            None => bad.seeds[0] = seed.listen.replace("quic/", "tcp/"),
        }
        let bad = bad.start();
        println!("{what} certificate");
        bad.misses("a", Duration::from_secs(2));
        bad.misses("b", Duration::from_millis(10));
        bad.settles(Duration::from_secs(10));
    }
    for report in all_is_well(nodes) {
        assert!(report.number("answered") > 0, "expected answers: {report:?}");
        assert_eq!(report.number("returned"), 0, "expected nothing to come back: {report:?}");
    }
}

#[test]
fn who_has_a_good_certificate_is_let_in() {
    let authority = Authority::new();
    let plan = |name: &str| Plan::new(name, "let-in").certified(&authority.files(name, HOST, |_| ()), &ADMITTED);
    let seed = plan("a");
    let nodes: Vec<Process> = start_all(&[seed.clone(), plan("b").calls(&seed), plan("c").calls(&seed)]);
    all_is_well(nodes);
}
