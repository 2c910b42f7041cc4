//! What Redis answered, as records and outcomes.

use std::mem;
use std::str::Utf8Error;

use redis::Value;
use typed_sessions_core::store::{Applied, Fields, Header, Record};
use typed_sessions_core::{Error, Result, UserId};

use crate::error::unexpected;
use crate::guard::Guard;
use crate::joining::{Counted, read_counted};
use crate::keys::{GUARD, HEADER, INDEXED_UNTIL, SEAT};
use crate::net::{Answer, resp};

/// What a session's hash holds beside its fields, as far as it was asked for. `None` for what is
/// missing or cannot be read; not all of it is missing.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    pub(crate) guard: Option<Guard>,
    pub(crate) seat: Option<u64>,
    /// `None` as well when only the guard was asked for.
    pub(crate) header: Option<Header>,
}

/// What became of an attempt to write a session.
#[derive(Debug)]
pub(crate) enum Written {
    /// All of it. The seat is the one until then, if that changed and was not left with it.
    Done {
        seat_before: Option<u64>,
    },
    /// All of it, and this seat was taken with it; then there were so many.
    Joined {
        seat: u64,
        seats: usize,
    },
    Refused(Applied),
    /// Nothing: these are more than may be.
    TooMany(Counted),
    /// Nothing: the session, whose seat this is, would outlast what its user's index was told.
    Outlasts {
        seat: Option<u64>,
    },
}

/// What became of an attempt to end a session.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It has ended. It was this user's, or nobody's, and had this seat.
    Yes {
        user: Option<UserId>,
        seat: Option<u64>,
    },
    Missing,
    Superseded,
}

/// The answer to `HGETALL`, in either protocol; an empty one is no session.
pub(crate) fn read_record(answer: &Answer) -> Result<Option<Record>> {
    let texts = match answer {
        Answer::Raw(raw) => resp::texts(raw).map_err(|_| unexpected("no list of texts"))?,
        Answer::Value(Value::Map(entries)) => {
            entries.iter().flat_map(|(key, text)| [key, text]).map(utf8).collect::<Result<_>>()?
        }
        Answer::Value(Value::Array(elements)) => {
            elements.iter().map(utf8).collect::<Result<_>>()?
        }
        Answer::Value(_) => return Err(unexpected("neither a map nor an array")),
    };
    if texts.is_empty() {
        return Ok(None);
    }
    let (mut header, mut fields) = (None, Vec::with_capacity(texts.len() / 2));
    for [key, text] in texts.as_chunks::<2>().0 {
        let key = key.map_err(|_| unexpected("a key that is not UTF-8"))?;
        let text = text.map_err(|_| Error::corrupt(key, "it is not UTF-8"))?;
        match key {
            HEADER => header = Some(Header::from_text(text)?),
            GUARD | SEAT | INDEXED_UNTIL => {}
            _ => fields.push((key, text)),
        }
    }
    let header = header.ok_or_else(|| Error::corrupt(HEADER, "it is missing"))?;
    Ok(Some(Record::new(header, Fields::from_stored(&fields))))
}

/// The answer to `HMGET` of guard, seat, and perhaps header; without any of them there is no
/// session.
pub(crate) fn read_lifecycle(reply: Value) -> Result<Option<Lifecycle>> {
    let Value::Array(values) = reply else { return Err(unexpected("no list")) };
    if values.iter().all(|value| *value == Value::Nil) {
        return Ok(None);
    }
    let mut texts = values.into_iter().map(|value| text(value).ok());
    let mut next = || texts.next().flatten();
    Ok(Some(Lifecycle {
        guard: next().and_then(|text| Guard::parse(&text)),
        seat: next().and_then(|text| text.parse().ok()),
        header: next().and_then(|text| Header::from_text(&text).ok()),
    }))
}

/// What `apply.lua` answered.
pub(crate) fn read_written(reply: Value) -> Result<Written> {
    let mut parts = match reply {
        Value::Array(parts) => parts,
        outcome => vec![outcome],
    };
    match &mut parts[..] {
        [Value::Int(0)] => Ok(Written::Done { seat_before: None }),
        [Value::Int(0), seat] => Ok(Written::Done { seat_before: read_seat(seat).ok() }),
        [Value::Int(1)] => Ok(Written::Refused(Applied::Missing)),
        [Value::Int(2)] => Ok(Written::Refused(Applied::Superseded)),
        [Value::Int(3)] => Ok(Written::Refused(Applied::Conflict)),
        [Value::Int(4)] => Err(Error::corrupt(GUARD, "it is not what this library writes")),
        [Value::Int(5), seat] => Ok(Written::Outlasts { seat: read_seat(seat).ok() }),
        [Value::Int(6), Value::Array(members)] => {
            Ok(Written::TooMany(read_counted(mem::take(members))?))
        }
        [Value::Int(7), seat, Value::Int(seats)] => Ok(Written::Joined {
            seat: read_seat(seat)?,
            seats: usize::try_from(*seats).unwrap_or(usize::MAX),
        }),
        _ => Err(unexpected("no outcome of a change")),
    }
}

/// What `delete.lua` answered.
pub(crate) fn read_ended(reply: Value) -> Result<Ended> {
    match reply {
        Value::Int(1) => Ok(Ended::Missing),
        Value::Int(2) => Ok(Ended::Superseded),
        Value::Array(parts) => {
            let Ok([guard, seat]) = <[Value; 2]>::try_from(parts) else {
                return Err(unexpected("no outcome of a deletion"));
            };
            // What is damaged has ended as well.
            let guard = text(guard).ok().and_then(|text| Guard::parse(&text));
            let seat = text(seat).ok().and_then(|text| text.parse().ok());
            let user = guard.and_then(|guard| Some(guard.login?.user));
            Ok(Ended::Yes { user, seat })
        }
        _ => Err(unexpected("no outcome of a deletion")),
    }
}

/// The answer to `ZRANGE ... WITHSCORES`, in either protocol: members, and the last one's score.
pub(crate) fn read_members(reply: Value) -> Result<(Vec<String>, Option<String>)> {
    let Value::Array(items) = reply else { return Err(unexpected("no list")) };
    let mut values = items.into_iter().flat_map(|item| match item {
        Value::Array(pair) => pair,
        value => vec![value],
    });
    let (mut members, mut last) = (Vec::new(), None);
    while let (Some(member), Some(score)) = (values.next(), values.next()) {
        members.push(text(member)?);
        last = Some(match score {
            Value::Double(score) => score.to_string(),
            score => text(score)?,
        });
    }
    Ok((members, last))
}

/// A text, if it is UTF-8; an error if it is no text.
fn utf8(value: &Value) -> Result<std::result::Result<&str, Utf8Error>> {
    match value {
        Value::BulkString(bytes) => Ok(str::from_utf8(bytes)),
        _ => Err(unexpected("no text where one should be")),
    }
}

/// The number of a seat.
pub(crate) fn read_seat(value: &Value) -> Result<u64> {
    let number = utf8(value)?.ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| unexpected("no seat"))
}

pub(crate) fn text(value: Value) -> Result<String> {
    let Value::BulkString(bytes) = value else {
        return Err(unexpected("no text where one should be"));
    };
    String::from_utf8(bytes).map_err(|_| unexpected("a text that is not UTF-8"))
}

pub(crate) fn texts(reply: Value) -> Result<Vec<String>> {
    let Value::Array(items) = reply else { return Err(unexpected("no list")) };
    items.into_iter().map(text).collect()
}
