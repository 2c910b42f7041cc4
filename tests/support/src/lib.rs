//! What tests share: the prelude of the doc tests ([`doc`]); and for the tests of the stores on
//! servers a shop's sessions, and what must be so whichever the server.

pub mod doc;
pub mod faults;

use std::error::Error as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use typed_sessions::{Error, Session, SessionData, SessionStore, SessionUser, Sessions};

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
    /// Something that may be taken.
    pub otp: Option<String>,
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

/// One session, from its beginning to its end.
///
/// # Panics
/// When the store does not do that.
pub async fn works(store: impl SessionStore) {
    let sessions = sessions(store);
    let (mut session, token) = logged_in(&sessions, 1).await;
    assert_eq!(sessions.open(&token).await.expect("works").expect("is there").id(), session.id());
    session.destroy().await.expect("ends");
    assert!(sessions.open(&token).await.expect("works").is_none());
}

/// What an error says of its reason.
pub fn reason(error: &Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

/// Whatever happens, it must not hang.
///
/// # Panics
/// When it takes half a minute.
pub async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("it hung")
}
