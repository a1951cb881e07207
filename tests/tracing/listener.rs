//! A subscriber that writes down what it is told, and then does what the test wants.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) level: tracing::Level,
    /// Without the `rohrpost::` before it.
    pub(crate) target: String,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

/// What a subscriber does with an event.
type Reaction = dyn Fn(&Told) + Send + Sync;

/// Writes events down, in order.
#[derive(Clone, Default)]
pub(crate) struct Listener {
    all: Arc<Mutex<Vec<Told>>>,
    /// What is done after each event was written down.
    then: Option<Arc<Reaction>>,
}

impl Listener {
    pub(crate) fn that(then: impl Fn(&Told) + Send + Sync + 'static) -> Self {
        Self { all: Arc::default(), then: Some(Arc::new(then)) }
    }

    /// Listens to this thread while `run` runs.
    pub(crate) fn during<R>(&self, run: impl FnOnce() -> R) -> R {
        tracing::subscriber::with_default(self.clone(), run)
    }

    /// What was told so far; from here on it begins anew.
    pub(crate) fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.all.lock().unwrap())
    }

    /// The only thing that was told.
    #[track_caller]
    pub(crate) fn take_one(&self) -> Told {
        let all = self.take();
        assert_eq!(all.len(), 1, "expected one event: {all:#?}");
        all.into_iter().next().unwrap()
    }

    #[track_caller]
    pub(crate) fn expect_nothing(&self) {
        assert_eq!(self.take(), [], "expected no event");
    }
}

impl Told {
    /// The value of a field; empty if it is missing.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The target, and the code or the text.
    pub(crate) fn short(&self) -> (&str, &str) {
        let what = if self.fields.contains_key("code") { "code" } else { "text" };
        (&self.target, self.field(what))
    }
}

/// Collects the fields of an event.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = Nosy(String::new());
        write!(text, "{value:?}").unwrap();
        self.0.insert(field.name(), text.0);
    }
}

/// Reads an address with each piece that is written to it, as a writer may do that sends what it gets.
struct Nosy(String);

impl Write for Nosy {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let name = format!("nosy-{}", LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        assert!(name.parse::<rohrpost::Address>().is_ok(), "expected {name} to be an address");
        self.0.push_str(piece);
        Ok(())
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("rohrpost::")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let target = event.metadata().target().trim_start_matches("rohrpost::").to_owned();
        let told = Told { level: *event.metadata().level(), target, fields: fields.0 };
        self.all.lock().unwrap().push(told.clone());
        if let Some(then) = &self.then {
            then(&told);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
