//! Ids, addresses, codes and moments as serde sees them, so that records may contain them.
//!
//! In binary formats an id is one word; in formats for people it is text, as `Display` and `FromStr` have it.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::names::mention;
use crate::address::Address;
use crate::clock::Time;
use crate::code::Code;
use crate::id::{Nid, NodeId, RecordId, Tid};

macro_rules! ids {
    ($($id:ident),*) => {$(
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                mention(self.raw());
                self.raw().to_le_bytes().serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    return String::deserialize(deserializer)?.parse().map_err(D::Error::custom);
                }
                Ok(Self::from_raw(u64::from_le_bytes(Deserialize::deserialize(deserializer)?)))
            }
        }
    )*};
}

ids!(Tid, Nid, NodeId, RecordId);

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        (self.tid, self.nid, self.node).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(D::Error::custom);
        }
        let (tid, nid, node) = Deserialize::deserialize(deserializer)?;
        Ok(Self { tid, nid, node })
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.number().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(Self::from_number)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_nanos().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(Self::from_nanos)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::address::Address;
    use crate::code::Code;
    use crate::id::{Nid, NodeId, RecordId, Tid};

    #[test]
    fn an_address_comes_back_as_it_was_in_words_and_in_text() {
        let whole: Address = "router.navigation.car-7".parse().expect("an address");
        let generated =
            Address { tid: Tid::generated(3, 4, 5), nid: Nid::number(1), node: NodeId::name("ids-unknown") };
        for address in [whole, generated, Address::service(Nid::number(2)), Address::target(Tid::number(0))] {
            let bytes = postcard::to_allocvec(&address).expect("an address is written");
            assert_eq!(bytes.len(), 24, "expected three words");
            assert_eq!(postcard::from_bytes(&bytes), Ok(address));
            let text = serde_json::to_string(&address).expect("an address is written");
            assert_eq!(serde_json::from_str::<Address>(&text).ok(), Some(address), "expected {text} to be the same");
        }
        assert_eq!(serde_json::to_string(&whole).ok().as_deref(), Some(r#""router.navigation.car-7""#));
        assert_eq!(serde_json::to_string(&Code::BUSY).ok().as_deref(), Some("8"));
        assert!(serde_json::from_str::<RecordId>(r#""+1""#).is_err());
    }
}
