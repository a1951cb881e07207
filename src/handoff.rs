//! The hand-off: a worker thread's inbox, and how the thread sleeps when there is nothing in it.
//!
//! Ordinary mail is refused when the [`Ring`] is full. Answers and returns never are: they go to a second list, and
//! while anything is there nothing ordinary is taken, so that one sender's mail stays in order.

use std::collections::VecDeque;
use std::fmt;
use std::task::Waker;
use std::time::Duration;

use crate::ring::{Coming, Consumer, Head, Left, PushError, Refusal, Ring};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, lock, relax, thread};
use crate::waking;

/// The senders' side of a hand-off.
pub(crate) struct Inbox<T> {
    ring: Ring<T>,
    /// Whether `spill` holds anything; read with every push, written when the ring was full.
    spilling: AtomicBool,
    spill: Mutex<Spill<T>>,
    waker: Mutex<Option<Waker>>,
}

/// What had to be taken although the ring was full.
struct Spill<T> {
    list: VecDeque<T>,
    closed: bool,
}

/// The receiving thread's side of a hand-off.
pub(crate) struct Receiver<T> {
    inbox: Arc<Inbox<T>>,
    head: Head,
    /// Taken from the spill; its turn comes when `head` has reached `spilled_at`.
    spilled: VecDeque<T>,
    spilled_at: u64,
}

impl<T> Inbox<T> {
    /// An inbox for `capacity` values, from 1 on, and its receiver.
    pub(crate) fn new(capacity: usize) -> (Arc<Self>, Receiver<T>) {
        let (ring, head) = Ring::new(capacity);
        let inbox = Arc::new(Self {
            ring,
            spilling: AtomicBool::new(false),
            spill: Mutex::new(Spill { list: VecDeque::new(), closed: false }),
            waker: Mutex::new(None),
        });
        let receiver = Receiver { inbox: inbox.clone(), head, spilled: VecDeque::new(), spilled_at: 0 };
        (inbox, receiver)
    }

    /// Adds ordinary mail, or hands it back.
    #[inline]
    pub(crate) fn push(&self, value: T) -> Result<(), PushError<T>> {
        if self.is_spilling() {
            return Err(if self.ring.is_closed() { PushError::Closed(value) } else { PushError::Full(value) });
        }
        let consumer = self.ring.push(value)?;
        self.wake_if(consumer);
        Ok(())
    }

    /// Adds the ordinary mail that `make` makes where it is to lie, unless there is no room. `make` must not unwind.
    #[inline]
    pub(crate) fn push_with(&self, make: impl FnOnce() -> T) -> Result<(), Refusal> {
        if self.is_spilling() {
            return Err(if self.ring.is_closed() { Refusal::Closed } else { Refusal::Full });
        }
        let consumer = self.ring.push_with(make)?;
        self.wake_if(consumer);
        Ok(())
    }

    /// Adds what may not be refused; it comes back only when the inbox is closed.
    pub(crate) fn push_reserved(&self, value: T) -> Result<(), T> {
        let mut value = value;
        if !self.is_spilling() {
            value = match self.ring.push(value) {
                Ok(consumer) => {
                    self.wake_if(consumer);
                    return Ok(());
                }
                Err(PushError::Closed(value)) => return Err(value),
                Err(PushError::Full(value)) => value,
            };
        }
        let mut spill = lock(&self.spill);
        if spill.closed {
            return Err(value);
        }
        spill.list.push_back(value);
        self.spilling.store(true, Ordering::Release);
        drop(spill);
        self.wake();
        Ok(())
    }

    /// Whether answers or returns wait outside the ring.
    #[inline]
    pub(crate) fn is_spilling(&self) -> bool {
        self.spilling.load(Ordering::Acquire)
    }

    /// Wakes the receiver if it sleeps.
    pub(crate) fn wake(&self) {
        self.wake_if(self.ring.rouse());
    }

    #[inline]
    fn wake_if(&self, consumer: Consumer) {
        if consumer == Consumer::Sleeping {
            self.wake_sleeper();
        }
    }

