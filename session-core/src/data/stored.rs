//! A record's fields as the derive's code reads them.

use super::spec::FieldSpec;
use crate::store::Fields;
use crate::time::Timestamp;

/// The stored fields of one session at one instant: a field past its ttl reads as absent, and so
/// does one that a wrong clock has written more than its ttl ahead of time.
#[derive(Debug)]
pub struct Stored<'a> {
    fields: &'a Fields,
    now: Timestamp,
}

impl<'a> Stored<'a> {
    pub(crate) fn new(fields: &'a Fields, now: Timestamp) -> Self {
        Self { fields, now }
    }

    /// The JSON text of a field, read from its key or, failing that, from the first alias that is
    /// there.
    pub(crate) fn text(&self, spec: &FieldSpec) -> Option<&'a str> {
        let mut texts = spec.keys().filter_map(|key| self.fields.get(key));
        texts.find_map(|text| text.live_at(self.now, spec.latest(self.now)))
    }
}
