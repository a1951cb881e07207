//! [`Thread`]: one worker thread, as the code sees it that builds targets there.

use std::any::{Any, TypeId};
use std::fmt;
use std::rc::Rc;

use crate::address::Address;
use crate::clock::Time;
use crate::core::Core;
use crate::residents::Extra;
use crate::residents::recovery::Recovery;
use crate::setup::{Particulars, Placement, Policy, RegisterError, Setup};
use crate::target::Target;

/// One worker thread, from the inside: targets that are registered here need not be `Send`, and can share what is not.
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use rohrpost::{Context, Kernel, Message, Outcome, Target};
///
/// struct Counter(Rc<RefCell<u64>>);
/// impl Target for Counter {
///     fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
///         *self.0.borrow_mut() += 1;
///         Outcome::Handled
///     }
/// }
///
/// let kernel = Kernel::builder("node").start()?;
/// let app = kernel.namespace("app").open()?;
/// let (left, right) = app.build_on(0, |thread| {
///     let total = Rc::new(RefCell::new(0));
///     Ok((thread.register(Counter(total.clone()))?, thread.register(Counter(total))?))
/// })?;
/// assert_ne!(left, right);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Thread<'a> {
    core: &'a Core,
}

impl<'a> Thread<'a> {
    pub(crate) const fn new(core: &'a Core) -> Self {
        Self { core }
    }

    /// The thread's index in its namespace, from 0 on.
    #[must_use]
    pub fn index(self) -> usize {
        self.core.post.index
    }

    /// The moment of this turn.
    #[must_use]
    pub fn now(self) -> Time {
        self.core.now()
    }

    /// Registers a target; it has started when this returns, unless the stack is too deep for that.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register<T: Target>(self, target: T) -> Result<Address, RegisterError> {
        Ok(self.core.address(self.core.register(Box::new(target), None)?))
    }

    /// Registers a target under a name.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register_as<T: Target>(self, name: &str, target: T) -> Result<Address, RegisterError> {
        self.register_with(Setup::new().name(name), target)
    }

    /// Registers a target with its particulars. A setup that names another thread is an error; one that spreads
    /// means this thread.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register_with<T: Target>(self, setup: Setup, target: T) -> Result<Address, RegisterError> {
        self.settle(setup, || Ok((Box::new(target), None)))
    }

    /// Registers what `factory` makes, and what it makes again after a panic, if `setup` says
    /// [`OnPanic::Restart`](crate::OnPanic::Restart) or nothing.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], also when the factory panics.
    pub fn register_factory<T: Target>(
        self,
        setup: Setup,
        mut factory: impl FnMut() -> T + 'static,
    ) -> Result<Address, RegisterError> {
        self.settle(setup.restarting(), || {
            let target = self.core.guard(&mut factory).map_err(|panic| RegisterError::Panicked(panic.0))?;
            let factory = Box::new(move || Box::new(factory()) as Box<dyn Target>);
            Ok((Box::new(target), Some(factory)))
        })
    }

    fn settle(
        self,
        setup: Setup,
        make: impl FnOnce() -> Result<(Box<dyn Target>, Option<crate::residents::Factory>), RegisterError>,
    ) -> Result<Address, RegisterError> {
        let Particulars { name, placement, policy } = setup.read()?;
        if let Placement::Thread(index) = placement
            && index != self.index()
        {
            return Err(RegisterError::OtherThread(index));
        }
        let (target, factory) = make()?;
        let tid = self.core.register(target, Extra::of(name, policy, factory))?;
        let shown = name.unwrap_or(tid);
        Ok(self.core.address(shown))
    }

    /// The resource of type `T` that the targets of this thread share; made with `Default` when the first one asks.
    ///
    /// It lives as long as the thread.
    #[must_use]
    pub fn local<T: Any + Default>(self) -> Rc<T> {
        if let Some(known) = self.provided() {
            return known;
        }
        self.provide(T::default())
    }

    /// The resource of type `T`, if somebody has asked for it or provided it.
    #[must_use]
    pub fn provided<T: Any>(self) -> Option<Rc<T>> {
        let known = self.core.locals.borrow().get(&TypeId::of::<T>()).cloned();
        known.and_then(|known| known.downcast().ok())
    }

    /// Makes `resource` the one of its type on this thread. Whoever has an earlier one keeps it.
    pub fn provide<T: Any>(self, resource: T) -> Rc<T> {
        let resource = Rc::new(resource);
        let replaced = self.core.locals.borrow_mut().insert(TypeId::of::<T>(), resource.clone());
        drop(replaced);
        resource
    }
}

impl Extra {
    /// What is to be kept of a registration, if anything differs from the default.
    pub(crate) fn of(
        name: Option<crate::id::Tid>,
        policy: Policy,
        factory: Option<crate::residents::Factory>,
    ) -> Option<Self> {
        let plain = name.is_none() && policy == Policy::default() && factory.is_none();
        (!plain).then(|| {
            let mut extra = Self { name, on_panic: policy.on_panic, factory, ..Self::default() };
            extra.recovery = policy.restart.map(|restart| Box::new(Recovery::new(restart)));
            extra
        })
    }
}

impl fmt::Debug for Thread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("name", &self.core.post.name).finish()
    }
}
