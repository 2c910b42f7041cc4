//! A record's fields as the derive's code reads them.

use crate::data::{FieldSpec, OnGarbage, SessionData, SessionUser};
use crate::error::{Error, Result};
use crate::field::Field;
use crate::fields::Fields;
use crate::record::Record;
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

/// The struct as a record has it at `now`. A user whom the header does not name is not believed: only a login writes both.
pub(crate) fn read_struct<D: SessionData>(record: &Record, now: Timestamp) -> Result<D> {
    let mut data = D::read(&Stored::new(&record.fields, now))?;
    let stranger = data.user().is_some_and(|user| !is_logged_in(user, record));
    if stranger {
        tracing::warn!(target: "typed_sessions", "the user field holds a user who is not logged in: ignored");
        data.set_user(None);
    }
    Ok(data)
}

fn is_logged_in(user: &impl SessionUser, record: &Record) -> bool {
    record.header.user().is_some_and(|logged_in| *logged_in.as_str() == user.id().to_string())
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
