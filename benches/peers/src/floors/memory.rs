//! moka's `get` of a record, and decoding its texts.

use std::sync::Arc;

use moka::sync::Cache;
use typed_sessions::store::{Record, Text};
use typed_sessions::{MemoryStore, SessionId, SessionStore as _, Token};

use crate::floors::decode;
use crate::participant::Participant;
use crate::shop::Shop;

/// Records behind an `Arc`: no secret is checked, no clock read, nothing copied, nothing written.
pub(crate) struct Get(Cache<SessionId, Arc<Record>>);

impl Get {
    /// With copies of these sessions, and where they are.
    pub(crate) async fn new(store: &MemoryStore, tokens: &[String]) -> (Self, Vec<SessionId>) {
        let cache = Cache::new(1 << 20);
        let mut ids = Vec::new();
        for token in tokens {
            let id = Token::parse(token).expect("a token").id();
            cache.insert(id, Arc::new(store.load(&id).await.expect("loads").expect("is there")));
            ids.push(id);
        }
        (Self(cache), ids)
    }
}

impl Participant for Get {
    type Token = SessionId;

    fn name(&self) -> &'static str {
        "moka get, decoded"
    }

    async fn read(&self, id: &SessionId) -> Option<Shop> {
        let record = self.0.get(id)?;
        decode(|key| record.fields.get(key).map(Text::as_str).map(str::as_bytes))
    }

    async fn save(&self, _: &SessionId) {
        unreachable!("how to write is what the stores differ in");
    }

    async fn login(&self, _: u64, _: bool) -> (SessionId, SessionId) {
        unreachable!("how to log in is what the stores differ in");
    }
}
