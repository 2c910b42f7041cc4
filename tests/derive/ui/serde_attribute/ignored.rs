//! What serde would do with a field of the struct does not happen when the field is stored alone.

use serde::{Deserialize, Serialize};
use typed_sessions::SessionData;

mod hex {
    pub fn serialize<S: serde::Serializer>(_: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(_: D) -> Result<u32, D::Error> {
        Ok(0)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Address {
    street: String,
}

#[derive(Serialize, Deserialize, SessionData)]
struct Shop {
    #[serde(skip)]
    card_number: String,
    #[serde(skip_serializing_if = "String::is_empty", rename = "lang")]
    language: String,
    #[serde(alias = "count", default = "one")]
    visits: u32,
    #[serde(with = "hex")]
    color: u32,
    #[serde(flatten)]
    address: Address,
}

fn one() -> u32 {
    1
}

/// Each of these says what is meant.
#[derive(Serialize, Deserialize, SessionData)]
struct Meant {
    #[serde(skip)]
    #[session(skip)]
    cache: u32,
    #[serde(skip, default)]
    #[session(key = "nonce")]
    nonce: u32,
    #[serde(rename = "lang")]
    #[session(key = "language")]
    language: String,
    #[serde(alias = "count")]
    #[session(alias = "count")]
    visits: u32,
    #[serde(default)]
    color: u32,
}

fn main() {}
