//! [`Gatekeeper`]: who may send what to whom, asked before mail from another node enters this one.

use crate::id::{Nid, NodeId, RecordId};
use crate::record::Record;
use crate::system::{self, Ping};

/// Rules for mail from other nodes: the first that matches decides. What is denied comes back with
/// [`Code::DENIED`](crate::Code::DENIED); mail that only passes through is not asked about. It is
/// [counted](super::NetCounters::denied) here, and one event with the feature `tracing`.
///
/// Without a rule that matches, all is allowed but the kernel's own services: of these only ping is open.
///
/// ```
/// use rohrpost::net::{Gatekeeper, Rule};
/// use rohrpost::{NodeId, Nid};
///
/// let gatekeeper = Gatekeeper::new()
///     .rule(Rule::allow().from(NodeId::name("console")))
///     .rule(Rule::deny().to(Nid::name("brakes")));
/// # let _ = gatekeeper;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Gatekeeper {
    rules: Vec<Rule>,
}

/// One rule: the parts that are filled in must match. It prints as it is written in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Rule {
    verdict: Verdict,
    record: Option<RecordId>,
    namespace: Option<Nid>,
    node: Option<NodeId>,
}

/// What becomes of mail that matches a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allow,
    Deny,
}

/// Mail that was not let in, and the rule that would do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not let in; a rule would do: allow = {{ record = \"{record}\", namespace = \"{namespace}\", node = \"{node}\" }}"
)]
pub(crate) struct Denied {
    record: RecordId,
    namespace: Nid,
    node: NodeId,
}

impl Gatekeeper {
    /// No rules but those that hold if none matches.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule behind the others.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Whether `node` may send a record with this id to a target or a service of `namespace`.
    pub(crate) fn ask(&self, node: NodeId, record: RecordId, namespace: Nid) -> Result<(), Denied> {
        let rule = self.rules.iter().find(|rule| rule.matches(node, record, namespace));
        let verdict = rule.map_or_else(|| default(record, namespace), |rule| rule.verdict);
        match verdict {
            Verdict::Allow => Ok(()),
            Verdict::Deny => Err(Denied { record, namespace, node }),
        }
    }
}

/// What holds if no rule matches.
fn default(record: RecordId, namespace: Nid) -> Verdict {
    if namespace == system::NAMESPACE && record != Ping::ID { Verdict::Deny } else { Verdict::Allow }
}

impl Rule {
    /// Lets in what matches.
    pub const fn allow() -> Self {
        Self { verdict: Verdict::Allow, record: None, namespace: None, node: None }
    }

    /// Keeps out what matches.
    pub const fn deny() -> Self {
        Self { verdict: Verdict::Deny, ..Self::allow() }
    }

    /// Only mail of which a record has this id.
    pub const fn record(self, record: RecordId) -> Self {
        Self { record: Some(record), ..self }
    }

    /// Only mail to a target or a service of this namespace.
    pub const fn to(self, namespace: Nid) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// Only mail from this node.
    pub const fn from(self, node: NodeId) -> Self {
        Self { node: Some(node), ..self }
    }

    fn matches(&self, node: NodeId, record: RecordId, namespace: Nid) -> bool {
        self.node.is_none_or(|known| known == node)
            && self.record.is_none_or(|known| known == record)
            && self.namespace.is_none_or(|known| known == namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::{Gatekeeper, Rule};
    use crate::id::{Nid, NodeId, RecordId};
    use crate::record::Record;
    use crate::system::{self, ListNamespaces, Ping};

    const NODE: NodeId = NodeId::name("console");
    const APP: Nid = Nid::name("app");
    const RECORD: RecordId = RecordId::name("app.record");

    #[test]
    fn without_a_rule_only_ping_gets_into_the_system() {
        let gatekeeper = Gatekeeper::new();
        assert!(gatekeeper.ask(NODE, Ping::ID, system::NAMESPACE).is_ok());
        assert!(gatekeeper.ask(NODE, RECORD, APP).is_ok());
        let denied = gatekeeper.ask(NODE, ListNamespaces::ID, system::NAMESPACE).expect_err("a list is not open");
        assert!(denied.to_string().contains("allow = { record = "), "expected the missing rule: {denied}");
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let gatekeeper = Gatekeeper::new()
            .rule(Rule::allow().from(NODE).record(RECORD).to(APP))
            .rule(Rule::deny().to(APP))
            .rule(Rule::allow());
        assert!(gatekeeper.ask(NODE, RECORD, APP).is_ok());
        assert!(gatekeeper.ask(NodeId::name("other"), RECORD, APP).is_err());
        assert!(gatekeeper.ask(NODE, Ping::ID, APP).is_err());
        assert!(gatekeeper.ask(NODE, ListNamespaces::ID, system::NAMESPACE).is_ok());
    }
}
