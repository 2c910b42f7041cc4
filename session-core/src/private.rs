//! What the derive's output calls. Not part of the public API.

pub use crate::data::FieldSpec;
pub use crate::stored::{Stored, absent, read, write};
pub use serde::Serialize;
pub use serde::de::DeserializeOwned;
pub use std::time::Duration;
