//! How a kernel joins a network over zenoh.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::kernel::Kernel;
use crate::net::joining::{JoinError, Joining, Net};
use crate::net::transport::{Incarnation, Peer};
use crate::zenoh::config::Network;
use crate::zenoh::session::OpenError;

impl Network {
    /// Has a kernel join the network, with the defaults of [`Joining`].
    ///
    /// Blocks until the seeds are connected and those whom they know have been asked whether another node has the kernel's
    /// name: 0.5 to 1 s, and a lease more where the name is taken; without seeds some ms. The others are known a little later:
    /// a [monitor](crate::Kernel::monitor) tells when.
    ///
    /// ```no_run
    /// use rohrpost::Kernel;
    /// use rohrpost::zenoh::Network;
    ///
    /// let kernel = Kernel::builder("car-7").start()?;
    /// let net = Network::new().listen("tcp/127.0.0.1:0").connect("tcp/127.0.0.1:7447").join(&kernel)?;
    /// # let _ = net;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`JoinError`].
    pub fn join(&self, kernel: &Kernel) -> Result<Net, JoinError> {
        self.join_with(kernel, Joining::new())
    }

    /// The same with other bounds and times.
    ///
    /// # Errors
    ///
    /// [`JoinError`].
    pub fn join_with(&self, kernel: &Kernel, settings: Joining) -> Result<Net, JoinError> {
        let own = Peer { node: kernel.node(), incarnation: this_life() };
        settings.join(kernel, own, self.largest(), |ears, _| {
            let carriage = self.open(own, ears).map_err(|error| match error {
                OpenError::Taken { node, holder, incarnation } => {
                    JoinError::Taken { node, by: holder, own: format!("incarnation {incarnation:016x}") }
                }
                other => JoinError::Engine(Box::new(other)),
            })?;
            Ok(Box::new(carriage))
        })
    }
}

/// A number that is higher than in all lives before, as long as the system's clock is not set back.
fn this_life() -> Incarnation {
    life_at(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The life that begins so long after 1970. Its sessions count on from it: a million for each millisecond, and below
/// [`Session::MAX`](crate::net::frame::Session::MAX) until the year 2109.
fn life_at(since: Duration) -> Incarnation {
    Incarnation((since.as_millis() as u64) << 20)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{life_at, this_life};
    use crate::net::frame::Session;

    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    #[test]
    fn the_sessions_of_a_life_go_up_and_stay_below_those_of_the_next() {
        for began in [YEAR * 56, YEAR * 100, YEAR * 139] {
            let (first, next) = (life_at(began), life_at(began + Duration::from_millis(1)));
            let sessions = [first.0, first.0 + 1, next.0].map(Session::new);
            assert_eq!(sessions[0].next(), sessions[1]);
            assert!(sessions[0] < sessions[1] && sessions[1] < sessions[2], "expected them to go up: {sessions:?}");
        }
        assert!(this_life().0 > life_at(YEAR * 50).0, "expected the clock to be right");
    }
}
