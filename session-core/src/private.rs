//! What the derive's output calls. Not part of the public API.

pub use crate::data::{FieldSpec, Stored, Writer, Written, absent, read, write};
pub use serde::Serialize;
pub use serde::de::DeserializeOwned;
pub use std::time::Duration;
