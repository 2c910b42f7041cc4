//! What these tests share: stores that no other test sees.

pub mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use typed_sessions::{PostgresStore, PostgresStoreBuilder, Session, SessionData, SessionStore, SessionUser, Sessions};
use typed_sessions_test_servers::postgres::Postgres;

/// A table's name that nobody else has, of any process.
pub fn fresh_table() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A store on a server, in a table of its own that is still to be made.
pub fn builder(url: &str) -> PostgresStoreBuilder {
    // A busy machine is not what these tests are about.
    PostgresStore::builder().url(url).table(fresh_table()).time_limit(Duration::from_secs(20))
}

/// The same, connected and migrated.
///
/// # Panics
/// When the server does not answer.
pub async fn migrated(builder: PostgresStoreBuilder) -> PostgresStore {
    let store = builder.connect().await.expect("the test server answers");
    store.migrate().await.expect("the table is made");
    store
}

/// A store of one's own on the shared server.
///
/// # Panics
/// When PostgreSQL is not installed or does not answer.
pub async fn store() -> PostgresStore {
    migrated(builder(&Postgres::shared_url())).await
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Their id.
    pub id: u64,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

/// What is in a session.
#[derive(Debug, SessionData)]
pub struct Shop {
    /// Who is in.
    #[session(user)]
    pub member: Option<Member>,
    /// A counter.
    pub visits: u32,
    /// Some text.
    pub note: String,
}

/// Sessions with the defaults, on the system's clock.
pub fn sessions(store: impl SessionStore) -> Sessions<Shop> {
    Sessions::new(store)
}

/// A stored session, and its token.
///
/// # Panics
/// When the store fails.
pub async fn stored(sessions: &Sessions<Shop>) -> (Session<Shop>, String) {
    let mut session = sessions.start();
    session.visits = 1;
    session.save().await.expect("the first save creates");
    let token = session.token().expose();
    (session, token)
}

/// A session with somebody in it, and its token.
///
/// # Panics
/// When the store fails.
pub async fn logged_in(sessions: &Sessions<Shop>, user: u64) -> (Session<Shop>, String) {
    let mut session = sessions.start();
    session.login(Member { id: user }).await.expect("the login succeeds");
    let token = session.token().expose();
    (session, token)
}
