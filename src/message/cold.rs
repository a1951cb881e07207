//! [`Cold`]: what only few messages have, in memory of its own.

use std::borrow::Cow;

use crate::body::Body;
use crate::id::NodeId;
use crate::origin::Origin;

/// What mail from or to another node has, and few others.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Cold {
    /// The receiver's node, where it is not the sender's and the message has a deadline, too.
    pub(crate) elsewhere: Option<NodeId>,
    /// Where it comes from, if from outside the node.
    pub(crate) origin: Option<Origin>,
    /// Its number among the messages of a service that retains the last one; 0 if it has none.
    pub(crate) number: u64,
    /// What even fewer have.
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Default)]
struct Rest {
    text: Cow<'static, str>,
    /// The records after the first.
    more: Vec<Body<'static>>,
    /// The answers to the records that have been handled so far.
    answers: Vec<Body<'static>>,
}

impl Cold {
    /// Whether it is that of mail from or to another node.
    pub(crate) const fn is_abroad(&self) -> bool {
        self.origin.is_some() || self.elsewhere.is_some()
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    pub(crate) fn text(&self) -> &str {
        self.rest.as_deref().map_or("", |rest| &rest.text)
    }

    pub(crate) fn set_text(&mut self, text: Cow<'static, str>) {
        if !text.is_empty() || self.rest.is_some() {
            self.rest().text = text;
        }
    }

    pub(crate) fn take_text(&mut self) -> Cow<'static, str> {
        self.rest.as_deref_mut().map(|rest| std::mem::take(&mut rest.text)).unwrap_or_default()
    }

    /// The records after the first.
    pub(crate) fn more(&self) -> &[Body<'static>] {
        self.rest.as_deref().map_or(&[], |rest| &rest.more)
    }

    pub(crate) fn more_mut(&mut self) -> &mut [Body<'static>] {
        self.rest.as_deref_mut().map_or(&mut [], |rest| &mut rest.more)
    }

    pub(crate) fn take_more(&mut self) -> Vec<Body<'static>> {
        self.rest.as_deref_mut().map(|rest| std::mem::take(&mut rest.more)).unwrap_or_default()
    }

    pub(crate) fn set_more(&mut self, more: Vec<Body<'static>>) {
        self.rest().more = more;
    }

    /// Adds a record behind all others.
    pub(crate) fn push(&mut self, record: Body<'static>) {
        self.rest().more.push(record);
    }

    /// Takes the last record, unless it is the first.
    pub(crate) fn pop(&mut self) -> Option<Body<'static>> {
        self.rest.as_deref_mut()?.more.pop()
    }

    /// The answers to the records that have been handled so far.
    pub(crate) fn answers(&mut self) -> &mut Vec<Body<'static>> {
        &mut self.rest().answers
    }
}
