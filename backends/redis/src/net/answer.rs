//! An answer, as it came: whoever needs it reads it, in a task of their own.

use bytes::Bytes;
use redis::{RedisError, RedisResult, Value};

use super::resp;

/// What Redis answered to one command. It is no error.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Not read yet.
    Raw(Bytes),
    /// Read by the driver, over a connection of the application's.
    Value(Value),
}

impl Answer {
    /// `Err` when Redis refused the command.
    pub(crate) fn of(raw: Bytes) -> RedisResult<Self> {
        match raw.first() {
            Some(b'-') => Err(refusal(&raw)),
            _ => Ok(Self::Raw(raw)),
        }
    }

    /// `Err` as well when one of its elements is an error.
    pub(crate) fn into_value(self) -> RedisResult<Value> {
        match self {
            Self::Raw(raw) => resp::read(&raw)?.extract_error(),
            Self::Value(value) => Ok(value),
        }
    }
}

/// The error that an answer is.
pub(super) fn refusal(raw: &[u8]) -> RedisError {
    let error = resp::read(raw).and_then(Value::extract_error).err();
    error.unwrap_or_else(|| std::io::Error::other("Redis spoke unasked").into())
}
