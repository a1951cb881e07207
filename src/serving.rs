//! How services, owners and observers are registered, from any thread.

pub(crate) mod dead_letter;
pub(crate) mod duties;
pub(crate) mod fan_out;
pub(crate) mod publish;

use std::fmt;
use std::sync::Arc;

use crate::address::Address;
use crate::code::Code;
use crate::core::Core;
use crate::directory::Directory;
use crate::fault::quietly;
use crate::id::{Nid, RecordId, Tid};
use crate::name::NameCollision;
use crate::orders;
use crate::post::Post;
use crate::record::RecordType;
use crate::service::catalogue::Catalogue;
use crate::service::plan::{Balance, Kind};
use crate::service::{Key, Leavings, NoOwner, Service, Terms};
use crate::waking::WakeLater;

/// How a service is opened: made by [`Namespace::service`](crate::Namespace::service), `topic` and `group`, and by the
/// same methods of [`Context`](crate::Context).
///
/// ```
/// use rohrpost::{Context, Kernel, Observes, handles, record};
///
/// #[derive(Clone, Debug)]
/// struct Speed(u32);
/// record!(Speed, "car.speed");
///
/// struct Display;
/// impl Observes<Speed> for Display {
///     fn observed(&mut self, speed: &Speed, _ctx: &mut Context<'_>) {
///         assert_eq!(speed.0, 50);
///     }
/// }
/// handles!(Display: observes Speed);
///
/// let kernel = Kernel::builder("car-7").start()?;
/// let (app, mut worker) = kernel.namespace("navigation").driven()?;
/// let topic = app.topic::<Speed>().retain_last().open()?;
/// kernel.notify(topic, Speed(50)).unwrap_err();        // nobody observes yet, but it is retained
/// let display = app.register(Display)?;
/// app.observe::<Speed>(display)?;
/// worker.run_until_idle();
/// assert_eq!(kernel.counters().observed, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a service is opened by `open`"]
pub struct ServiceBuilder {
    directory: Arc<Directory>,
    nid: Nid,
    record: &'static RecordType,
    terms: Terms,
    owner: Option<Address>,
}

