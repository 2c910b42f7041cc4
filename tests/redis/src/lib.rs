//! What these tests share: stores that no other test sees.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use typed_sessions::{RedisStore, RedisStoreBuilder, Session, SessionData, SessionStore, SessionUser, Sessions};
use typed_sessions_test_servers::redis::Redis;

/// A prefix that nobody else has, of any process.
pub fn fresh_prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A store on a server, under a prefix of its own.
pub fn builder(url: &str) -> RedisStoreBuilder {
    // A busy machine is not what these tests are about.
    RedisStore::builder().url(url).prefix(fresh_prefix()).time_limit(std::time::Duration::from_secs(20))
}

/// A store of one's own on the shared server.
///
/// # Panics
/// When Redis is not installed or does not answer.
pub async fn store() -> RedisStore {
    builder(&Redis::shared_url()).connect().await.expect("the test server answers")
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
