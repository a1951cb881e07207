//! `rohrpost send`: a record of JSON, and its answer as JSON.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use rohrpost::{Address, Code, Failure, Namespace};

use crate::arguments::Access;
use crate::courier::{Answer, Courier};
use crate::known::{self, Known};
use crate::out::say;
use crate::party::Party;
use crate::trouble::Trouble;

/// How often is asked who offers a service, until somebody does.
const AGAIN: Duration = Duration::from_millis(50);
/// How much longer than its deadline a message is waited for.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) fn run(to: Address, record: &str, json: &str, access: &Access) -> Result<(), Trouble> {
    let Some(known) = known::named(record) else {
        return Err(Trouble::setup(format_args!(
            "the record `{record}` is not known here. Known are:\n{}",
            known::table()
        )));
    };
    // What is wrong with it shows before the network is asked.
    known.request(to, json).map_err(Trouble::setup)?;
    let party = Party::join(access)?;
    let anywhere = to.nid().map(Address::any_node) == Some(to);
    if let Some(node) = to.node().filter(|_| !anywhere) {
        party.find(node)?;
    }
    let space = party.kernel.namespace("console").open().map_err(Trouble::setup)?;
    let end = Instant::now() + party.timeout;
    let answer = loop {
        match deliver(&party, &space, &known, to, json)? {
            // Which nodes offer it is heard a little later than that they are there.
            Err(failure) if anywhere && failure.code() == Code::NO_SERVICE && Instant::now() < end => {
                std::thread::sleep(AGAIN);
            }
            answer => break answer,
        }
    };
    for value in answer.map_err(|failure| Trouble::returned(to, failure))? {
        say(value)?;
    }
    Ok(())
}

fn deliver(party: &Party, space: &Namespace, known: &Known, to: Address, json: &str) -> Result<Answer, Trouble> {
    let message = known.request(to, json).map_err(Trouble::setup)?;
    let message = message.deadline(party.kernel.now().after(party.timeout));
    let (back, answers) = mpsc::channel();
    let courier = space.register(Courier::new(message, back)).map_err(Trouble::setup)?;
    let answer = answers.recv_timeout(party.timeout + GRACE);
    let _ = space.deregister(courier);
    Ok(answer.unwrap_or_else(|_| Err(Failure::new(Code::EXPIRED, "nothing came back"))))
}
