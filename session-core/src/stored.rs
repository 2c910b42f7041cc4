//! A record's fields as the derive's code reads them.

use crate::data::{FieldSpec, OnGarbage, SessionData};
use crate::error::{Error, Result};
use crate::field::Field;
use crate::fields::Fields;
use crate::time::Timestamp;

/// The stored fields of one session at one instant: a field past its ttl reads as absent.
#[derive(Debug)]
pub struct Stored<'a> {
    fields: &'a Fields,
    now: Timestamp,
}

impl<'a> Stored<'a> {
    pub(crate) fn new(fields: &'a Fields, now: Timestamp) -> Self {
        Self { fields, now }
    }

    /// The JSON text of a field, read from its key or, failing that, from the first alias that is there.
    pub(crate) fn text(&self, spec: &FieldSpec) -> Option<&'a str> {
        let keys = std::iter::once(&spec.key).chain(spec.aliases);
        keys.filter_map(|key| self.fields.get(key)).find_map(|text| text.live_at(self.now))
    }
}

impl FieldSpec {
    /// A value that does not decode is an error, unless the field is `#[session(or_default)]`.
    pub(crate) fn recover<T>(&self, error: Error, absent: fn() -> T) -> Result<T> {
        match self.on_garbage {
            OnGarbage::Fail => Err(error),
            OnGarbage::UseDefault => {
                tracing::warn!(target: "typed_sessions", key = self.key, %error, "unreadable value, using the default");
                Ok(absent())
            }
        }
    }
}

/// The value of a field in `stored`.
pub fn read<D: SessionData, T, V>(stored: &Stored<'_>, field: Field<D, T, V>) -> Result<T> {
    field.decode(stored.text(field.spec()))
}

/// The JSON text of a field's value; `None` when its key is to be absent.
pub fn write<D: SessionData, T, V>(field: Field<D, T, V>, value: &T) -> Result<Option<String>> {
    field.encode(value)
}

/// The value of a field whose key is absent.
pub fn absent<D: SessionData, T, V>(field: Field<D, T, V>) -> T {
    field.absent()
}
