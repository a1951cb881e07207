//! The network of nodes: `TID.NID.NODEID` across processes and machines. Feature `net`.
//!
//! A message to another node behaves as one to another thread does. It is sent the same way, to the same kind of address,
//! and everything comes back: with its answer, with the code that somebody there gave it, or with
//! [`Code::NODE_LOST`](crate::Code::NODE_LOST) when nobody can know whether it arrived.
//!
//! ```
//! use rohrpost::net::memory::Network;
//! use rohrpost::testing::TestKernel;
//! use rohrpost::{Address, Context, Failure, Handle, handles, record};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct Add(i64, i64);
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! struct Sum(i64);
//! record!(Add, "calc.add" => Sum, wire);      // `wire`: it has a form in which it leaves the process
//! record!(Sum, "calc.sum", wire);
//!
//! struct Calculator;
//! impl Handle<Add> for Calculator {
//!     fn handle(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Sum, Failure> {
//!         Ok(Sum(add.0 + add.1))
//!     }
//! }
//! handles!(Calculator: Add);
//!
//! let network = Network::new();
//! let mut north = TestKernel::new("north");
//! let south = north.neighbour("south");
//! network.join(north.kernel())?;
//! network.join(south.kernel())?;
//! let app = south.namespace("app").open()?;
//! app.serve::<Add>(app.register(Calculator)?)?;
//! north.run_until_idle()?;
//!
//! let there: Address = ".app.south".parse()?;
//! assert_eq!(north.ask(there, Add(2, 3))?, Sum(5));
//! let anywhere = Address::any_node(app.id());
//! assert_eq!(north.ask(anywhere, Add(20, 22))?, Sum(42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What carries it
//!
//! A node joins a network with one [`Port`](crate::Port): the *carrier*, for which a target of the namespace `TRANSPORT` works
//! on a thread of its own. Small mail that meets no other is carried by the threads that bring it, so that nobody has to be
//! woken for it. The carrier holds what leaves, so that it goes back whatever happens, and keeps a *link* to each other node:
//! numbered frames, acknowledged, in a bounded window, in sessions that tell the lives of a node apart, with a heartbeat.
//! Nothing is sent twice: a message arrives at most once, and what may or may not have arrived comes back as lost. Below the
//! links is a transport that knows only bytes: [`memory`] for tests, and zenoh.
//!
//! A target's notification that meets others, with one record, no deadline and a letter of up to 1 KiB, is written by the worker that sends
//! it, and ends there: what waits, leaves and is kept is the letter. If it is lost the message is read again from that. All
//! other mail is written by the thread that carries it. A message that comes in, with one record of up to 152 bytes
//! and for a service with one owner or a target by its generated id, is read by its receiver's worker when its turn has come:
//! several workers read at once, and a record that takes long to read holds up its own receiver. All others are read by the
//! thread that carries them: of more than 8 KiB the porter, of less the engine's own that has heard them, if the carrier
//! has nothing else to do. So to read a record must not wait for anything: the engine hears nothing meanwhile.
//!
//! Which nodes may send what, a [`Gatekeeper`] decides before it enters.
//!
//! The chapter [From one process to many](guide) tells what changes for a program that is split, what a sender sees of each
//! fault and when, and how many nodes a network carries.

mod ahead;
mod bundle;
mod carrier;
pub(crate) mod codec;
mod envoy;
pub(crate) mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod gatekeeper;
mod gauges;
pub mod guide;
mod ids;
mod intake;
pub(crate) mod joining;
mod letter;
mod link;
pub mod memory;
pub(crate) mod names;
mod offers;
mod opaque;
mod parcel;
mod reach;
mod returning;
mod sealed;
mod sheaf;
pub(crate) mod shelf;
mod system;
pub(crate) mod transport;
mod words;

pub use self::gatekeeper::{Gatekeeper, Rule};
pub use self::gauges::NetCounters;
pub use self::joining::{JoinError, Joining, Net};
pub use self::opaque::Opaque;
