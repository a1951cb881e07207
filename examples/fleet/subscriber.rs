//! Asks another node for its news: each time that it comes, as a node that is started anew knows of nobody.

use rohrpost::system::{self, AddMonitor, AddObserver};
use rohrpost::{Change, Context, Event, Failure, Filter, Handle, NodeId, Started, handles};

use crate::log::log;

pub(crate) struct Subscriber {
    /// Whose news.
    node: NodeId,
    news: News,
}

pub(crate) enum News {
    /// All that is sent to one of its services.
    Observe(AddObserver),
    /// Who comes and goes there.
    Monitor(AddMonitor),
}

impl Subscriber {
    pub(crate) const fn new(node: NodeId, news: News) -> Self {
        Self { node, news }
    }
}

impl Started for Subscriber {
    fn started(&mut self, ctx: &mut Context<'_>) {
        if let Err(code) = ctx.monitor(Filter::new().node(self.node)) {
            log(ctx.now(), "news", &format!("will not hear when {} comes: {code}", self.node));
        }
    }
}

impl Handle<Change> for Subscriber {
    fn handle(&mut self, change: &Change, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let Event::NodeJoined { node } = change.event else {
            return Ok(());
        };
        let system = system::ADDRESS.on_node(node);
        let _ = match &self.news {
            News::Observe(add) => ctx.request(system, *add).then_on(self, |_, done, ctx| told(done, ctx)),
            News::Monitor(add) => ctx.request(system, *add).then_on(self, |_, done, ctx| told(done, ctx)),
        };
        Ok(())
    }
}

/// A gatekeeper that does not let it in names the rule that would.
fn told<T>(done: Result<T, Failure>, ctx: &Context<'_>) {
    if let Err(failure) = done {
        log(ctx.now(), "news", &format!("none ({}): {}", failure.code(), failure.text()));
    }
}

handles!(Subscriber: Change; hooks started);
