//! The records that the command knows: how one is made of JSON, and what one is as JSON.

use rohrpost::net::Opaque;
use rohrpost::system::{
    ListNamespaces, ListServices, ListTargets, Namespaces, Ping, Pong, ReadCounters, Services, Stop, Targets,
};
use rohrpost::{Address, Counters, Message, Nid, Record, RecordRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::demo::{Calculate, Echo, Number, Operator, Time};
use crate::out::Table;

/// A record that can be sent or shown.
pub(crate) struct Known {
    name: &'static str,
    /// The name of what answers it.
    answer: &'static str,
    /// An example of it, as JSON; none if it is only shown.
    example: Option<String>,
    request: fn(Address, &str) -> Result<Message<'static>, serde_json::Error>,
    show: fn(RecordRef<'_>) -> Option<Value>,
}

impl Known {
    fn of<R: Record + Serialize + DeserializeOwned>(example: Option<&R>) -> Self {
        Self {
            name: R::NAME,
            answer: R::Answer::NAME,
            example: example.map(|record| serde_json::to_string(record).unwrap_or_default()),
            request: |to, json| serde_json::from_str::<R>(json).map(|record| Message::request(to, record)),
            show: |record| serde_json::to_value(record.downcast::<R>()?).ok(),
        }
    }

    /// The record that `json` says, as a request to `to`.
    pub(crate) fn request(&self, to: Address, json: &str) -> Result<Message<'static>, String> {
        (self.request)(to, json).map_err(|fault| {
            let example = self.example.as_deref().unwrap_or_default();
            format!("this is no `{}`: {fault}; one is {example}", self.name)
        })
    }
}

/// Those that can be sent, and then those that only answer.
pub(crate) fn all() -> Vec<Known> {
    let six_by_seven = Calculate { left: 6.0, operator: Operator::Times, right: 7.0 };
    vec![
        Known::of(Some(&Echo { text: "hello".to_owned() })),
        Known::of(Some(&six_by_seven)),
        Known::of(Some(&Time { seconds: 1_800_000_000 })),
        Known::of(Some(&Ping)),
        Known::of(Some(&ListNamespaces)),
        Known::of(Some(&ListTargets(Nid::name("demo")))),
        Known::of(Some(&ListServices(Nid::name("demo")))),
        Known::of(Some(&ReadCounters)),
        Known::of(Some(&Stop)),
        Known::of::<()>(None),
        Known::of::<Number>(None),
        Known::of::<Pong>(None),
        Known::of::<Namespaces>(None),
        Known::of::<Targets>(None),
        Known::of::<Services>(None),
        Known::of::<Counters>(None),
    ]
}

/// The one that can be sent and has this name.
pub(crate) fn named(name: &str) -> Option<Known> {
    all().into_iter().find(|known| known.example.is_some() && known.name == name)
}

/// Those that can be sent.
pub(crate) fn table() -> Table<3> {
    let mut table = Table::new(["RECORD", "IS ANSWERED BY", "EXAMPLE"]);
    for Known { name, answer, example, .. } in all() {
        if let Some(example) = example {
            table.row([name.to_owned(), answer.to_owned(), example]);
        }
    }
    table
}

/// A record as JSON; one that is not known as its name and its bytes.
pub(crate) fn show(known: &[Known], record: RecordRef<'_>) -> Value {
    if let Some(value) = known.iter().find_map(|known| (known.show)(record)) {
        return value;
    }
    let bytes = record.downcast::<Opaque>().map(|opaque| {
        let hex = |byte: &u8| format!("{byte:02x}");
        opaque.bytes().iter().map(hex).collect::<String>()
    });
    json!({ "record": record.kind().name(), "bytes": bytes })
}
