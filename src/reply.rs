//! The reply slot: where a plain thread, or a future, finds the answer to what it asked.
//!
//! Each slot is completed exactly once, by whoever comes first: the answer, the deadline, the kernel that stops, or
//! the asker who goes away. The loser learns that it was late.

use std::task::Waker;

use crossbeam_utils::CachePadded;

use crate::code::Code;
use crate::message::Message;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, lock, own};
use crate::waking::wake;

/// A place for one answer, shared by the asker and the message that asks.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Set when there is something to take: what a spinning asker looks at, and so away from what is written before.
    done: CachePadded<AtomicBool>,
    state: Mutex<State>,
    /// Counts the answers that the slot was made ready for, so that an old alarm does not end a new waiting.
    round: AtomicU64,
}

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Answered(Message<'static>),
    Refused(Code),
    Over,
}

/// The message's end of a slot. If it is dropped without an answer the asker reads [`Code::STOPPED`].
#[derive(Debug)]
pub(crate) struct Asker(Arc<Reply>);

impl Reply {
    pub(crate) fn new() -> Self {
        let done = CachePadded::new(AtomicBool::new(false));
        Self { done, state: Mutex::new(State::Waiting(None)), round: AtomicU64::new(0) }
    }

    /// Makes a slot that nobody else knows ready for another answer.
    pub(crate) fn renew(&mut self) {
        *own(&mut self.state) = State::Waiting(None);
        *self.done = AtomicBool::new(false);
        self.round.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a slot that nobody else holds ready for another answer; an alarm may still look at it.
    pub(crate) fn reset(&self) {
        let mut state = lock(&self.state);
        *state = State::Waiting(None);
        self.done.store(false, Ordering::Relaxed);
        self.round.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the answer, unless it is too late; whether it did. Then `before` is called before anybody can have it.
    pub(crate) fn answer(&self, message: &mut Message<'_>, before: impl FnOnce()) -> bool {
        let mut state = lock(&self.state);
        let State::Waiting(waker) = &mut *state else {
            return false;
        };
        before();
        let waker = waker.take();
        *state = State::Answered(message.take_all());
        drop(state);
        self.wake(waker);
        true
    }

    /// Ends the waiting with `code`; whether that was in time.
    pub(crate) fn refuse(&self, code: Code) -> bool {
        self.refuse_round(code, self.round())
    }

    /// Which waiting this is.
    pub(crate) fn round(&self) -> u64 {
        self.round.load(Ordering::Relaxed)
    }

    /// Whether the slot still waits, and in that round.
    pub(crate) fn waits_in(&self, round: u64) -> bool {
        let state = lock(&self.state);
        matches!(*state, State::Waiting(_)) && self.round() == round
    }

    /// Ends the waiting with `code`, if it is still that round; whether it was.
    pub(crate) fn refuse_round(&self, code: Code, round: u64) -> bool {
        let mut state = lock(&self.state);
        let State::Waiting(waker) = &mut *state else {
            return false;
        };
        if self.round() != round {
            return false;
        }
        let waker = waker.take();
        *state = State::Refused(code);
        drop(state);
        self.wake(waker);
        true
    }

    fn wake(&self, waker: Option<Waker>) {
        self.done.store(true, Ordering::Release);
        waker.into_iter().for_each(wake);
    }

    /// Whether there is something to take.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// Takes what is there, or leaves `waker` to be woken.
    pub(crate) fn take_or_wait(&self, waker: &Waker) -> Option<Result<Message<'static>, Code>> {
        let mut state = lock(&self.state);
        if let State::Waiting(waiting) = &mut *state {
            if !waiting.as_ref().is_some_and(|known| known.will_wake(waker)) {
                *waiting = Some(waker.clone());
            }
            return None;
        }
        Some(Self::end(&mut state))
    }

    /// Takes what is there, or ends the waiting with `code`.
    #[inline]
    pub(crate) fn take_or_end(&self, code: Code) -> Result<Message<'static>, Code> {
        let mut state = lock(&self.state);
        if matches!(*state, State::Waiting(_)) {
            *state = State::Over;
            return Err(code);
        }
        Self::end(&mut state)
    }

    #[inline]
    fn end(state: &mut State) -> Result<Message<'static>, Code> {
        match std::mem::replace(state, State::Over) {
            State::Answered(message) => Ok(message),
            State::Refused(code) => Err(code),
            State::Waiting(_) | State::Over => Err(Code::STOPPED),
        }
    }
}

impl Asker {
    pub(crate) const fn new(reply: Arc<Reply>) -> Self {
        Self(reply)
    }

    /// Takes the answer, unless it is too late; whether it did. Then `before` is called before anybody can have it.
    pub(crate) fn answer(&self, message: &mut Message<'_>, before: impl FnOnce()) -> bool {
        self.0.answer(message, before)
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if !self.0.is_done() {
            self.0.refuse(Code::STOPPED);
        }
    }
}
