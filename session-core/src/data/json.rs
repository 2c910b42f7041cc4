//! Values to JSON text and back.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::lossless;
use crate::store::SharedStr;

pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::reading::<T>(text, &error))
}

/// What texts are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be compared with others.
    Compare,
    /// To be stored: the value must come back from it.
    Store,
}

/// Where the texts of fields go, one after the other.
#[doc(hidden)]
pub struct Writer {
    bytes: Vec<u8>,
    purpose: Purpose,
}

/// Whether there is a text.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// It is the last one that the writer has.
    Text,
    /// The field's key is to be absent.
    Nothing,
}

/// What the texts of a struct take: growing to that step by step costs more than writing them.
const TYPICAL_BYTES: usize = 512;

impl Writer {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self::with_capacity(TYPICAL_BYTES, purpose)
    }

    /// For about so many bytes.
    pub(crate) fn with_capacity(bytes: usize, purpose: Purpose) -> Self {
        Self { bytes: Vec::with_capacity(bytes), purpose }
    }

    /// All texts that were written.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a text that is there already; where it is now.
    pub(crate) fn append(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        start..self.bytes.len()
    }

    /// What was written is of no interest any more; what follows is for this.
    pub(crate) fn start_again(&mut self, purpose: Purpose) {
        self.bytes.clear();
        self.purpose = purpose;
    }

    /// What follows is for this.
    pub(crate) fn go_on(&mut self, purpose: Purpose) {
        self.purpose = purpose;
    }

    /// The text, if one was written, and only one.
    pub(crate) fn text(&self, written: Written) -> Option<SharedStr> {
        match written {
            // JSON's writer makes UTF-8.
            Written::Text => str::from_utf8(&self.bytes).ok().map(SharedStr::new),
            Written::Nothing => None,
        }
    }
}

impl fmt::Debug for Writer {
    /// Shows how much was written, not what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer({} bytes, {:?})", self.bytes.len(), self.purpose)
    }
}

/// Adds the text of a value; of one that is to be stored, only if the value comes back from it.
///
/// Texts are not compared for that: a map may come out in another order each time.
fn write<T: Serialize + DeserializeOwned>(value: &T, writer: &mut Writer) -> Result<(), Failure> {
    let start = writer.bytes.len();
    let written = serde_json::to_writer(&mut writer.bytes, value)
        .map_err(|error| Failure::refused::<T>(&error))
        .and_then(|()| match writer.purpose {
            Purpose::Compare => Ok(()),
            Purpose::Store => check(value, &writer.bytes[start..]),
        });
    if written.is_err() {
        writer.bytes.truncate(start);
    }
    written
}

fn check<T: Serialize + DeserializeOwned>(value: &T, text: &[u8]) -> Result<(), Failure> {
    lossless::check(value).map_err(|loss| Failure::lost::<T>(&loss))?;
    let read = serde_json::from_slice::<T>(text);
    read.map(drop).map_err(|error| Failure::one_way::<T>(&error))
}

/// The text of a value that is to be stored.
pub(crate) fn encode<T: Serialize + DeserializeOwned>(value: &T) -> Result<SharedStr, Failure> {
    let mut writer = Writer::new(Purpose::Store);
    let written = write_present(value, &mut writer)?;
    Ok(writer.text(written).unwrap_or(SharedStr::Static("null")))
}

pub(crate) fn write_present<T: Serialize + DeserializeOwned>(
    value: &T,
    writer: &mut Writer,
) -> Result<Written, Failure> {
    write(value, writer).map(|()| Written::Text)
}

#[allow(clippy::ref_option, reason = "a `Field<D, T>` writes a `&T`, whatever `T` is")]
pub(crate) fn write_optional<T: Serialize + DeserializeOwned>(
    value: &Option<T>,
    writer: &mut Writer,
) -> Result<Written, Failure> {
    match value {
        Some(value) => write_present(value, writer),
        None => Ok(Written::Nothing),
    }
}
