//! The least that a session library could do: the bare command on the very bytes that our store
//! keeps, without and with decoding the struct by hand.

pub(crate) mod memory;
pub(crate) mod postgres;
pub(crate) mod redis;

use serde::de::DeserializeOwned;

use crate::participant::Scenario;
use crate::shop::Shop;

/// A floor is told for what does not depend on how a library does it.
pub(crate) const SCENARIOS: &[Scenario] = &[Scenario::Open, Scenario::Save];

/// The struct of a record's texts.
fn decode<'a>(text: impl Fn(&str) -> Option<&'a [u8]>) -> Option<Shop> {
    Some(Shop {
        member: Some(field(text("member")?)),
        cart: field(text("cart")?),
        language: field(text("language")?),
        visits: field(text("visits")?),
        preferences: field(text("preferences")?),
        note: field(text("note")?),
    })
}

fn field<T: DeserializeOwned>(json: &[u8]) -> T {
    serde_json::from_slice(json).expect("what was saved reads back")
}
