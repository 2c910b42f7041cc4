//! Values to JSON text and back, with errors that never quote a value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::lossless::{self, Loss};
use crate::error::{Error, ErrorKind};

/// Why a value did not become text or text did not become a value: no more than can be said without
/// quoting it.
///
/// `serde_json`'s own messages quote the input (`invalid type: string "hunter2"`), so they go no
/// further than this.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    fn reading<T>(error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            Category::Data => "is valid JSON but not of type",
            Category::Syntax | Category::Eof | Category::Io => "is not valid JSON for type",
        };
        let (line, column) = (error.line(), error.column());
        Self(format!("{what} `{}` (line {line}, column {column})", std::any::type_name::<T>()))
    }

    fn writing<T>(problem: &str) -> Self {
        Self(format!("a value of type `{}` {problem}", std::any::type_name::<T>()))
    }

    pub(crate) fn decoding(self, key: &str) -> Error {
        Error::new(
            ErrorKind::Decode,
            format!(
                "what is stored under the key `{key}` {}; `#[session(or_default)]` would read it \
                 as the default",
                self.0
            ),
        )
    }

    pub(crate) fn encoding(self, key: &str) -> Error {
        Error::new(ErrorKind::Encode, format!("the key `{key}` cannot be written: {}", self.0))
    }
}

pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::reading::<T>(&error))
}

/// What a text is made for.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be compared with another one.
    Compare,
    /// To be stored: the value must come back from it.
    Store,
}

/// The text of a value; for one that is to be stored, only if the value comes back from it.
///
/// Texts are not compared for that: a map may come out in another order each time.
pub(crate) fn encode<T: Serialize + DeserializeOwned>(
    value: &T,
    purpose: Purpose,
) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|_| {
        let problem = "is not representable as JSON: a map's keys must be strings or numbers, \
                       a path UTF-8";
        Failure::writing::<T>(problem)
    })?;
    match purpose {
        Purpose::Compare => {}
        Purpose::Store => check(value, &text)?,
    }
    Ok(text)
}

fn check<T: Serialize + DeserializeOwned>(value: &T, text: &str) -> Result<(), Failure> {
    lossless::check(value).map_err(|loss| {
        Failure::writing::<T>(match loss {
            Loss::NotFinite => "holds NaN or infinity, which JSON has not",
            Loss::NullInSome => {
                "holds a `Some` whose content is written as `null`: it would read back as `None`"
            }
            Loss::Refused => "refuses to be serialized",
        })
    })?;
    decode::<T>(text).map(drop).map_err(|_| {
        let problem = "would not read back: something in it is written or skipped in another way \
                       than it is read, or it is nested deeper than 127";
        Failure::writing::<T>(problem)
    })
}

pub(crate) fn encode_present<T: Serialize + DeserializeOwned>(
    value: &T,
    purpose: Purpose,
) -> Result<Option<String>, Failure> {
    encode(value, purpose).map(Some)
}

#[allow(clippy::ref_option, reason = "a `Field<D, T>` encodes a `&T`, whatever `T` is")]
pub(crate) fn encode_optional<T: Serialize + DeserializeOwned>(
    value: &Option<T>,
    purpose: Purpose,
) -> Result<Option<String>, Failure> {
    value.as_ref().map(|value| encode(value, purpose)).transpose()
}
