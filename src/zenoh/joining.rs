//! How a kernel joins a network over zenoh.

use std::time::{SystemTime, UNIX_EPOCH};

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
        settings.join(kernel, own, |ears, _| {
            let carriage = self.open(own, ears).map_err(|error| match error {
                OpenError::Taken { node, holder, .. } => JoinError::Taken { node, by: holder },
                other => JoinError::Engine(Box::new(other)),
            })?;
            Ok(Box::new(carriage))
        })
    }
}

/// A number that is higher than in all lives before, as long as the system's clock is not set back, with room for the
/// sessions of this one.
fn this_life() -> Incarnation {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Incarnation((since.as_millis() as u64) << 22)
}
