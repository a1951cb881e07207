//! What a machine drives, and what its hooks are given.
//!
//! The engine owns neither the object whose methods it calls, nor the context, nor the event. All three go through it by
//! reference, and the latter two may borrow from the caller's stack: that is why [`Model`] has types with lifetimes.

use super::{EventId, StateId, topology::Node};
use std::{collections::VecDeque, fmt};

/// The object whose states a table describes: entry, exit, effect and guard functions get it by reference.
///
/// ```
/// use rohrpost::machine::Model;
///
/// struct Door {
///     squeaks: u32,
/// }
///
/// impl Model for Door {
///     type Event<'e> = &'e str;
///     type Context<'c> = Vec<&'c str>;
/// }
/// ```
pub trait Model: Sized + 'static {
    /// What arrives from outside; it may borrow.
    type Event<'e>;
    /// What the hooks act on besides the model; it may borrow. `()` if there is nothing.
    type Context<'c>;
}

/// An entry, exit or effect function of a static table.
pub(super) type ActionFn<M> = fn(&mut M, &mut <M as Model>::Context<'_>, &mut Step<'_, <M as Model>::Event<'_>>);

/// A guard function of a static table.
pub(super) type GuardFn<M> = fn(&M, &<M as Model>::Context<'_>, &Query<'_, <M as Model>::Event<'_>>) -> bool;

/// What an entry, exit or effect function may see and ask for, besides the model and the context.
///
/// ```
/// use rohrpost::machine::{EventId, Model, Step};
///
/// struct Door;
///
/// impl Model for Door {
///     type Event<'e> = String;
///     type Context<'c> = ();
/// }
///
/// impl Door {
///     fn slam(&mut self, _: &mut (), step: &mut Step<'_, String>) {
///         if step.event().is_some_and(|event| event == "storm") {
///             step.raise(EventId::new(0));
///         }
///     }
/// }
///
/// let mut storm = String::from("storm");
/// let mut step = Step::new(&mut storm);
/// Door.slam(&mut (), &mut step);
/// assert_eq!(step.raised(), 1);
/// ```
pub struct Step<'s, E> {
    /// The event from outside, while what it set off runs.
    pub(super) event: Option<&'s mut E>,
    /// Events that hooks have raised and that have not been handled yet.
    pub(super) queue: Raised,
}

impl<'s, E> Step<'s, E> {
    /// A step set off by `event`; hooks can be tested with it.
    #[inline]
    #[must_use]
    pub const fn new(event: &'s mut E) -> Self {
        Self { event: Some(event), queue: Raised::new() }
    }

    /// A step that no event from outside set off.
    pub(super) const fn silent() -> Self {
        Self { event: None, queue: Raised::new() }
    }

    /// The event from outside that set this step off; none at the start, for a timeout, and for a raised event.
    #[inline]
    pub fn event(&mut self) -> Option<&mut E> {
        self.event.as_deref_mut()
    }

    /// Puts `event` behind those already raised; all of them are handled before the next event from outside.
    ///
    /// Eight may wait at one time without an allocation.
    #[inline]
    pub fn raise(&mut self, event: impl Into<EventId>) {
        self.queue.push(event.into());
    }

    /// How many raised events wait.
    #[must_use]
    pub fn raised(&self) -> usize {
        self.queue.len()
    }
}

impl<E> fmt::Debug for Step<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("from_outside", &self.event.is_some()).field("raised", &self.queue.len()).finish()
    }
}

/// What a guard may look at, besides the model and the context.
///
/// ```
/// use rohrpost::machine::{Model, Query};
///
/// struct Door {
///     code: u32,
/// }
///
/// impl Model for Door {
///     type Event<'e> = u32;
///     type Context<'c> = ();
/// }
///
/// impl Door {
///     fn knows(&self, _: &(), query: &Query<'_, u32>) -> bool {
///         query.event().is_some_and(|code| *code == self.code)
///     }
/// }
/// ```
pub struct Query<'q, E> {
    pub(super) event: Option<&'q E>,
    /// The nodes of the table, for the extent of each state.
    pub(super) nodes: &'q [Node],
    /// The active leaves before the transition that is asked about.
    pub(super) leaves: &'q [u16],
}

impl<E> Query<'_, E> {
    /// The event from outside that set this step off; none at the start, for a timeout, and for a raised event.
    #[inline]
    #[must_use]
    pub const fn event(&self) -> Option<&E> {
        self.event
    }

    /// Whether `state` is active, itself or by a state inside it.
    #[inline]
    #[must_use]
    pub fn is_in(&self, state: impl Into<StateId>) -> bool {
        let StateId(state) = state.into();
        let Some(node) = self.nodes.get(usize::from(state)) else {
            return false;
        };
        self.leaves.iter().any(|&leaf| state <= leaf && leaf < node.end)
    }
}

impl<E> fmt::Debug for Query<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("from_outside", &self.event.is_some()).field("leaves", &self.leaves).finish()
    }
}

/// How many raised events wait inside the step itself.
const INLINE: usize = 8;

/// The raised events that wait, first come first served.
///
/// The queue lives on the stack for one run to completion, so a machine carries no room for it.
pub(super) struct Raised {
    near: [EventId; INLINE],
    head: u8,
    tail: u8,
    /// Used only while `near` is full; what is in it is younger than what is in `near`.
    #[expect(clippy::box_collection, reason = "one word on the stack of every dispatch instead of four")]
    far: Option<Box<VecDeque<EventId>>>,
}

impl Raised {
    const fn new() -> Self {
        Self { near: [EventId(0); INLINE], head: 0, tail: 0, far: None }
    }

    fn push(&mut self, event: EventId) {
        if let Some(far) = &mut self.far {
            far.push_back(event);
            return;
        }
        if let Some(free) = self.near.get_mut(usize::from(self.tail)) {
            *free = event;
            self.tail += 1;
            return;
        }
        self.far.get_or_insert_default().push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<EventId> {
        if self.head < self.tail {
            let event = self.near[usize::from(self.head)];
            self.head += 1;
            if self.head == self.tail {
                (self.head, self.tail) = (0, 0);
            }
            return Some(event);
        }
        let event = self.far.as_mut()?.pop_front();
        if event.is_none() {
            self.far = None;
        }
        event
    }

    /// Puts `events` ahead of all that wait.
    pub(super) fn put_first(&mut self, events: &mut Vec<EventId>) {
        while let Some(event) = self.pop() {
            events.push(event);
        }
        for event in events.drain(..) {
            self.push(event);
        }
    }

    /// Whether nothing has been raised since the step began.
    #[inline]
    pub(super) const fn is_untouched(&self) -> bool {
        self.tail == 0
    }

    fn len(&self) -> usize {
        usize::from(self.tail - self.head) + self.far.as_ref().map_or(0, |far| far.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{EventId, Raised};

    #[test]
    fn raised_events_come_out_in_the_order_they_went_in() {
        let mut queue = Raised::new();
        let mut next_out = 0;
        for next_in in 0..50 {
            queue.push(EventId::new(next_in));
            if next_in % 3 == 0 {
                assert_eq!(queue.pop(), Some(EventId::new(next_out)));
                next_out += 1;
            }
        }
        while let Some(event) = queue.pop() {
            assert_eq!(event, EventId::new(next_out));
            next_out += 1;
        }
        assert_eq!(next_out, 50);
        assert!(queue.is_untouched());
    }
}
