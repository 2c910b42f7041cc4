//! The floor: moka's `get` of a record, and `serde_json` on the texts of its fields.

use std::sync::Arc;

use moka::sync::Cache;
use serde::de::DeserializeOwned;
use typed_sessions::store::{Record, Text};
use typed_sessions::{MemoryStore, SessionId, SessionStore as _, Token};

use crate::{Shop, now};

/// Records in a bare moka cache, behind an `Arc`: no secret is checked, no clock read, nothing
/// copied.
#[derive(Debug)]
pub struct Floor(Cache<SessionId, Arc<Record>>);

impl Default for Floor {
    fn default() -> Self {
        Self(Cache::new(1 << 20))
    }
}

impl Floor {
    pub(crate) fn copy(&self, store: &MemoryStore, id: SessionId) {
        let record = now(store.load(&id)).expect("it is stored");
        self.0.insert(id, Arc::new(record));
    }

    /// The session's record; the token is parsed as there is no other way to its id.
    pub fn get(&self, token: &str) -> Arc<Record> {
        let id = Token::parse(token).expect("a token").id();
        self.0.get(&id).expect("it is in the cache")
    }

    /// Replaces the session's record, by itself.
    pub fn replace(&self, token: &str) {
        let id = Token::parse(token).expect("a token").id();
        let record = self.0.get(&id).expect("it is in the cache");
        self.0.insert(id, record);
    }

    /// A session comes and goes.
    pub fn insert_and_remove(&self, id: SessionId, record: &Arc<Record>) {
        self.0.insert(id, Arc::clone(record));
        self.0.invalidate(&id);
    }

    /// The struct of a record, each field by itself.
    pub fn decode(record: &Record) -> Shop {
        Shop {
            member: Some(field(record, "member")),
            cart: field(record, "cart"),
            language: field(record, "language"),
            visits: field(record, "visits"),
            otp: Some(field(record, "otp")),
            preferences: field(record, "preferences"),
        }
    }

    /// Both.
    pub fn get_and_decode(&self, token: &str) -> Shop {
        Self::decode(&self.get(token))
    }
}

fn field<T: DeserializeOwned>(record: &Record, key: &str) -> T {
    let text = record.fields.get(key).map(Text::as_str).expect("every field is present");
    // A field with a ttl has its deadline before the text.
    let json =
        text.strip_prefix('@').and_then(|rest| rest.split_once(' ')).map_or(text, |(_, json)| json);
    serde_json::from_str(json).expect("what was saved reads back")
}