    #[cold]
    fn wake_sleeper(&self) {
        let waker = lock(&self.waker).clone();
        if let Some(waker) = waker {
            waking::wake(waker);
        }
    }

    /// Sets who is woken when the receiver sleeps.
    pub(crate) fn set_waker(&self, waker: Waker) {
        *lock(&self.waker) = Some(waker);
    }
}

impl<T> Receiver<T> {
    /// Has `serve` look at the next value, then drops what is [`Left`] of it. `serve` must not unwind.
    #[inline]
    pub(crate) fn with_next<R>(&mut self, serve: impl FnOnce(&mut T) -> (R, Left)) -> Option<R> {
        if !self.spilled.is_empty() && self.head.position() == self.spilled_at {
            let mut value = self.spilled.pop_front()?;
            return Some(serve(&mut value).0);
        }
        if let Some(taken) = self.head.take(&self.inbox.ring) {
            return Some(taken.serve(serve));
        }
        if !self.spilled.is_empty() {
            // The spill comes after ring mail that somebody is writing at this moment.
            while !self.head.is_ready(&self.inbox.ring) {
                relax();
            }
            return self.head.take(&self.inbox.ring).map(|taken| taken.serve(serve));
        }
        if self.inbox.is_spilling() {
            self.take_spill();
            return self.with_next(serve);
        }
        None
    }

    /// Has `look` see what is a few places behind the next, if it is there. `look` must not unwind.
    #[inline]
    pub(crate) fn foresee(&self, look: impl FnOnce(&T)) {
        self.head.foresee(&self.inbox.ring, look);
    }

    /// Takes over the spill, behind everything that is in the ring by now.
    #[cold]
    fn take_spill(&mut self) {
        let mut spill = lock(&self.inbox.spill);
        std::mem::swap(&mut self.spilled, &mut spill.list);
        self.spilled_at = self.inbox.ring.tail();
        self.inbox.spilling.store(false, Ordering::Release);
    }

    /// Whether nothing is there and nobody is adding anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.spilled.is_empty() && self.inbox.ring.tail() == self.head.position() && !self.inbox.is_spilling()
    }

    /// Sleeps until something is there, somebody wakes the thread or the time is over. May wake early.
    ///
    /// `timeout` is asked when it is known that others will wake this thread, so that it misses nothing.
    pub(crate) fn park(&self, timeout: impl FnOnce() -> Option<Duration>) {
        if self.announce_sleep() {
            match timeout() {
                #[cfg(not(loom))]
                Some(timeout) => thread::park_timeout(timeout),
                _ => thread::park(),
            }
        } else {
            relax();
        }
        // A later push has nobody to wake.
        let _ = self.inbox.ring.rouse();
    }

    /// Says that the next push has to wake this side; `false` if there is something already.
    pub(crate) fn announce_sleep(&self) -> bool {
        self.head.sleep(&self.inbox.ring) && self.spilled.is_empty() && !self.inbox.is_spilling()
    }

    /// Tells senders how mail comes, by which they know what to get ready.
    pub(crate) fn expect(&self, coming: Coming) {
        self.inbox.ring.expect(coming);
    }

    /// Takes no more mail. What is there can still be taken.
    pub(crate) fn close(&self) {
        self.inbox.ring.close();
        let mut spill = lock(&self.inbox.spill);
        spill.closed = true;
    }

    /// How much has come and has not been taken.
    pub(crate) fn backlog(&self) -> u64 {
        self.inbox.ring.tail() - self.head.position() + self.spilled.len() as u64
    }

    /// Whether something is there, or will be in a moment.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.head.is_ready(&self.inbox.ring) || !self.spilled.is_empty() || self.inbox.is_spilling()
    }

    /// Waits until nobody is writing, then takes what is left, in order, until nothing is.
    pub(crate) fn drain(&mut self, mut serve: impl FnMut(&mut T) -> ((), Left)) {
        while !self.is_empty() {
            if self.with_next(&mut serve).is_none() {
                relax();
            }
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
        self.drain(|_| ((), Left::Something));
    }
}

impl<T> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("ring", &self.ring).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
