//! Whether a started session was stored yet, as known to all handles that were made from it.
//!
//! A session that is not stored yet can have several handles (its views). Whichever saves first creates the record, the
//! others write into it; and once it was stored, none may create it a second time, for it may have ended since (W1).

use std::sync::atomic::{AtomicU8, Ordering};

/// Nothing was sent to the store.
const UNTRIED: u8 = 0;
/// A creation was sent. It may have been carried out even if no answer came.
const TRIED: u8 = 1;
/// The record was seen in the store.
const STORED: u8 = 2;
/// The session was destroyed.
const ENDED: u8 = 3;

#[derive(Debug, Default)]
pub(super) struct Birth(AtomicU8);

/// How a handle without a record is to write.
pub(super) enum Approach {
    /// Create the record.
    Create,
    /// Another handle has created it: load it and write into it.
    Adopt,
    /// It was destroyed.
    Refuse,
}

/// Whether a creation that the store carried out may stand.
pub(super) enum Creation {
    Valid,
    /// The record had been there and ended before: what was created must go again.
    Revived,
}

impl Birth {
    pub(super) fn approach(&self) -> Approach {
        match self.0.compare_exchange(UNTRIED, TRIED, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) | Err(TRIED) => Approach::Create,
            Err(STORED) => Approach::Adopt,
            Err(_) => Approach::Refuse,
        }
    }

    pub(super) fn created(&self) -> Creation {
        match self.0.compare_exchange(TRIED, STORED, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => Creation::Valid,
            Err(_) => Creation::Revived,
        }
    }

    pub(super) fn seen(&self) {
        // An ended session stays ended.
        let _ = self.0.compare_exchange(TRIED, STORED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether no handle has sent anything to the store.
    pub(super) fn is_untried(&self) -> bool {
        self.0.load(Ordering::SeqCst) == UNTRIED
    }

    /// From now on no handle creates the record. Tells whether one may have.
    pub(super) fn end(&self) -> MaybeStored {
        match self.0.swap(ENDED, Ordering::SeqCst) {
            UNTRIED => MaybeStored::No,
            _ => MaybeStored::Yes,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MaybeStored {
    No,
    Yes,
}
