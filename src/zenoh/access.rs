//! zenoh's access control, written so that a name belongs to a certificate.

use std::fmt::Write as _;

use crate::id::NodeId;
use crate::zenoh::key::Permits;

/// Whom a node lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Guest {
    /// A node, under its own name.
    Node(NodeId),
    /// A router with this common name in its certificate, which speaks for others.
    Relay(String),
}

impl Guest {
    fn common_name(&self) -> String {
        match self {
            Self::Node(node) => node.to_string(),
            Self::Relay(name) => name.clone(),
        }
    }
}

/// Whether a common name can stand in the rules as it is.
pub(super) fn is_plain(common_name: &str) -> bool {
    let plain = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b'"' && byte != b'\\';
    !common_name.trim().is_empty() && common_name.bytes().all(plain)
}

const ALL: &str = r#""put","delete","declare_subscriber","query","reply","declare_queryable","liveliness_token","liveliness_query","declare_liveliness_subscriber""#;

/// The value of `access_control`: everything is refused but what `guests` need.
pub(super) fn rules(permits: &Permits, guests: &[Guest]) -> String {
    let (mut rules, mut subjects, mut policies) = (String::new(), String::new(), String::new());
    let mut rule = |id: &str, flow: &str, messages: &str, key: &str| {
        let _ = write!(
            rules,
            r#"{{"id":"{id}","permission":"allow","flows":["{flow}"],"messages":[{messages}],"key_exprs":["{key}"]}},"#
        );
    };
    rule("out", "egress", ALL, "**");
    rule("ask", "ingress", r#""liveliness_query","declare_liveliness_subscriber""#, &permits.tokens());
    rule("all", "ingress", ALL, &permits.all());
    for (number, guest) in guests.iter().enumerate() {
        let _ = write!(subjects, r#"{{"id":"{number}","cert_common_names":["{}"]}},"#, guest.common_name());
        let may = match guest {
            Guest::Node(node) => {
                rule(&format!("token-{number}"), "ingress", r#""liveliness_token""#, &permits.token(*node));
                rule(&format!("put-{number}"), "ingress", r#""put""#, &permits.frames(*node));
                rule(&format!("inbox-{number}"), "ingress", r#""declare_subscriber""#, &permits.inbox(*node));
                format!(r#""out","ask","token-{number}","put-{number}","inbox-{number}""#)
            }
            Guest::Relay(_) => r#""out","all""#.to_owned(),
        };
        let _ = write!(policies, r#"{{"rules":[{may}],"subjects":["{number}"]}},"#);
    }
    format!(
        r#"{{"enabled":true,"default_permission":"deny","rules":[{rules}],"subjects":[{subjects}],"policies":[{policies}]}}"#
    )
}
