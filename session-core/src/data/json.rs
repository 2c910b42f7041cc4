//! Values to JSON text and back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::lossless;

pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::reading::<T>(text, &error))
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
    let text = serde_json::to_string(value).map_err(|error| Failure::refused::<T>(&error))?;
    match purpose {
        Purpose::Compare => {}
        Purpose::Store => check(value, &text)?,
    }
    Ok(text)
}

fn check<T: Serialize + DeserializeOwned>(value: &T, text: &str) -> Result<(), Failure> {
    lossless::check(value).map_err(|loss| Failure::lost::<T>(&loss))?;
    let read = serde_json::from_str::<T>(text);
    read.map(drop).map_err(|error| Failure::one_way::<T>(&error))
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
