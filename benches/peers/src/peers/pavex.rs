//! `pavex_session`: a session is a map of JSON values. Its middleware synchronizes it with the store
//! after each handler.

use std::collections::HashMap;

use pavex_session::{IncomingSession, Session, SessionConfig, SessionId, SessionStore};
use send_wrapper::SendWrapper;

use crate::participant::Participant;
use crate::shop::{Shop, member};

/// Its `Session` stays on one thread, as do requests in Pavex: so do the benchmark's tasks, since
/// each of its runtimes has one worker.
pub(crate) struct Pavex {
    store: SessionStore,
    config: SessionConfig,
}

impl Pavex {
    pub(crate) fn new(store: impl Into<SessionStore>) -> Self {
        Self { store: store.into(), config: SessionConfig::default() }
    }

    fn open(&self, token: &str) -> Session<'_> {
        // As it is written in its cookie: JSON.
        let id: SessionId = serde_json::from_str(token).expect("an id");
        let incoming = IncomingSession::from_parts(id, HashMap::new());
        Session::new(&self.store, &self.config, Some(incoming))
    }

    async fn read_here(&self, token: &str) -> Option<Shop> {
        let mut session = self.open(token);
        let shop = fields(&session).await;
        session.sync().await.expect("synchronizes");
        shop
    }

    async fn save_here(&self, token: &str) {
        let mut session = self.open(token);
        let shop = fields(&session).await.expect("the session lives");
        session.insert("visits", shop.visits + 1).await.expect("inserts");
        session.sync().await.expect("synchronizes");
    }

    async fn login_here(&self, user: u64, end: bool) -> (String, String) {
        let mut session = Session::new(&self.store, &self.config, None);
        let shop = Shop::filled();
        session.insert("cart", shop.cart).await.expect("inserts");
        session.insert("language", shop.language).await.expect("inserts");
        session.insert("visits", shop.visits).await.expect("inserts");
        session.insert("preferences", shop.preferences).await.expect("inserts");
        session.insert("note", shop.note).await.expect("inserts");
        let before = cookie(&mut session).await;
        // What a `Session` stored anew stays new for it: the login is the next request's.
        let mut session = self.open(&before);
        session.insert("member", member(user)).await.expect("inserts");
        session.cycle_id();
        let after = cookie(&mut session).await;
        if end {
            let mut session = self.open(&after);
            session.invalidate();
            session.sync().await.expect("ends");
        }
        (before, after)
    }
}

async fn fields(session: &Session<'_>) -> Option<Shop> {
    Some(Shop {
        member: session.get("member").await.expect("reads")?,
        cart: session.get("cart").await.expect("reads")?,
        language: session.get("language").await.expect("reads")?,
        visits: session.get("visits").await.expect("reads")?,
        preferences: session.get("preferences").await.expect("reads")?,
        note: session.get("note").await.expect("reads")?,
    })
}

/// Synchronizes it, and gives its id as it stands in the cookie `{"0":"..."}`: its only way out.
async fn cookie(session: &mut Session<'_>) -> String {
    let cookie = session.finalize().await.expect("synchronizes").expect("a cookie");
    cookie.value()[5..43].to_owned()
}

impl Participant for Pavex {
    type Token = String;

    fn name(&self) -> &'static str {
        "pavex_session"
    }

    fn read(&self, token: &String) -> impl Future<Output = Option<Shop>> + Send {
        async { SendWrapper::new(self.read_here(token)).await }
    }

    fn save(&self, token: &String) -> impl Future<Output = ()> + Send {
        async { SendWrapper::new(self.save_here(token)).await }
    }

    fn login(&self, user: u64, end: bool) -> impl Future<Output = (String, String)> + Send {
        async move { SendWrapper::new(self.login_here(user, end)).await }
    }
}
