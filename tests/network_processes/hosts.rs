//! Several hosts on one machine: network namespaces, each with a cable to a switch in a namespace of its own, and the cables can
//! be pulled. Nothing outside them is touched.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fleet::Plan;
use crate::skipping::skipped;

/// Hosts with the addresses 10.77.0.1 and so on. They are removed with this.
#[derive(Debug)]
pub(crate) struct Hosts {
    prefix: String,
    count: usize,
}

impl Hosts {
    /// None, with a word, if this process may not make any.
    pub(crate) fn new(count: usize) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("rohrpost-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let hosts = Self { prefix, count };
        if !try_ip(&["netns", "add", &hosts.switch()]) {
            skipped("several hosts need network namespaces, that is root and the command `ip`");
            return None;
        }
        let switch = hosts.switch();
        for bridge in ["whole", "apart"] {
            ip(&["-n", &switch, "link", "add", bridge, "type", "bridge"]);
            ip(&["-n", &switch, "link", "set", bridge, "up"]);
        }
        for number in 1..=count {
            let (host, port) = (hosts.host(number), port(number));
            ip(&["netns", "add", &host]);
            ip(&["-n", &host, "link", "add", "cable", "type", "veth", "peer", "name", &port, "netns", &switch]);
            ip(&["-n", &host, "address", "add", &format!("{}/24", address(number)), "dev", "cable"]);
            ip(&["-n", &host, "link", "set", "cable", "up"]);
            ip(&["-n", &host, "link", "set", "lo", "up"]);
            ip(&["-n", &switch, "link", "set", &port, "up"]);
            hosts.plug(number);
        }
        Some(hosts)
    }

    /// Plans for nodes `a`, `b` and so on, one on each host, the first of which is the seed.
    pub(crate) fn plans(&self, realm: &str) -> Vec<Plan> {
        let plan = |number: usize| {
            let name = ["a", "b", "c", "d"][number - 1];
            let listen = format!("tcp/{}:7447", address(number));
            Plan { listen, host: Some(self.host(number)), ..Plan::new(name, realm) }
        };
        let seed = plan(1);
        let others: Vec<Plan> = (2..=self.count).map(|number| plan(number).calls(&seed)).collect();
        std::iter::once(seed).chain(others).collect()
    }

    /// Pulls the cable of a host, silently: its end stays up.
    pub(crate) fn pull(&self, number: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(number), "nomaster"]);
    }

    /// Plugs the cable of a host in.
    pub(crate) fn plug(&self, number: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(number), "master", "whole"]);
    }

    /// Plugs the cable of a host into another switch.
    pub(crate) fn move_apart(&self, number: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(number), "master", "apart"]);
    }

    /// Makes the cable of a host bad in the direction to it, such as `loss 5% delay 50ms`. `false`, with a word, if the
    /// system cannot.
    pub(crate) fn spoil(&self, number: usize, how: &str) -> bool {
        let (switch, port) = (self.switch(), port(number));
        let mut words = vec!["-n", &switch, "qdisc", "replace", "dev", &port, "root", "netem"];
        words.extend(how.split(' '));
        let spoilt = run("tc", &words);
        if !spoilt {
            skipped("loss and delay need `tc` and the module `netem`");
        }
        spoilt
    }

    /// Has the cable of a host carry so much, such as `8mbit`, in the direction to it: what is more waits for 20 ms at most,
    /// and what does not find room to wait is dropped. It needs no module beside that of the command `tc` itself.
    pub(crate) fn narrow(&self, number: usize, rate: &str) -> bool {
        let (switch, port) = (self.switch(), port(number));
        let words = ["-n", &switch, "qdisc", "replace", "dev", &port, "root", "tbf", "rate", rate];
        let narrowed = run("tc", &[&words[..], &["burst", "8kb", "latency", "20ms"]].concat());
        if !narrowed {
            skipped("a narrow cable needs `tc` and its `tbf`");
        }
        narrowed
    }

    /// How many packets a narrow cable has dropped.
    pub(crate) fn dropped(&self, number: usize) -> u64 {
        number_after("dropped ", "tc", &["-n", &self.switch(), "-s", "qdisc", "show", "dev", &port(number)])
    }

    /// Has a host lose so many packets of a hundred that are for it, at random.
    pub(crate) fn deafen(&self, number: usize, percent: u32) -> bool {
        let rule = format!(
            "add table ip loss; add chain ip loss some {{ type filter hook input priority 0; }}; \
             add rule ip loss some numgen random mod 100 < {percent} counter drop"
        );
        let deafened = run("ip", &["netns", "exec", &self.host(number), "nft", &rule]);
        if !deafened {
            skipped("the loss of packets at random needs `nft` (nftables) and its `numgen`");
        }
        deafened
    }

    /// How many packets it has lost.
    pub(crate) fn lost(&self, number: usize) -> u64 {
        number_after("packets ", "ip", &["netns", "exec", &self.host(number), "nft", "list", "table", "ip", "loss"])
    }

    /// Gives the host `between` a second cable into the switch to which `other` has been [moved](Self::move_apart), and an
    /// address there, which is given back.
    pub(crate) fn straddle(&self, between: usize, other: usize) -> String {
        let (host, switch, there) = (self.host(between), self.switch(), address(100 + between));
        let ip_there = |words: &[&str]| ip(&[&["-n", &host][..], words].concat());
        ip_there(&["link", "add", "second", "type", "veth", "peer", "name", "second", "netns", &switch]);
        ip_there(&["address", "add", &format!("{there}/32"), "dev", "second"]);
        ip_there(&["link", "set", "second", "up"]);
        ip_there(&["route", "add", &format!("{}/32", address(other)), "dev", "second"]);
        ip(&["-n", &switch, "link", "set", "second", "up"]);
        ip(&["-n", &switch, "link", "set", "second", "master", "apart"]);
        there
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.prefix)
    }

    pub(crate) fn host(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for number in 1..=self.count {
            try_ip(&["netns", "delete", &self.host(number)]);
        }
        try_ip(&["netns", "delete", &self.switch()]);
    }
}

fn port(number: usize) -> String {
    format!("port{number}")
}

pub(crate) fn address(number: usize) -> String {
    format!("10.77.0.{number}")
}

fn ip(words: &[&str]) {
    assert!(try_ip(words), "expected `ip {}` to work", words.join(" "));
}

fn try_ip(words: &[&str]) -> bool {
    run("ip", words)
}

/// The number that follows a word in what a command prints.
fn number_after(word: &str, command: &str, words: &[&str]) -> u64 {
    let shown = Command::new(command).args(words).output().expect("a command that runs").stdout;
    let shown = String::from_utf8(shown).expect("text");
    let number = shown.split(word).nth(1).and_then(|rest| rest.split([',', ' ']).next()?.parse().ok());
    number.unwrap_or_else(|| panic!("expected a number after `{word}` in {shown}"))
}

fn run(command: &str, words: &[&str]) -> bool {
    Command::new(command).args(words).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
