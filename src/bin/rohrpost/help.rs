//! What `--help` says.

/// Of the command as a whole.
pub(crate) const ALL: &str = "\
rohrpost: a node with demo services, and a look at other nodes

  rohrpost node --config FILE         run a node with the demo services
  rohrpost ping ADDRESS               ask whether a node is there
  rohrpost list [NODE]                the nodes that are there, or what a node has
  rohrpost watch [NODE]               who comes and goes, as it happens
  rohrpost send ADDRESS RECORD JSON   send a record and print the answer
  rohrpost COMMAND --help             more of each
  rohrpost --version

Exit codes: 0 answered; 1 a code came back, which is printed; 2 the command line or the configuration is wrong.";

/// Of `node`.
pub(crate) const NODE: &str = "\
rohrpost node --config FILE

Runs a node with the demo services: `demo.echo`, `demo.calculate`, and the topic `demo.time`, in the namespace `demo`.
Prints where it listens and what it offers. At SIGINT or SIGTERM it says farewell to the others, gives all mail back and
exits with 0.

FILE is TOML; all its faults are named at once. Its keys, of which only `name` must be there:
  name      the node's name
  listen    where it listens, such as [\"tcp/127.0.0.1:7447\"]; port 0 is any that is free
  connect   whom it calls, such as [\"tcp/127.0.0.1:7448\"]
  behind_router
            true: it listens nowhere, and meets everybody through the router that it calls
  realm     which nodes belong together; \"default\" unless set
  lease     how long a link may be silent, such as \"4s\" or \"500ms\"; its quarter is the heartbeat
  insecure  true: it may listen without certificates where other machines can call it
  [tls]     authority, certificate, key: PEM files, from the folder of FILE; admit: names of nodes; relay: common names
            of routers; or admit_anybody: true, and the authority decides; any_host: true, if certificates do not name
            the hosts
  [[rule]]  allow = { record = \"..\", namespace = \"..\", node = \"..\" }, or deny likewise; what is left out is any. The first
            that matches decides. Without one, all is allowed but the node's own services, of which only ping is.";

/// What the commands that look at others have in common.
macro_rules! access {
    ($own:literal) => {
        concat!(
            $own,
            "\n
Where the network is:
  --connect ENDPOINT   whom to call, such as tcp/127.0.0.1:7447; may be said several times
  --config FILE        the file of a node: whom it calls and where it listens is called; realm, lease, TLS are as there
  --realm REALM        which nodes belong together
  --listen ENDPOINT    where other nodes can call back; unless set, only those of this machine can
  --name NAME          the name to join by; unless set, `console-` and the number of the process
  --authority FILE --certificate FILE --key FILE [--any-host]
                       the certificates, for links over quic/ and tls/
  --insecure           it may listen without certificates where other machines can call it
  --timeout SECONDS    how long a node and an answer are waited for; 5 unless set"
        )
    };
}

/// Of `ping`.
pub(crate) const PING: &str = access!(
    "\
rohrpost ping ADDRESS [--count N]

Asks whether a node is there, and prints how long the way there and back took. ADDRESS is a node's name. An address of a
target (TID.NID.NODEID) is pinged itself: who does not know pings comes back with NOT_HANDLED, and is there.
  --count N            so many times, one after the other; 1 unless set. The first opens the link."
);

/// Of `list`.
pub(crate) const LIST: &str = access!(
    "\
rohrpost list [NODE]

Without NODE: the nodes that are there, with the time to each and back. With it: its namespaces, their targets and
services. Its gatekeeper must let that in; if it does not, the missing rule is printed."
);

/// Of `watch`.
pub(crate) const WATCH: &str = access!(
    "\
rohrpost watch [NODE]

Prints which nodes come and go, and with NODE also its namespaces, targets and services, until SIGINT or SIGTERM.
`=` was there before, `+` came, `-` went, `!` was made anew. NODE's gatekeeper must let `rohrpost.add-monitor` in."
);

/// Of `send`.
pub(crate) const SEND: &str = access!(
    "\
rohrpost send ADDRESS RECORD JSON

Sends a record as a request, and prints the answer as JSON, one line for each record of it; `null` is done. A record that
this command does not know is printed as its bytes. ADDRESS is TID.NID.NODEID, or .NID.NODEID for a service, or .NID.* for
whichever node offers it. With a RECORD that is not known, those that are known are listed.

  rohrpost send .demo.house demo.calculate '{\"left\": 6, \"operator\": \"*\", \"right\": 7}'"
);
