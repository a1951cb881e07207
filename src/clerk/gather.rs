//! A question that goes from worker to worker and is answered by the last.
//!
//! Each adds what it knows between two messages, so that nobody waits for anybody. A worker that has ended lets go of
//! the question, which goes on to the next by that; so it is answered whatever happens on its way.

use std::sync::Arc;

use crate::core::Core;
use crate::directory::Directory;
use crate::message::Message;
use crate::orders;
use crate::post::Post;
use crate::system::{Resident, Targets};

/// A question for the targets of some workers, and what has been found so far.
pub(crate) struct Gather {
    /// `None` when it has been answered.
    question: Option<Message<'static>>,
    /// Who has still to be asked; the next is the last.
    left: Vec<Arc<Post>>,
    found: Vec<Resident>,
    directory: Arc<Directory>,
}

impl Gather {
    pub(crate) const fn new(question: Message<'static>, left: Vec<Arc<Post>>, directory: Arc<Directory>) -> Self {
        Self { question: Some(question), left, found: Vec::new(), directory }
    }

    /// Goes on to the next worker, or answers.
    pub(crate) fn go_on(mut self) {
        match self.left.pop() {
            // If that worker has ended the order is dropped, and goes on from there.
            Some(next) => drop(orders::command(&next, move |core| self.visit(core))),
            None => self.answer(),
        }
    }

    fn visit(mut self, core: &Core) {
        self.found.extend(residents(core));
        self.go_on();
    }

    fn answer(mut self) {
        let Some(mut question) = self.question.take() else {
            return;
        };
        question.answer(sorted(std::mem::take(&mut self.found)));
        if let Some(core) = Core::current().filter(|core| Arc::ptr_eq(&core.directory, &self.directory)) {
            return core.send_back(&mut question);
        }
        drop(self.directory.send_back(&mut question, |count| self.directory.outside.shared(count)));
    }
}

impl Drop for Gather {
    fn drop(&mut self) {
        if let Some(question) = self.question.take() {
            let (left, found) = (std::mem::take(&mut self.left), std::mem::take(&mut self.found));
            Self { question: Some(question), left, found, directory: self.directory.clone() }.go_on();
        }
    }
}

/// The answer if there is nobody to ask but this thread, if that.
pub(crate) fn of_this_thread(core: &Core, posts: &[Arc<Post>]) -> Targets {
    sorted(if posts.is_empty() { Vec::new() } else { residents(core).collect() })
}

/// The targets of a worker that is not on its way out.
fn residents(core: &Core) -> impl Iterator<Item = Resident> {
    let there = if core.is_closing() { Vec::new() } else { core.residents() };
    there.into_iter().map(|(target, name)| Resident::new(target, name))
}

fn sorted(mut found: Vec<Resident>) -> Targets {
    found.sort_unstable_by_key(|resident| resident.target);
    Targets(found)
}
