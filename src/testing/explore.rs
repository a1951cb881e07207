//! [`explore`]: one test over many seeds.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fault::text_of;
use crate::testing::TestKernel;

/// The environment variable that has [`explore`] run one seed alone.
pub const SEED: &str = "ROHRPOST_SEED";

/// Runs `test` with a fresh [`TestKernel`] for each of `seeds`: so many interleavings of its workers.
///
/// A test that panics or returns an error is reported with its seed. `ROHRPOST_SEED=17 cargo test ..` runs that one
/// alone, the same way, whatever `seeds` says.
///
/// ```
/// use rohrpost::testing::{Probe, explore};
///
/// explore(0..100, |test| {
///     let app = test.namespace("app").threads(2).open()?;
///     let (left, right) = (Probe::new("left"), Probe::new("right"));
///     let (_, to) = (app.register(left.clone())?, app.register_on(1, right.clone())?);
///     left.request(to, ());
///     test.run_until_idle()?;
///     right.expect::<()>();
///     left.expect_answer::<()>();
///     Ok(())
/// });
/// ```
///
/// # Panics
///
/// When the test fails, with the test's own text and the seed; or if `ROHRPOST_SEED` is no number.
#[track_caller]
pub fn explore(seeds: impl IntoIterator<Item = u64>, test: impl Fn(&mut TestKernel) -> Result<(), Box<dyn Error>>) {
    let one = std::env::var(SEED).ok().map(|text| match text.trim().parse() {
        Ok(seed) => seed,
        Err(_) => panic!("{SEED} is `{text}`, and a seed is a number from 0 to {}", u64::MAX),
    });
    let (one, seeds) = (one.into_iter(), one.is_none().then_some(seeds).into_iter().flatten());
    for seed in one.chain(seeds) {
        let mut kernel = TestKernel::with_seed("test", seed);
        let failure = match catch_unwind(AssertUnwindSafe(|| test(&mut kernel))) {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(payload) => text_of(payload),
        };
        let turns = kernel.last_turns();
        panic!("{failure}\n\nThis was seed {seed}; `{SEED}={seed}` runs it again. Its last turns: {turns}");
    }
}
