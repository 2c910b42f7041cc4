//! Values to JSON text and back, with errors that never quote a value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::error::{Error, ErrorKind};

/// Why a value did not become text or text did not become a value: no more than can be said without quoting it.
///
/// `serde_json`'s own messages quote the input (`invalid type: string "hunter2"`), so they go no further than this.
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
                "what is stored under the key `{key}` {}; `#[session(or_default)]` would read it as the default",
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

/// `serde_json` reads values that are nested up to 127 deep; with fewer brackets than this none is.
const MAX_NESTING: usize = 120;

pub(crate) fn encode<T: Serialize + DeserializeOwned>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|_| {
        Failure::writing::<T>("is not representable as JSON (a map needs string keys)")
    })?;
    // JSON has no NaN and no infinity: serde_json writes `null`. And it writes deeper values than it reads. Either would make
    // the session unreadable.
    let doubtful = text.contains("null")
        || text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > MAX_NESTING;
    if doubtful && decode::<T>(&text).is_err() {
        return Err(Failure::writing::<T>(
            "would not read back (NaN, infinity, or nested too deeply)",
        ));
    }
    Ok(text)
}

pub(crate) fn encode_present<T: Serialize + DeserializeOwned>(
    value: &T,
) -> Result<Option<String>, Failure> {
    encode(value).map(Some)
}

#[allow(clippy::ref_option, reason = "a `Field<D, T>` encodes a `&T`, whatever `T` is")]
pub(crate) fn encode_optional<T: Serialize + DeserializeOwned>(
    value: &Option<T>,
) -> Result<Option<String>, Failure> {
    value.as_ref().map(encode).transpose()
}