/// Why a service was not opened, served or observed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Somebody else serves it. Withdraw that one first, or open the service as a group.
    #[error("`{record}` is served by {owner} already; withdraw that one first, or open the service as a group")]
    Taken {
        /// The record's name.
        record: &'static str,
        /// Who serves it.
        owner: Address,
    },
    /// There is no such service in the namespace; open or serve it first.
    #[error("there is no service `{record}` in the namespace `{namespace}`; open or serve it first")]
    NoService {
        /// The record.
        record: RecordId,
        /// The namespace.
        namespace: Nid,
    },
    /// A copy is needed, and the record has none: leave the mark `no_clone` away, and derive `Clone`.
    #[error(
        "`{0}` is marked `no_clone`, so observers cannot have copies of it; derive `Clone` and leave the mark away"
    )]
    NotCloneable(&'static str),
    /// An owner lives in the namespace of its service.
    #[error("{owner} does not live in the namespace `{namespace}`; a service is owned by a target of its namespace")]
    Stranger {
        /// The target.
        owner: Address,
        /// The service's namespace.
        namespace: Nid,
    },
    /// The target cannot be reached, for the reason that the code says.
    #[error("{target} can neither serve nor observe anything: {code}")]
    Unreachable {
        /// The target.
        target: Address,
        /// What a message to it would come back with.
        code: Code,
    },
    /// The service was opened in another way; close it first.
    #[error("`{0}` is open already, as another kind of service; close it first")]
    Exists(&'static str),
    /// A topic has no owners: open a service or a group.
    #[error("`{0}` is a topic, and nobody answers for a topic; open it as a service or a group")]
    Topic(&'static str),
    /// The target is no owner of the service.
    #[error("{owner} does not serve `{record}`")]
    NotOwner {
        /// The record's name.
        record: &'static str,
        /// The target.
        owner: Address,
    },
    /// The namespace is the kernel's own.
    #[error("the services of the namespace `{0}` are the kernel's own; open yours in a namespace of your own")]
    Reserved(Nid),
    /// The name of the record has the same hash as another; rename one of them.
    #[error(transparent)]
    Collision(#[from] NameCollision),
    /// The namespace is closed, or the kernel has stopped.
    #[error("the namespace is closed; open it again")]
    Closed,
}

impl ServiceBuilder {
    pub(crate) const fn new(directory: Arc<Directory>, nid: Nid, record: &'static RecordType, kind: Kind) -> Self {
        Self { directory, nid, record, terms: Terms { kind, retains: false }, owner: None }
    }

    /// A group with this balance.
    pub(crate) const fn group(directory: Arc<Directory>, nid: Nid, record: &'static RecordType, by: Balance) -> Self {
        Self::new(directory, nid, record, Kind::Group(by))
    }

    /// Keeps the last message, also if nobody observes: a new observer gets it first, then every later one exactly
    /// once. What is kept does not expire.
    ///
    /// Costs each message a copy, an allocation and the service's lock.
    pub const fn retain_last(mut self) -> Self {
        self.terms.retains = true;
        self
    }

    /// The target that answers for it; a missing namespace is that of the service.
    pub const fn owner(mut self, owner: Address) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Opens it and returns its address. It stays until it is closed, or its namespace is. One that is open in the
    /// same way is left as it is.
    ///
    /// # Errors
    ///
    /// [`ServeError`].
    pub fn open(self) -> Result<Address, ServeError> {
        let Self { directory, nid, record, terms, owner } = self;
        let copied = terms.retains || terms.kind == Kind::Topic;
        if copied && !record.is_cloneable() {
            return Err(ServeError::NotCloneable(record.name()));
        }
        if terms.kind == Kind::Topic && owner.is_some() {
            return Err(ServeError::Topic(record.name()));
        }
        if let Some(owner) = owner {
            // Looked at first, so that a wrong one leaves nothing open.
            directory.owner((nid, record), owner)?;
        }
        directory.open_service((nid, record), terms)?;
        if let Some(owner) = owner {
            directory.serve((nid, record), owner)?;
        }
        Ok(Address::service(nid).on_node(directory.node))
    }
}

/// A service that was closed, and what it leaves.
pub(crate) type Shut = (Arc<Service>, Leavings);

impl Directory {
    /// Opens a service to stay.
    fn open_service(&self, of: (Nid, &'static RecordType), terms: Terms) -> Result<(), ServeError> {
        of.1.remember()?;
        let _later = WakeLater::new();
        let spaces = self.spaces.read();
        if !spaces.contains_key(&of.0) {
            return Err(ServeError::Closed);
        }
        if of.0 == Self::SYSTEM {
            return Err(ServeError::Reserved(of.0));
        }
        let monitors = self.monitors.lock();
        let key = Key { nid: of.0, record: of.1.id() };
        let new = self.catalogue.find(key).is_none();
        self.catalogue.with_or_open(of, terms, |service| {
            if service.terms != terms {
                return Err(ServeError::Exists(of.1.name()));
            }
            service.keep();
            Ok(())
        })?;
        if new {
            monitors.tell(&self.opened(key));
        }
        Ok(())
    }

    /// The generated id and the worker of a target that is to own a service.
    fn owner(&self, of: (Nid, &'static RecordType), owner: Address) -> Result<(Tid, Arc<Post>), ServeError> {
        let owner = owner.completed_from(Address::service(of.0).on_node(self.node));
        if owner.nid != of.0 {
            return Err(ServeError::Stranger { owner, namespace: of.0 });
        }
        self.resident(owner)
    }

    /// The generated id and the worker of a target of this node.
    fn resident(&self, target: Address) -> Result<(Tid, Arc<Post>), ServeError> {
        let found = if target.tid.is_unset() { Err(Code::NO_TARGET) } else { self.route(target) };
        found.map_err(|code| ServeError::Unreachable { target, code })
    }

    /// Makes a target an owner of a service, which is opened if there is none.
    pub(crate) fn serve(&self, of: (Nid, &'static RecordType), owner: Address) -> Result<(), ServeError> {
        let (nid, record) = of;
        record.remember()?;
        let (tid, post) = self.owner(of, owner)?;
        let terms = Terms { kind: Kind::Single, retains: false };
        let service = {
            let _later = WakeLater::new();
            let spaces = self.spaces.read();
            if !spaces.contains_key(&nid) {
                return Err(ServeError::Closed);
            }
            let monitors = self.monitors.lock();
            let key = Key { nid, record: record.id() };
            let (opens, owns) =
                self.catalogue.with(key, |service| service.has_owner(tid)).map_or((true, false), |owns| (false, owns));
            let add = |service: &Arc<Service>| match service.add_owner(tid, || self.catalogue.load(tid)) {
                Ok(()) => Ok(service.clone()),
                Err(NoOwner::Taken(tid)) => {
                    Err(ServeError::Taken { record: record.name(), owner: Address { tid, nid, node: self.node } })
                }
                Err(NoOwner::Topic) => Err(ServeError::Topic(record.name())),
                Err(NoOwner::Closed) => Err(ServeError::Closed),
            };
            let service = self.catalogue.with_or_open(of, terms, add)?;
            if opens {
                monitors.tell(&self.opened(key));
            }
            if !owns {
                monitors.tell(&self.owned(key, tid));
            }
            service
        };
        self.settle_owner(&service, tid, &post).map_err(|code| ServeError::Unreachable { target: owner, code })
    }

    /// Has the owner's thread record what it owns.
    fn settle_owner(&self, service: &Arc<Service>, tid: Tid, post: &Arc<Post>) -> Result<(), Code> {
        if let Some(core) = Core::current().filter(|core| Arc::ptr_eq(&core.post, post)) {
            return core.settle_owner(service, tid);
        }
        let known = service.clone();
        // A target that has gone is no owner any more when this is obeyed.
        let settle = move |core: &Core| {
            let _ = core.settle_owner(&known, tid);
        };
        if orders::command(post, settle) {
            return Ok(());
        }
        self.remove_owner(service, tid);
        self.retire(service);
        Err(Code::STOPPED)
    }

    /// Has a target own a service no longer.
    pub(crate) fn withdraw(&self, of: (Nid, &'static RecordType), owner: Address) -> Result<(), ServeError> {
        let (nid, record) = of;
        let (tid, post) = self.owner(of, owner)?;
        let service = self.service(Key { nid, record: record.id() })?;
        if !self.remove_owner(&service, tid) {
            return Err(ServeError::NotOwner { record: record.name(), owner });
        }
        // If its thread has ended it has forgotten everything.
        let _ = self.settle_owner(&service, tid, &post);
        self.retire(&service);
        Ok(())
    }

    /// Closes a service: its owners and observers are released.
    pub(crate) fn close_service(&self, key: Key) -> Result<(), ServeError> {
        if key.nid == Self::SYSTEM {
            return Err(ServeError::Reserved(key.nid));
        }
        let ended = self.shut(|catalogue| catalogue.take(key, |_| true).into_iter().collect());
        let found = !ended.is_empty();
        self.end_services(ended);
        if found { Ok(()) } else { Err(no_service(key)) }
    }

    /// Closes everything, when the kernel has stopped.
    pub(crate) fn close_services(&self) {
        let ended = self.shut(|catalogue| catalogue.take_all(|_| true));
        self.end_services(ended);
    }

    /// Closes the services that `take` takes out of the catalogue.
    pub(crate) fn shut(&self, take: impl FnOnce(&Catalogue) -> Vec<Arc<Service>>) -> Vec<Shut> {
        let _later = WakeLater::new();
        let monitors = self.monitors.lock();
        let shut = |service: Arc<Service>| {
            let owners = service.plan().owners.clone();
            let leavings = service.close();
            owners.iter().for_each(|owner| monitors.tell(&self.disowned(service.key(), owner.tid)));
            monitors.tell(&self.closed(service.key()));
            (service, leavings)
        };
        take(&self.catalogue).into_iter().map(shut).collect()
    }

    /// Has everybody who observes services hear that they are closed.
    pub(crate) fn end_services(&self, ended: Vec<Shut>) {
        for (service, leavings) in ended {
            for &worker in &leavings.workers {
                if let Some(post) = self.post(worker) {
                    let service = service.clone();
                    orders::command(&post, move |core| core.refresh(&service));
                }
            }
            // Whoever closes it is not to be blamed for a record that was retained.
            quietly(|| drop(leavings));
        }
    }

    /// Closes a service that nobody needs any more.
    pub(crate) fn retire(&self, service: &Arc<Service>) {
        if !service.is_unused() {
            return;
        }
        let unused = |known: &Arc<Service>| Arc::ptr_eq(known, service) && service.is_unused();
        let ended = self.shut(|catalogue| catalogue.take(service.key(), unused).into_iter().collect());
        self.end_services(ended);
    }

    /// Attaches a target of any namespace to a service.
    pub(crate) fn observe(&self, key: Key, observer: Address) -> Result<(), ServeError> {
        let (tid, post) = self.resident(observer)?;
        let add = |service: &Arc<Service>| {
            if !service.record.is_cloneable() {
                return Err(ServeError::NotCloneable(service.record.name()));
            }
            let change = service.add_observer(post.worker, tid).map_err(|_| no_service(key))?;
            Ok((service.clone(), change))
        };
        let (service, change) = self.catalogue.with(key, add).unwrap_or_else(|| Err(no_service(key)))?;
        self.attend(&service, change, &post);
        if let Some(core) = Core::current().filter(|core| Arc::ptr_eq(&core.post, &post))
            && !core.routes.with(|routes| routes.observes(key, tid))
        {
            return Err(ServeError::Unreachable { target: observer, code: Code::NO_TARGET });
        }
        Ok(())
    }

    /// Detaches a target from a service.
    pub(crate) fn unobserve(&self, key: Key, observer: Address) -> Result<(), ServeError> {
        let (tid, post) = self.resident(observer)?;
        let service = self.service(key)?;
        let change = service.remove_observer(post.worker, tid);
        self.attend(&service, change, &post);
        Ok(())
    }

    /// Has the observer's thread hear of a change.
    fn attend(&self, service: &Arc<Service>, change: u64, post: &Arc<Post>) {
        if let Some(core) = Core::current().filter(|core| Arc::ptr_eq(&core.post, post)) {
            return core.attend(service, change);
        }
        let known = service.clone();
        if !orders::command(post, move |core| core.attend(&known, change)) {
            quietly(|| drop(service.cancel(change)));
            self.retire(service);
        }
    }

    /// The service with this key.
    pub(crate) fn service(&self, key: Key) -> Result<Arc<Service>, ServeError> {
        self.catalogue.find(key).ok_or_else(|| no_service(key))
    }
}

const fn no_service(key: Key) -> ServeError {
    ServeError::NoService { record: key.record, namespace: key.nid }
}

impl fmt::Debug for ServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("ServiceBuilder");
        builder.field("namespace", &self.nid).field("record", &self.record).field("terms", &self.terms).finish()
    }
}
