//! Services, as a handler offers and observes them.

use super::Context;
use crate::address::Address;
use crate::record::Record;
use crate::service::Key;
use crate::service::plan::{Balance, Kind};
use crate::serving::{ServeError, ServiceBuilder};

impl Context<'_> {
    /// Makes the target whose handler this is the owner of a service of its namespace, or one of a group's.
    ///
    /// Visible from all threads when this returns. That may be later than it seems: a target that was registered from
    /// another thread has its `started` when its own thread comes to it, so a question right after `register` may still
    /// find [`Code::NO_SERVICE`](crate::Code::NO_SERVICE). Whoever cannot have that has it served from outside, with
    /// [`Namespace::serve`](crate::Namespace::serve), or monitors the service
    /// ([`Filter::service`](crate::Filter::service)) and asks when it has an owner.
    ///
    /// # Errors
    ///
    /// [`ServeError`]; [`ServeError::Taken`] names who owns it.
    pub fn serve<R: Record>(&self) -> Result<(), ServeError> {
        self.core.directory.serve((self.core.nid, R::TYPE), self.address())
    }

    /// Has the target whose handler this is own a service no longer.
    ///
    /// # Errors
    ///
    /// [`ServeError`].
    pub fn withdraw<R: Record>(&self) -> Result<(), ServeError> {
        self.core.directory.withdraw((self.core.nid, R::TYPE), self.address())
    }

    /// Attaches the target whose handler this is to a service, whose address needs a namespace only if it is another.
    ///
    /// ```
    /// use rohrpost::{Address, Context, Kernel, Observes, Started, handles, record};
    ///
    /// #[derive(Clone, Debug)]
    /// struct Tick(u64);
    /// record!(Tick, "clock.tick");
    ///
    /// struct Watcher { clock: Address }
    /// impl Started for Watcher {
    ///     fn started(&mut self, ctx: &mut Context<'_>) {
    ///         ctx.observe::<Tick>(self.clock).expect("the topic is open");
    ///     }
    /// }
    /// impl Observes<Tick> for Watcher {
    ///     fn observed(&mut self, _tick: &Tick, _ctx: &mut Context<'_>) {}
    /// }
    /// handles!(Watcher: observes Tick; hooks started);
    ///
    /// let kernel = Kernel::builder("node").start()?;
    /// let (app, mut worker) = kernel.namespace("app").driven()?;
    /// let clock = app.topic::<Tick>().open()?;
    /// app.register(Watcher { clock })?;
    /// worker.run_until_idle();                   // it starts there, and observes
    /// kernel.notify(clock, Tick(1))?;
    /// worker.run_until_idle();
    /// assert_eq!(kernel.counters().observed, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ServeError::NoService`], or [`ServeError::NotCloneable`].
    pub fn observe<R: Record>(&self, service: Address) -> Result<(), ServeError> {
        self.core.directory.observe(self.key::<R>(service)?, self.address())
    }

    /// Detaches the target whose handler this is from a service. It sees nothing of it any more, but for copies that
    /// wait for it already.
    ///
    /// # Errors
    ///
    /// [`ServeError::NoService`].
    pub fn unobserve<R: Record>(&self, service: Address) -> Result<(), ServeError> {
        self.core.directory.unobserve(self.key::<R>(service)?, self.address())
    }

    /// A service of this target's namespace, to be opened.
    pub fn service<R: Record>(&self) -> ServiceBuilder {
        ServiceBuilder::new(self.core.directory.clone(), self.core.nid, R::TYPE, Kind::Single)
    }

    /// A topic of this target's namespace, to be opened.
    pub fn topic<R: Record>(&self) -> ServiceBuilder {
        ServiceBuilder::new(self.core.directory.clone(), self.core.nid, R::TYPE, Kind::Topic)
    }

    /// A group of this target's namespace, to be opened.
    pub fn group<R: Record>(&self, balance: Balance) -> ServiceBuilder {
        ServiceBuilder::group(self.core.directory.clone(), self.core.nid, R::TYPE, balance)
    }

    fn key<R: Record>(&self, service: Address) -> Result<Key, ServeError> {
        // For the text of an error; two names with one hash are found out when a service is opened.
        let _ = R::TYPE.remember();
        let service = service.completed_from(self.address());
        let key = Key { nid: service.nid, record: R::ID };
        if service.node == self.core.node && service.tid.is_unset() {
            return Ok(key);
        }
        Err(ServeError::NoService { record: key.record, namespace: key.nid })
    }
}
