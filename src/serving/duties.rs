//! Duties: what a target serves and observes, recorded on its own thread and given up when it goes.
//!
//! Registration happens on any thread and is visible at once; the target's thread hears of it by an order, or earlier,
//! when a message makes it look.

use crate::code::Code;
use crate::core::Core;
use crate::id::Tid;
use crate::monitoring::reporting::Attended;
use crate::service::routes::{Known, View};
use crate::service::{Attendance, Key, News, Retained, Service};
use crate::sync::Arc;

/// What a target is registered for beside itself.
#[derive(Default)]
pub(crate) struct Duties {
    serves: Vec<Arc<Service>>,
    observes: Vec<Arc<Service>>,
}

impl Duties {
    fn add(list: &mut Vec<Arc<Service>>, service: &Arc<Service>) {
        list.retain(|known| !Arc::ptr_eq(known, service) && known.plan().open);
        list.push(service.clone());
    }

    fn remove(list: &mut Vec<Arc<Service>>, service: &Arc<Service>) {
        list.retain(|known| !Arc::ptr_eq(known, service));
    }
}

impl Core {
    /// What this thread knows of a service, up to date; `None` if there is no such service.
    pub(crate) fn view(&self, key: Key) -> Option<std::rc::Rc<View>> {
        loop {
            match self.routes.with(|routes| routes.look_up(key)) {
                Known::Well(view) => return Some(view),
                Known::Less(service) => self.refresh(&service),
                Known::Not => self.refresh(&self.directory.catalogue.find(key)?),
            }
        }
    }

    /// Does what has changed of a service for the targets here.
    #[cold]
    pub(crate) fn refresh(&self, service: &Arc<Service>) {
        let there = |tid| self.slots.with(|slots| slots.find(tid).is_some());
        let news = service.collect(self.post.worker, there);
        if news.plan.open {
            let old = self.routes.with(|routes| routes.learn(service, news.version, news.plan.clone()));
            self.dissolve(old);
            self.hear(service, &news);
        } else {
            self.abandon(service);
        }
        // A record may go with what was retained.
        let _ = self.guard(|| drop(news));
    }

    fn hear(&self, service: &Arc<Service>, news: &News) {
        let mut released = 0;
        let mut newcomers = Vec::new();
        for change in &news.changes {
            match &change.what {
                Attendance::Begins(began, last) => {
                    if self.admit(service, change.tid, *began) {
                        newcomers.extend(last.iter().map(|last| (change.tid, last)));
                    } else {
                        released += 1;
                    }
                }
                Attendance::Ends => released += usize::from(self.stop_observing(service, change.tid)),
            }
        }
        self.release_observers(service, released);
        for (tid, last) in newcomers {
            self.give_last(tid, last);
        }
    }

    /// Adds an observer to those of this thread; `false` if it has gone, or is one already.
    fn admit(&self, service: &Arc<Service>, tid: Tid, began: u64) -> bool {
        let added = |routes: &mut crate::service::routes::Routes| {
            routes.audience_of(service).is_some_and(|all| all.add(tid, began))
        };
        let there = self.with_extra(tid, |extra| Duties::add(&mut extra.duties.observes, service));
        let added = there.is_some() && self.routes.with(added);
        if added {
            self.report_observer(service.key(), tid, Attended::Begun);
        }
        added
    }

    fn stop_observing(&self, service: &Arc<Service>, tid: Tid) -> bool {
        let removed = self.routes.with(|routes| routes.remove(service, tid));
        if removed {
            let _ = self.with_extra(tid, |extra| Duties::remove(&mut extra.duties.observes, service));
            self.report_observer(service.key(), tid, Attended::Ended);
        }
        removed
    }

    fn release_observers(&self, service: &Arc<Service>, observers: usize) {
        if observers > 0 {
            service.release(self.post.worker, observers);
            self.directory.retire(service);
        }
    }

    /// A new observer gets what was retained, behind the mail that waits for it.
    fn give_last(&self, tid: Tid, last: &Retained) {
        let copy = self.guard(|| last.copy()).ok().flatten();
        self.keep_copy(tid, || copy);
    }

    /// The order that follows a change: it is done by now, or its target has gone.
    pub(crate) fn attend(&self, service: &Arc<Service>, change: u64) {
        self.refresh(service);
        let _ = self.guard(|| drop(service.cancel(change)));
        self.directory.retire(service);
    }

    /// A service was closed.
    fn abandon(&self, service: &Arc<Service>) {
        let left = self.routes.with(|routes| {
            routes.audience_of(service)?;
            routes.forget(service.key())
        });
        self.dissolve(left);
    }

    fn dissolve(&self, audience: Option<(Arc<Service>, crate::service::audience::Audience)>) {
        let Some((service, audience)) = audience else {
            return;
        };
        for observer in audience.snapshot().iter() {
            let _ = self.with_extra(observer.tid, |extra| Duties::remove(&mut extra.duties.observes, &service));
            self.report_observer(service.key(), observer.tid, Attended::Ended);
        }
    }

    /// Records whether a target owns a service. One that has gone owns none.
    pub(crate) fn settle_owner(&self, service: &Arc<Service>, tid: Tid) -> Result<(), Code> {
        let owner = service.has_owner(tid);
        let recorded = self.with_extra(tid, |extra| match owner {
            true => Duties::add(&mut extra.duties.serves, service),
            false => Duties::remove(&mut extra.duties.serves, service),
        });
        if recorded.is_none() {
            self.directory.remove_owner(service, tid);
            self.directory.retire(service);
            self.directory.catalogue.forget_load(tid);
        }
        recorded.ok_or(Code::NO_TARGET)
    }

    /// Gives up everything that a target was registered for.
    pub(crate) fn resign(&self, tid: Tid, duties: &mut Duties) {
        for service in duties.serves.drain(..) {
            self.directory.remove_owner(&service, tid);
            self.directory.retire(&service);
            self.directory.catalogue.forget_load(tid);
        }
        for service in duties.observes.drain(..) {
            let removed = self.routes.with(|routes| routes.remove(&service, tid));
            if removed {
                self.report_observer(service.key(), tid, Attended::Ended);
            }
            self.release_observers(&service, usize::from(removed));
        }
    }
}
