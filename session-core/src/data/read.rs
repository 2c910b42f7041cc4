//! Reading and writing a struct's fields: what the derive's code calls, and the struct as a whole.

use super::field::Field;
use super::json::{Writer, Written};
use super::session_data::SessionData;
use super::stored::Stored;
use super::user::SessionUser;
use crate::error::Result;
use crate::event;
use crate::store::{Fields, Header};
use crate::time::Timestamp;

/// The value of a field in `stored`.
pub fn read<D: SessionData, T, V>(stored: &Stored<'_>, field: Field<D, T, V>) -> Result<T> {
    field.decode(stored.text(field.spec()))
}

/// Writes the JSON text of a field's value; nothing when its key is to be absent.
pub fn write<D: SessionData, T, V>(
    field: Field<D, T, V>,
    value: &T,
    writer: &mut Writer,
) -> Result<Written> {
    field.write(value, writer)
}

/// The value of a field whose key is absent.
pub fn absent<D: SessionData, T, V>(field: Field<D, T, V>) -> T {
    field.absent()
}

/// The struct as these fields have it at `now`. A user whom the header does not name is not
/// believed: only a login writes both.
pub(crate) fn read_struct<D: SessionData>(
    header: &Header,
    fields: &Fields,
    now: Timestamp,
) -> Result<D> {
    let mut data = D::__read(&Stored::new(fields, now))?;
    if data.__user().is_some_and(|user| !is_logged_in(user, header)) {
        event::user_not_believed();
        data.__set_user(None);
    }
    Ok(data)
}

fn is_logged_in(user: &impl SessionUser, header: &Header) -> bool {
    header.user().is_some_and(|logged_in| *logged_in.as_str() == user.id().to_string())
}
