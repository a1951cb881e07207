//! Tests of a program that uses this library: deterministic, without waiting, and over many orders of events.
//!
//! A [`TestKernel`] is a kernel whose namespaces open as always, with as many threads as they like, but all their
//! workers run on the test's own thread, one turn at a time. A seed decides who is next. The clock moves only when the
//! test says so. So a test sees every interleaving that it asks for, each the same way every time, and an hour passes
//! in no time.
//!
//! # A test in five lines
//!
//! ```
//! use rohrpost::testing::TestKernel;
//! # use rohrpost::{Context, Failure, Handle, handles, record};
//! # #[derive(Clone, Debug)] struct Add(i64, i64);
//! # #[derive(Clone, Debug, PartialEq)] struct Sum(i64);
//! # record!(Add, "calc.add" => Sum); record!(Sum, "calc.sum");
//! # struct Calculator;
//! # impl Handle<Add> for Calculator {
//! #     fn handle(&mut self, add: &Add, _: &mut Context<'_>) -> Result<Sum, Failure> { Ok(Sum(add.0 + add.1)) }
//! # }
//! # handles!(Calculator: Add);
//!
//! # fn a_calculator_adds() -> Result<(), Box<dyn std::error::Error>> {
//! let mut test = TestKernel::new("node");
//! let app = test.namespace("app").open()?;
//! let calculator = app.register(Calculator)?;
//! assert_eq!(test.ask(calculator, Add(2, 3))?, Sum(5));
//! # Ok(())
//! # }
//! # a_calculator_adds().unwrap();
//! ```
//!
//! # With somebody on the other side
//!
//! A [`Probe`] stands for whom the code under test talks to. It writes down what it receives, answers as it is told,
//! and sends on its own. What is expected and did not come is a panic whose text lists the mail that did.
//!
//! ```
//! use rohrpost::testing::{Probe, TestKernel};
//! # use rohrpost::{Address, Answers, Context, Failure, Handle, RequestId, handles, record};
//! # #[derive(Clone, Debug, PartialEq)] struct Price(u64);
//! # #[derive(Clone, Debug, PartialEq)] struct HowMuch(&'static str);
//! # #[derive(Clone, Debug)] struct Buy(&'static str);
//! # record!(Price, "shop.price"); record!(HowMuch, "shop.how-much" => Price); record!(Buy, "shop.buy");
//! # struct Buyer { shop: Address }
//! # impl Handle<Buy> for Buyer {
//! #     fn handle(&mut self, buy: &Buy, ctx: &mut Context<'_>) -> Result<(), Failure> {
//! #         let _ = ctx.request(self.shop, HowMuch(buy.0));
//! #         Ok(())
//! #     }
//! # }
//! # handles!(Buyer: Buy);
//!
//! # fn a_buyer_asks_for_the_price() -> Result<(), Box<dyn std::error::Error>> {
//! let mut test = TestKernel::new("node");
//! let app = test.namespace("app").threads(2).open()?;
//! let shop = Probe::new("shop");
//! shop.reply_with(|_: &HowMuch| Ok(Price(5)));
//! let buyer = app.register(Buyer { shop: app.register_on(1, shop.clone())? })?;
//!
//! test.kernel().notify(buyer, Buy("tea"))?;
//! test.run_until_idle()?;
//! assert_eq!(shop.expect::<HowMuch>(), HowMuch("tea"));
//! shop.expect_nothing();
//! # Ok(())
//! # }
//! # a_buyer_asks_for_the_price().unwrap();
//! ```
//!
//! # Over many interleavings
//!
//! [`explore`] runs a test with one seed after the other. What fails is reported with its seed, and
//! `ROHRPOST_SEED=17 cargo test ..` runs that one again, the same way.
//!
//! # What is different from threads
//!
//! A worker runs in turns: up to 64 messages that wait on it, its deadlines, and one message from other threads. The
//! seed decides between turns, never within one. What waits for another thread elsewhere runs the workers here
//! instead: [`Ask::wait`](crate::Ask::wait), [`Namespace::build_on`](crate::Namespace::build_on),
//! [`Namespace::close`](crate::Namespace::close), [`Kernel::stop`](crate::Kernel::stop). So code that opens namespaces
//! and asks needs no change. Threads that the program starts itself may send as always; then the order is theirs, too.

mod expect;
mod explore;
mod kernel;
mod mail;
mod probe;

pub use crate::crew::{Stuck, Turn};
pub use explore::{SEED, explore};
pub use kernel::TestKernel;
pub use probe::Probe;
