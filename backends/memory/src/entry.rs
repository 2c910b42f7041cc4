//! A session as moka holds it.

use std::time::Duration;

use typed_sessions_core::__backend::CENTURY;
use typed_sessions_core::store::{Change, Record};

/// A session, and for how long it is kept from its last write on.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    /// `None`: as long as before, since only fields were written.
    pub(crate) keep_for: Option<Duration>,
}

impl Entry {
    /// The record after this change.
    pub(crate) fn after(change: &Change, record: Record) -> Self {
        Self { record, keep_for: change.keep_for().map(|duration| duration.min(CENTURY)) }
    }

    /// What the session takes in memory, roughly: measured with small fields in `benches`.
    pub(crate) fn bytes(&self) -> u64 {
        const SESSION: usize = 700;
        const FIELD: usize = 80;
        let fields = &self.record.fields;
        let header = &self.record.header;
        // The index keeps the id once more.
        let user = header.user().map_or(0, |user| 2 * user.as_str().len());
        let device = header.device().map_or(0, |device| {
            device.label.len() + device.user_agent.as_ref().map_or(0, String::len)
        });
        (SESSION + fields.len() * FIELD + fields.bytes() + user + device) as u64
    }
}
