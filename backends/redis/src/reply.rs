//! What Redis answered, as records.

use redis::Value;
use typed_sessions_core::{Error, Fields, Header, Key, Record, Result, Text};

use crate::error::unexpected;

/// What the scripts need of the header: its deadline, login epoch and revision.
pub(crate) const GUARD: &str = "$guard";
/// The header's text.
pub(crate) const HEADER: &str = "$header";
/// Which member of the user's index is this session's.
pub(crate) const SEAT: &str = "$seat";

/// A session as the hash holds it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) record: Record,
    pub(crate) seat: Option<String>,
}

pub(crate) fn guard_text(header: &Header) -> String {
    format!("{} {} {}", header.deadline().as_millis(), header.login_epoch(), header.revision())
}

/// The answer to `HGETALL`; an empty one is no session.
pub(crate) fn read_session(reply: Value) -> Result<Option<Stored>> {
    let pairs = pairs(reply)?;
    if pairs.is_empty() {
        return Ok(None);
    }
    let (mut header, mut seat, mut fields) = (None, None, Vec::with_capacity(pairs.len()));
    for (key, value) in pairs {
        let key = std::str::from_utf8(&key).map_err(|_| unexpected("a key that is not UTF-8"))?;
        let value =
            std::str::from_utf8(&value).map_err(|_| Error::corrupt(key, "it is not UTF-8"))?;
        match key {
            HEADER => header = Some(Header::from_text(value)?),
            GUARD => {}
            SEAT => seat = Some(value.to_owned()),
            _ => fields.push((Key::new(key), Text::from_stored(value))),
        }
    }
    let header = header.ok_or_else(|| Error::corrupt(HEADER, "it is missing"))?;
    Ok(Some(Stored { record: Record::new(header, Fields::from_iter(fields)), seat }))
}

/// Keys and values, in either protocol.
fn pairs(reply: Value) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    match reply {
        Value::Map(entries) => {
            entries.into_iter().map(|(key, value)| Ok((bytes(key)?, bytes(value)?))).collect()
        }
        Value::Array(entries) => {
            let mut entries = entries.into_iter();
            let mut pairs = Vec::with_capacity(entries.len() / 2);
            while let (Some(key), Some(value)) = (entries.next(), entries.next()) {
                pairs.push((bytes(key)?, bytes(value)?));
            }
            Ok(pairs)
        }
        _ => Err(unexpected("neither a map nor an array")),
    }
}

fn bytes(value: Value) -> Result<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(unexpected("no text where one should be")),
    }
}

pub(crate) fn text(value: Value) -> Result<String> {
    String::from_utf8(bytes(value)?).map_err(|_| unexpected("a text that is not UTF-8"))
}

pub(crate) fn texts(reply: Value) -> Result<Vec<String>> {
    let Value::Array(items) = reply else { return Err(unexpected("no list")) };
    items.into_iter().map(text).collect()
}
