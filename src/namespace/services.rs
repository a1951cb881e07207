//! The services of a namespace, as they are offered and observed from any thread.

use super::Namespace;
use crate::address::Address;
use crate::record::Record;
use crate::service::Key;
use crate::service::plan::{Balance, Kind};
use crate::serving::{ServeError, ServiceBuilder};

impl Namespace {
    /// Makes a target the owner of a service: mail with an `R` to the namespace's address goes to it. It has to live in
    /// this namespace. In a service that was opened as a [`group`](Self::group) it becomes one owner more.
    ///
    /// Visible from all threads when this returns. It ends when the target goes; a restart is no end.
    ///
    /// ```
    /// use rohrpost::{Context, Failure, Handle, Kernel, handles, record};
    ///
    /// #[derive(Clone, Debug)]
    /// struct Add(i64, i64);
    /// #[derive(Clone, Debug)]
    /// struct Sum(i64);
    /// record!(Add, "calc.add" => Sum);
    /// record!(Sum, "calc.sum");
    ///
    /// struct Calculator;
    /// impl Handle<Add> for Calculator {
    ///     fn handle(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Sum, Failure> {
    ///         Ok(Sum(add.0 + add.1))
    ///     }
    /// }
    /// handles!(Calculator: Add);
    ///
    /// let kernel = Kernel::builder("car-7").start()?;
    /// let app = kernel.namespace("navigation").open()?;
    /// let calculator = app.register(Calculator)?;
    /// app.serve::<Add>(calculator)?;
    /// let Sum(five) = kernel.ask(app.address(), Add(2, 3)).wait()?;
    /// assert_eq!(five, 5);
    ///
    /// let second = app.register(Calculator)?;
    /// let refused = app.serve::<Add>(second).unwrap_err();
    /// assert!(refused.to_string().contains(&calculator.to_string()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ServeError`]; [`ServeError::Taken`] names who owns it.
    pub fn serve<R: Record>(&self, owner: Address) -> Result<(), ServeError> {
        self.directory.serve((self.id(), R::TYPE), owner)
    }

    /// Has a target own a service no longer. Mail that is on its way to it still gets there.
    ///
    /// # Errors
    ///
    /// [`ServeError`].
    pub fn withdraw<R: Record>(&self, owner: Address) -> Result<(), ServeError> {
        self.directory.withdraw((self.id(), R::TYPE), owner)
    }

    /// A service with one owner, to be opened. It stays when its owner goes, and takes another.
    pub fn service<R: Record>(&self) -> ServiceBuilder {
        ServiceBuilder::new(self.directory.clone(), self.id(), R::TYPE, Kind::Single)
    }

    /// A topic, to be opened: a service that nobody owns. A message to it is [`Code::OK`](crate::Code::OK) if a copy was
    /// handed to one observer or thread at least, else [`Code::NOT_HANDLED`](crate::Code::NOT_HANDLED); a request is
    /// answered with `()`.
    pub fn topic<R: Record>(&self) -> ServiceBuilder {
        ServiceBuilder::new(self.directory.clone(), self.id(), R::TYPE, Kind::Topic)
    }

    /// A service with several owners, to be opened. [`serve`](Self::serve) adds them.
    ///
    /// ```
    /// use rohrpost::{Balance, Context, Failure, Handle, Kernel, handles, record};
    ///
    /// #[derive(Clone, Debug)]
    /// struct Job(u64);
    /// record!(Job, "farm.job");
    ///
    /// struct Worker;
    /// impl Handle<Job> for Worker {
    ///     fn handle(&mut self, _job: &Job, _ctx: &mut Context<'_>) -> Result<(), Failure> {
    ///         Ok(())
    ///     }
    /// }
    /// handles!(Worker: Job);
    ///
    /// let kernel = Kernel::builder("node").start()?;
    /// let farm = kernel.namespace("farm").threads(2).open()?;
    /// let jobs = farm.group::<Job>(Balance::FewestPending).open()?;
    /// for thread in 0..2 {
    ///     farm.serve::<Job>(farm.register_on(thread, Worker)?)?;
    /// }
    /// kernel.ask(jobs, Job(1)).wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn group<R: Record>(&self, balance: Balance) -> ServiceBuilder {
        ServiceBuilder::group(self.directory.clone(), self.id(), R::TYPE, balance)
    }

    /// Closes a service, a topic or a group: its owners and observers are released, later mail comes back with
    /// [`Code::NO_SERVICE`](crate::Code::NO_SERVICE).
    ///
    /// # Errors
    ///
    /// [`ServeError::NoService`], or [`ServeError::Reserved`] for what the kernel needs itself.
    pub fn close_service<R: Record>(&self) -> Result<(), ServeError> {
        self.directory.close_service(self.key::<R>())
    }

    /// Attaches a target of any namespace to a service of this one: it sees every message to it, before the owner
    /// does. Doing that twice is the same as once.
    ///
    /// An observer on the thread that finds the owner sees the message itself, and nothing is copied; each other
    /// thread gets one hand-off and one clone, however many observers live there.
    ///
    /// # Errors
    ///
    /// [`ServeError::NoService`], [`ServeError::NotCloneable`], or [`ServeError::Unreachable`].
    pub fn observe<R: Record>(&self, observer: Address) -> Result<(), ServeError> {
        self.directory.observe(self.key::<R>(), observer.completed_from(self.address()))
    }

    /// Detaches a target from a service. Copies that are on their way to it may still get there.
    ///
    /// # Errors
    ///
    /// [`ServeError::NoService`], or [`ServeError::Unreachable`].
    pub fn unobserve<R: Record>(&self, observer: Address) -> Result<(), ServeError> {
        self.directory.unobserve(self.key::<R>(), observer.completed_from(self.address()))
    }

    fn key<R: Record>(&self) -> Key {
        // For the text of an error; two names with one hash are found out when a service is opened.
        let _ = R::TYPE.remember();
        Key { nid: self.id(), record: R::ID }
    }
}
