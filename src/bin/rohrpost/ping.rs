//! `rohrpost ping`: whether somebody is there, and how far away.

use std::time::Instant;

use rohrpost::Address;
use rohrpost::system::Ping;

use crate::arguments::Access;
use crate::out::say;
use crate::party::Party;
use crate::trouble::Trouble;

pub(crate) fn run(to: Address, count: u32, access: &Access) -> Result<(), Trouble> {
    let party = Party::join(access)?;
    if let Some(node) = to.node().filter(|_| to != Address::any_node(rohrpost::system::NAMESPACE)) {
        party.find(node)?;
    }
    for _ in 0..count {
        let start = Instant::now();
        let pong = party.ask(to, Ping)?;
        say(format_args!("{} is there: {:.1?}", pong.node, start.elapsed()))?;
    }
    Ok(())
}
