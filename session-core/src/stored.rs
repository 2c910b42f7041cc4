//! A record's fields as the derive's code reads them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::{FieldSpec, OnGarbage, SessionData};
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::json;
use crate::time::Timestamp;

/// The stored fields of one session at one instant: a field past its ttl reads as absent.
#[derive(Debug)]
pub struct Stored<'a> {
    fields: &'a Fields,
    specs: &'static [FieldSpec],
    now: Timestamp,
}

impl<'a> Stored<'a> {
    pub(crate) fn new<D: SessionData>(fields: &'a Fields, now: Timestamp) -> Self {
        Self { fields, specs: D::FIELDS, now }
    }

    /// The JSON text of a field, read from its key or, failing that, from the first alias that is there.
    pub(crate) fn text(&self, spec: &FieldSpec) -> Option<&'a str> {
        let keys = std::iter::once(&spec.key).chain(spec.aliases);
        keys.filter_map(|key| self.fields.get(key)).find_map(|text| text.live_at(self.now))
    }

    /// Reads a field that has a default.
    #[doc(hidden)]
    pub fn read<T: DeserializeOwned>(&self, index: usize, absent: fn() -> T) -> Result<T> {
        let spec = &self.specs[index];
        match self.text(spec) {
            None => Ok(absent()),
            Some(text) => json::decode(text).or_else(|failure| spec.recover(failure.decoding(spec.key), absent)),
        }
    }

    /// Reads a field whose `None` is an absent key.
    #[doc(hidden)]
    pub fn read_option<T: DeserializeOwned>(&self, index: usize) -> Result<Option<T>> {
        let spec = &self.specs[index];
        match self.text(spec) {
            None => Ok(None),
            Some(text) => {
                json::decode(text).map(Some).or_else(|failure| spec.recover(failure.decoding(spec.key), || None))
            }
        }
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

/// Writes a field that has a default.
#[doc(hidden)]
pub fn write<D: SessionData, T: Serialize + DeserializeOwned>(index: usize, value: &T) -> Result<Option<String>> {
    json::encode_present(value).map_err(|failure| failure.encoding(D::FIELDS[index].key))
}

/// Writes a field whose `None` is an absent key.
#[doc(hidden)]
pub fn write_option<D: SessionData, T: Serialize + DeserializeOwned>(
    index: usize,
    value: &Option<T>,
) -> Result<Option<String>> {
    json::encode_optional(value).map_err(|failure| failure.encoding(D::FIELDS[index].key))
}
