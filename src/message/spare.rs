//! [`Aside`]: memory for what few messages have. That of mail from or to another node is used again.

use std::cell::RefCell;

use super::Cold;
use crate::pool::{Pool, Spare};

/// At most 512 KiB.
static POOL: Pool<Cold> = Pool::new();

thread_local! {
    static SPARE: Spare<Cold> = const { RefCell::new(Vec::new()) };
}

/// What only few messages have, where this one has any of it.
#[derive(Debug)]
pub(crate) struct Aside(Option<Box<Cold>>);

impl Aside {
    pub(crate) const NOTHING: Self = Self(None);

    /// Moves it out.
    #[inline]
    pub(crate) const fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// What there is; from here on there is something.
    pub(crate) fn open(&mut self) -> &mut Cold {
        self.0.get_or_insert_default()
    }

    /// The same for mail from or to another node.
    pub(crate) fn open_abroad(&mut self) -> &mut Cold {
        self.0.get_or_insert_with(|| POOL.take(&SPARE).unwrap_or_default())
    }

    #[inline]
    pub(crate) const fn is_some(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    pub(crate) fn as_deref(&self) -> Option<&Cold> {
        self.0.as_deref()
    }

    #[inline]
    pub(crate) fn as_deref_mut(&mut self) -> Option<&mut Cold> {
        self.0.as_deref_mut()
    }
}

impl Drop for Aside {
    #[inline]
    fn drop(&mut self) {
        if let Some(cold) = self.0.take_if(|cold| cold.is_abroad()) {
            empty(cold);
        }
    }
}

/// Drops what is in it, which may be a user's and panic, and keeps the memory.
#[inline(never)]
fn empty(mut cold: Box<Cold>) {
    *cold = Cold::default();
    POOL.give(&SPARE, cold);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Aside, SPARE};
    use crate::id::NodeId;
    use crate::origin::Origin;

    #[test]
    fn what_mail_from_or_to_another_node_had_aside_is_used_again_empty() {
        for fill in [
            |aside: &mut Aside| aside.open_abroad().origin = Some(Origin::new()),
            |aside: &mut Aside| aside.open_abroad().elsewhere = Some(NodeId::number(7)),
        ] {
            let mut aside = Aside::NOTHING;
            fill(&mut aside);
            aside.open().set_text("a text".into());
            drop(aside);
            let spare = SPARE.with_borrow(Vec::len);
            assert!(spare > 0, "expected it to be kept");
            let mut aside = Aside::NOTHING;
            let cold = aside.open_abroad();
            assert!(!cold.is_abroad() && cold.text().is_empty(), "expected nothing of what was in it");
            assert_eq!(SPARE.with_borrow(Vec::len), spare - 1, "expected it to be used again");
        }
    }
}
