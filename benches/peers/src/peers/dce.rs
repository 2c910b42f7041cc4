//! dce-session: a Redis hash for each session, a set of sessions for each user; values are strings,
//! so each typed one is JSON.

use std::collections::HashMap;

use dce_session::rotator::RotatorTrait as _;
use dce_session::session::basic::{SessionMetaTrait as _, SessionStorageTrait as _};
use dce_session::session::implements::redis::RedisSession;
use dce_session::session::user::{UserSessionMetaTrait as _, UserSessionTrait as _};
use deadpool_redis::{Config, Pool, Runtime};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::participant::Participant;
use crate::shop::{Member, Shop, member};

/// It signs its ids.
const SECRET: &str = "a secret of the benchmark";
const TTL_MINUTES: u16 = 30;
const ROTATE_MINUTES: u8 = 60;

pub(crate) struct Dce(Pool);

impl Dce {
    /// Its documentation says nothing about the pool's size.
    pub(crate) fn new(url: &str, connections: usize) -> Self {
        let builder = Config::from_url(url).builder().expect("a URL");
        let pool = builder.max_size(connections).runtime(Runtime::Tokio1).build();
        Self(pool.expect("a pool"))
    }

    async fn session(&self, id: Option<String>) -> RedisSession<Member> {
        let session =
            RedisSession::new(SECRET, id, TTL_MINUTES, ROTATE_MINUTES, self.0.clone()).await;
        session.expect("opens")
    }
}

async fn fields(session: &RedisSession<Member>) -> Option<Shop> {
    let map = session.get_map().await.expect("reads");
    Some(Shop {
        member: Some(session.user().clone()?),
        cart: decode(&map, "cart")?,
        language: decode(&map, "language")?,
        visits: decode(&map, "visits")?,
        preferences: decode(&map, "preferences")?,
        note: decode(&map, "note")?,
    })
}

fn decode<T: DeserializeOwned>(map: &HashMap<String, String>, key: &str) -> Option<T> {
    Some(serde_json::from_str(map.get(key)?).expect("decodes"))
}

fn encode(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("encodes")
}

impl Participant for Dce {
    type Token = String;

    fn name(&self) -> &'static str {
        "dce-session"
    }

    async fn read(&self, token: &String) -> Option<Shop> {
        fields(&self.session(Some(token.clone())).await).await
    }

    async fn save(&self, token: &String) {
        let session = self.session(Some(token.clone())).await;
        let shop = fields(&session).await.expect("the session lives");
        session.set("visits".to_owned(), encode(&(shop.visits + 1))).await.expect("sets");
    }

    async fn login(&self, user: u64, end: bool) -> (String, String) {
        let mut session = self.session(None).await;
        let shop = Shop::filled();
        let map = [
            ("cart", encode(&shop.cart)),
            ("language", encode(&shop.language)),
            ("visits", encode(&shop.visits)),
            ("preferences", encode(&shop.preferences)),
            ("note", encode(&shop.note)),
        ];
        let map = map.map(|(key, text)| (key.to_owned(), text)).into();
        session.set_map(map).await.expect("saves");
        session.touch().await.expect("it ends by itself some day");
        let before = session.id().to_owned();
        // Its login keeps the id; a new one is made by rotation, which leaves the old session.
        let mut rotated = session.rotate(None).await.expect("rotates");
        dce_session::session::basic::SessionStorageTrait::destroy(&session).await.expect("ends");
        rotated.login(&member(user)).await.expect("logs in");
        rotated.touch().await.expect("it ends by itself some day");
        let after = rotated.id().to_owned();
        if end {
            dce_session::session::basic::SessionStorageTrait::destroy(&rotated)
                .await
                .expect("ends");
        }
        (before, after)
    }
}
