//! `rohrpost node`: a node with the demo services.

use std::path::Path;
use std::sync::mpsc;

use rohrpost::Kernel;

use crate::config::Settings;
use crate::out::{Table, say};
use crate::party::{joining, reason, settled, stop};
use crate::trouble::Trouble;
use crate::{again, demo, stopping};

pub(crate) fn run(config: &Path) -> Result<(), Trouble> {
    let settings = Settings::read(config)?;
    again::fit_for(settings.listen.iter().chain(&settings.connect));
    // Before anything is there that a signal could tear down.
    let (tell, told) = mpsc::channel();
    stopping::on_request(tell, ())?;
    let kernel = Kernel::builder(&settings.name).start().map_err(Trouble::setup)?;
    demo::open(&kernel)?;
    let mut listen: Vec<String> = settings.listen.iter().map(|there| settled(there)).collect();
    if listen.is_empty() {
        listen.push(settled(if settings.tls.is_some() { "quic/127.0.0.1:0" } else { "tcp/127.0.0.1:0" }));
    }
    let network = settings.connect.iter().fold(settings.network(), |network, there| network.connect(there));
    let network = listen.iter().fold(network, |network, there| network.listen(there));
    let net = network.join_with(&kernel, joining(&settings)).map_err(|fault| Trouble::setup(reason(&fault)))?;
    let shown = announce(&settings.name, &listen);
    if shown.is_ok() {
        // Fails only when nobody can ask any more.
        let _ = told.recv();
    }
    stop(&kernel)?;
    drop(net);
    shown?;
    say(format_args!("{} has left", settings.name))
}

fn announce(name: &str, listen: &[String]) -> Result<(), Trouble> {
    for there in listen {
        say(format_args!("{name} listens on {there}"))?;
    }
    let mut table = Table::new(["SERVICE", "ADDRESS", "WHAT IT DOES"]);
    for (record, what) in demo::OFFERED {
        table.row([record.to_owned(), format!(".demo.{name}"), what.to_owned()]);
    }
    say(table)?;
    say(format_args!("{name} is there"))
}
