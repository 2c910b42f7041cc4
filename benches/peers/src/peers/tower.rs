//! tower-sessions: a session is a map of JSON values, which its store keeps as one string. Its layer
//! makes a `Session` from the id in the cookie and saves it after the handler if it was modified.

use std::sync::Arc;

use tower_sessions_core::session::{Expiry, Id, Session};
use tower_sessions_core::session_store::SessionStore;

use crate::participant::Participant;
use crate::shop::{Shop, member};

pub(crate) struct Tower<S> {
    store: Arc<S>,
}

impl<S: SessionStore> Tower<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store: Arc::new(store) }
    }

    fn session(&self, id: Option<Id>) -> Session {
        let expiry = Expiry::OnInactivity(time::Duration::minutes(30));
        Session::new(id, Arc::clone(&self.store), Some(expiry))
    }

    fn open(&self, token: &str) -> Session {
        self.session(Some(token.parse().expect("an id")))
    }
}

async fn fields(session: &Session) -> Option<Shop> {
    Some(Shop {
        member: session.get("member").await.expect("reads")?,
        cart: session.get("cart").await.expect("reads")?,
        language: session.get("language").await.expect("reads")?,
        visits: session.get("visits").await.expect("reads")?,
        preferences: session.get("preferences").await.expect("reads")?,
        note: session.get("note").await.expect("reads")?,
    })
}

fn id(session: &Session) -> String {
    session.id().expect("it is stored").to_string()
}

impl<S: SessionStore> Participant for Tower<S> {
    type Token = String;

    fn name(&self) -> &'static str {
        "tower-sessions"
    }

    async fn read(&self, token: &String) -> Option<Shop> {
        fields(&self.open(token)).await
    }

    async fn save(&self, token: &String) {
        let session = self.open(token);
        let shop = fields(&session).await.expect("the session lives");
        session.insert("visits", shop.visits + 1).await.expect("inserts");
        session.save().await.expect("saves");
    }

    async fn login(&self, user: u64, end: bool) -> (String, String) {
        let session = self.session(None);
        let shop = Shop::filled();
        session.insert("cart", shop.cart).await.expect("inserts");
        session.insert("language", shop.language).await.expect("inserts");
        session.insert("visits", shop.visits).await.expect("inserts");
        session.insert("preferences", shop.preferences).await.expect("inserts");
        session.insert("note", shop.note).await.expect("inserts");
        session.save().await.expect("saves");
        let before = id(&session);
        session.cycle_id().await.expect("deletes the old one");
        session.insert("member", member(user)).await.expect("inserts");
        session.save().await.expect("saves");
        let after = id(&session);
        if end {
            session.flush().await.expect("ends");
        }
        (before, after)
    }
}
