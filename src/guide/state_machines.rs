//! State machines: from a table to a target in five steps, and how they differ from others.
//!
//! # When to use one
//!
//! A target that asks itself *what am I in the middle of?* before it looks at a message is a state machine already: the
//! question is spread over its handlers as flags. A chart puts it in one place, where it can be checked, drawn and read.
//!
//! # Five steps
//!
//! A lift that may be called while it is on its way.
//!
//! **1. Say what can happen.** Events are records like any other; what is asked has an answer.
//!
//! ```
//! # use rohrpost::record;
//! #[derive(Clone, Debug)]
//! struct Call(u32);                       // somebody waits at this floor
//! #[derive(Clone, Debug, PartialEq)]
//! struct Doors(u32);                      // the doors are open there
//! #[derive(Clone, Debug)]
//! struct Arrived;                         // the motor says so
//! #[derive(Clone, Debug)]
//! struct Stop;                            // the red button
//! record!(Call, "lift.call" => Doors);
//! record!(Doors, "lift.doors");
//! record!(Arrived, "lift.arrived");
//! record!(Stop, "lift.stop");
//! ```
//!
//! **2. Draw the chart.** States contain states. What a state does not take, the one around it may: `Stop` stands once, in
//! `Running`. While the lift moves, calls are *deferred*: whoever called waits, and nobody has to write a queue.
//!
//! ```
//! # use rohrpost::{Context, Failure, Message, effect, guard, hsm, machine::Step, record};
//! # #[derive(Clone, Debug)] struct Call(u32);
//! # #[derive(Clone, Debug, PartialEq)] struct Doors(u32);
//! # #[derive(Clone, Debug)] struct Arrived;
//! # #[derive(Clone, Debug)] struct Stop;
//! # record!(Call, "lift.call" => Doors); record!(Doors, "lift.doors"); record!(Arrived, "lift.arrived"); record!(Stop, "lift.stop");
//! # #[derive(Default)] struct Lift { floor: u32 }
//! # impl Lift {
//! #     fn is_here(&self, call: &Call, _ctx: &Context<'_>) -> bool { call.0 == self.floor }
//! #     fn open(&mut self, call: &Call, _ctx: &mut Context<'_>) -> Result<Doors, Failure> { Ok(Doors(call.0)) }
//! #     fn depart(&mut self, call: &Call, _ctx: &mut Context<'_>) -> Result<Doors, Failure> { self.floor = call.0; Ok(Doors(call.0)) }
//! #     fn brake(&mut self, _ctx: &mut Context<'_>, _step: &mut Step<'_, Message<'_>>) {}
//! # }
//! hsm! {
//!     chart LiftChart for Lift;
//!     messages LiftEvent { Call, Arrived, Stop }
//!
//!     initial Running;
//!
//!     state Running {
//!         initial Waiting;
//!         on Stop => Stopped / Lift::brake;
//!
//!         state Waiting {
//!             on Call if guard!(Lift::is_here) => internal / effect!(Lift::open);
//!             on Call => Moving / effect!(Lift::depart);
//!         }
//!         state Moving {
//!             defer Call;
//!             on Arrived => Waiting;
//!         }
//!     }
//!     state Stopped {
//!         modal reject;
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A chart with a fault does not compile: a state that nothing leads to, a target that does not exist, two transitions
//! that compete. The message names all of them.
//!
//! **3. Write the object.** It has what is no state. Guards read it, effects change it; both get the record and the
//! [`Context`](crate::Context), so an effect answers, fails, sends and asks as a handler does.
//!
//! ```
//! # use rohrpost::{Context, Failure, Message, machine::Step, record};
//! # #[derive(Clone, Debug)] struct Call(u32);
//! # #[derive(Clone, Debug, PartialEq)] struct Doors(u32);
//! # record!(Call, "lift.call" => Doors); record!(Doors, "lift.doors");
//! #[derive(Default)]
//! struct Lift {
//!     floor: u32,
//! }
//!
//! impl Lift {
//!     fn is_here(&self, call: &Call, _ctx: &Context<'_>) -> bool {
//!         call.0 == self.floor
//!     }
//!
//!     fn open(&mut self, call: &Call, _ctx: &mut Context<'_>) -> Result<Doors, Failure> {
//!         Ok(Doors(call.0))
//!     }
//!
//!     fn depart(&mut self, call: &Call, _ctx: &mut Context<'_>) -> Result<Doors, Failure> {
//!         self.floor = call.0;
//!         Ok(Doors(call.0))
//!     }
//!
//!     // A hook that is not about one record gets the step instead.
//!     fn brake(&mut self, _ctx: &mut Context<'_>, _step: &mut Step<'_, Message<'_>>) {}
//! }
//! ```
//!
//! **4. Register it.** [`MachineTarget`](crate::MachineTarget) is chart and object together. For whoever sends to it, it is
//! a target like any other.
//!
//! ```
//! # use rohrpost::{Context, Failure, Message, effect, guard, hsm, machine::Step, record};
//! # #[derive(Clone, Debug)] struct Call(u32);
//! # #[derive(Clone, Debug, PartialEq)] struct Doors(u32);
//! # #[derive(Clone, Debug)] struct Arrived;
//! # #[derive(Clone, Debug)] struct Stop;
//! # record!(Call, "lift.call" => Doors); record!(Doors, "lift.doors"); record!(Arrived, "lift.arrived"); record!(Stop, "lift.stop");
//! # #[derive(Default)] struct Lift { floor: u32 }
//! # impl Lift {
//! #     fn is_here(&self, call: &Call, _ctx: &Context<'_>) -> bool { call.0 == self.floor }
//! #     fn open(&mut self, call: &Call, _ctx: &mut Context<'_>) -> Result<Doors, Failure> { Ok(Doors(call.0)) }
//! #     fn depart(&mut self, call: &Call, _ctx: &mut Context<'_>) -> Result<Doors, Failure> { self.floor = call.0; Ok(Doors(call.0)) }
//! #     fn brake(&mut self, _ctx: &mut Context<'_>, _step: &mut Step<'_, Message<'_>>) {}
//! # }
//! # hsm! {
//! #     chart LiftChart for Lift;
//! #     messages LiftEvent { Call, Arrived, Stop }
//! #     initial Running;
//! #     state Running {
//! #         initial Waiting;
//! #         on Stop => Stopped / Lift::brake;
//! #         state Waiting {
//! #             on Call if guard!(Lift::is_here) => internal / effect!(Lift::open);
//! #             on Call => Moving / effect!(Lift::depart);
//! #         }
//! #         state Moving { defer Call; on Arrived => Waiting; }
//! #     }
//! #     state Stopped { modal reject; }
//! # }
//! use rohrpost::{Code, Kernel, MachineTarget, WhichState};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kernel = Kernel::builder("house").start()?;
//! let shaft = kernel.namespace("shaft").open()?;
//! let lift = shaft.register(MachineTarget::new(LiftChart, Lift::default()))?;
//!
//! assert_eq!(kernel.ask(lift, Call(3)).wait()?, Doors(3));
//! assert_eq!(kernel.ask(lift, WhichState).wait()?.active, ["Moving"]);
//! # let later = std::thread::spawn({ let kernel = kernel.clone(); move || kernel.ask(lift, Call(5)).wait() });
//! # while kernel.counters().sent < 3 { std::thread::yield_now(); }
//! // Somebody else called from the fifth floor meanwhile, and waits.
//! kernel.ask(lift, Arrived).wait()?;
//! # assert_eq!(later.join().expect("no panic")?, Doors(5));
//! assert_eq!(kernel.ask(lift, WhichState).wait()?.active, ["Moving"]);
//!
//! kernel.ask(lift, Stop).wait()?;
//! assert_eq!(kernel.ask(lift, Call(1)).wait().unwrap_err().code(), Code::REJECTED);
//! # Ok(())
//! # }
//! ```
//!
//! **5. Look at it.** The table draws itself, with the present states marked; a [`Trace`](crate::machine::Trace) sees every
//! step. [`WhichState`](crate::WhichState) asks a machine where it is, whatever its chart says, and
//! [`MachineTarget::resume`](crate::MachineTarget::resume) goes on from there, tomorrow or elsewhere.
//!
//! ```
//! use rohrpost::hsm;
//! use rohrpost::machine::{Chart, Format, Model};
//!
//! struct Lamp;
//! impl Model for Lamp {
//!     type Event<'e> = bool;
//!     type Context<'c> = ();
//! }
//! hsm! {
//!     chart LampChart for Lamp;
//!     events LampEvent { Press = true }
//!     initial Off;
//!     state Off { on Press => On; }
//!     state On { on Press => Off; }
//! }
//! println!("{}", LampChart.table().diagram(Format::Mermaid));
//! ```
//!
//! # What becomes of a message
//!
//! | in the chart | for the sender |
//! |---|---|
//! | a transition takes it | the effect's answer or failure; [`OK`](crate::Code::OK) if it says nothing |
//! | nobody takes it, or it is not listed | [`NOT_HANDLED`](crate::Code::NOT_HANDLED) |
//! | a state defers it | waits; [`BUSY`](crate::Code::BUSY) if too many do, [`WOULD_BLOCK`](crate::Code::WOULD_BLOCK) for a `call` |
//! | a state rejects it | [`REJECTED`](crate::Code::REJECTED) |
//! | a state drops it | `OK`, and nothing has happened |
//! | a hook panics | [`EXCEPTION`](crate::Code::EXCEPTION); the machine is where it was |
//!
//! A failure says nothing about the transition: it has been taken. What must not happen is for a guard to prevent.
//!
//! # How it differs
//!
//! From **statig**. There a state is a function, and a superstate the function that is called when it says so; the order of
//! things is found while it runs. Here a chart is data that the compiler works on: what a leaf does on an event is one
//! straight piece of code, however deep it lies, and what is data can be checked for faults, drawn, saved by name, and built
//! at run time. There the effect of a transition runs before the exits, because it is in the handler that asks for
//! the transition; here it runs between exits and entries, as UML says, so an effect finds what exits have put in order.
//! History, regions, deferral and timeouts have no counterpart there. Its state-local storage has none here: what is no
//! state is in the object, which is why a machine can be saved by the names of its states alone.
//!
//! From **smlang**. There a machine is one flat table. Here a state that shares its reactions with others is inside one
//! that has them, so what is said once there for each state is said once here.
//!
//! From **SCXML**. Its algorithm is the one that runs here where regions are active, and 100 cases of its public test suite
//! pass with [`Rules::Scxml`](crate::machine::Rules::Scxml). By default UML decides where the two differ:
//!
//! - A transition leaves what is inside the least common ancestor of source and target, not the least common *compound* one,
//!   so one from region to region leaves the two regions and not the state around them.
//! - A completion is no event with a name that queues with raised ones: it comes before them, so nothing gets between a
//!   state and its end.
//! - Events can be deferred. SCXML has nothing like it, because its events have no sender who waits.
//! - A chart is refused for what SCXML leaves to document order: competing transitions, states nothing leads to. In a chart
//!   written by hand these are mistakes.
//! - There is no data model and no `<invoke>`: hooks are functions of the program, and what SCXML invokes is a target.
