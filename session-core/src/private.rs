//! What the derive's output calls. Not part of the public API.

pub use crate::data::{FieldSpec, Purpose, Stored, absent, read, write};
pub use serde::Serialize;
pub use serde::de::DeserializeOwned;
pub use std::time::Duration;
