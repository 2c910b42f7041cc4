//! What a case finds: a store, a clock, and structs to store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;
use typed_sessions::store::{Deleted, Header, Owned, Page, Record};
use typed_sessions::{
    Clock, ErrorKind, ManualClock, Result, Session, SessionData, SessionId, SessionStore,
    SessionUser, Sessions, SessionsBuilder, Timestamp, UserId,
};

use crate::counting::Counting;
use crate::faulty::Faulty;
use crate::interleave::Interleave;

/// What a case finds: a store that no other case uses, and a clock that stands still.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) clock: ManualClock,
}

impl World {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self { store: Arc::new(store), clock: ManualClock::default() }
    }

    /// A configuration with the defaults and the fake clock.
    pub(crate) fn builder<D: SessionData>(&self) -> SessionsBuilder<D> {
        Sessions::builder(Arc::clone(&self.store)).clock(self.clock.clone())
    }

    pub(crate) fn sessions<D: SessionData>(&self) -> Sessions<D> {
        self.builder().build().expect("the defaults are consistent")
    }

    /// Another process on the same store, with a clock of its own.
    pub(crate) fn with_clock(&self, clock: ManualClock) -> Self {
        Self { store: Arc::clone(&self.store), clock }
    }

    fn behind(&self, store: impl SessionStore) -> Self {
        Self { store: Arc::new(store), clock: self.clock.clone() }
    }

    /// The same store behind a counter.
    pub(crate) fn counted(&self) -> (Self, Counting) {
        let counting = Counting::new(Arc::clone(&self.store));
        (self.behind(counting.clone()), counting)
    }

    /// The same store behind a saboteur.
    pub(crate) fn faulty(&self) -> (Self, Faulty) {
        let faulty = Faulty::new(Arc::clone(&self.store));
        (self.behind(faulty.clone()), faulty)
    }

    /// The same store, for something to happen between two calls.
    pub(crate) fn interleaved(&self) -> (Self, Interleave) {
        let interleave = Interleave::new(Arc::clone(&self.store));
        (self.behind(interleave.clone()), interleave)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What is stored, without any policy.
    pub(crate) async fn record(&self, id: SessionId) -> Option<Record> {
        self.store.load(&id).await.expect("the store works")
    }

    pub(crate) async fn header(&self, id: SessionId) -> Header {
        self.record(id).await.expect("the session is stored").header
    }

    pub(crate) async fn delete(&self, id: SessionId, only: Owned) -> Deleted {
        self.store.delete(&id, &only).await.expect("the store works")
    }

    /// What the index has of a user, in pages of about so many.
    pub(crate) async fn members(
        &self,
        user: &UserId,
        at_most: usize,
    ) -> Vec<(SessionId, Option<Header>)> {
        let mut members = Vec::new();
        let mut page = Page::first(at_most);
        loop {
            let found = self.store.sessions_of(user, &page).await.expect("the store works");
            members.extend(found.sessions);
            match found.next {
                Some(cursor) => page = Page::after(cursor, at_most),
                None => return members,
            }
        }
    }
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) name: String,
}

impl Member {
    pub(crate) fn new(id: u64) -> Self {
        Self { id, name: format!("member {id}") }
    }
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Debug, SessionData)]
pub(crate) struct Shop {
    #[session(user)]
    pub(crate) member: Option<Member>,
    pub(crate) cart: Vec<String>,
    #[session(key = "lang", default = "en".to_owned())]
    pub(crate) language: String,
    pub(crate) visits: u32,
    #[session(ttl = "5m")]
    pub(crate) otp: Option<String>,
    #[session(until_logout)]
    pub(crate) address: Option<String>,
}

/// Another struct over the same session.
#[derive(Debug, SessionData)]
pub(crate) struct Prefs {
    #[session(default = "light".to_owned())]
    pub(crate) theme: String,
    pub(crate) font_size: Option<u8>,
}

/// A session with something in it, stored, and its token.
pub(crate) async fn stored(sessions: &Sessions<Shop>) -> (Session<Shop>, String) {
    let mut session = sessions.start();
    session.visits = 1;
    session.save().await.expect("the first save creates");
    let token = session.token().expose();
    (session, token)
}

/// The same, with a user.
pub(crate) async fn logged_in(sessions: &Sessions<Shop>, user: u64) -> (Session<Shop>, String) {
    let mut session = sessions.start();
    session.login(Member::new(user)).await.expect("the login succeeds");
    let token = session.token().expose();
    (session, token)
}

/// Opens a session that must be there.
pub(crate) async fn open<D: SessionData>(sessions: &Sessions<D>, token: &str) -> Session<D> {
    sessions.open(token).await.expect("the store works").expect("the token opens the session")
}

/// The token that the client must be given.
pub(crate) fn fresh<D: SessionData>(session: &Session<D>) -> String {
    session.fresh_token().expect("a token to hand over").expose()
}

/// Whether a token opens nothing.
pub(crate) async fn is_refused<D: SessionData>(sessions: &Sessions<D>, token: &str) -> bool {
    sessions.open(token).await.expect("the store works").is_none()
}

/// The kind of the error that an operation must end with.
pub(crate) fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("expected an error, the operation succeeded"),
        Err(error) => error.kind(),
    }
}

/// Runs tasks that all start at the same moment, on several threads; their results are in order.
pub(crate) async fn race<T, F>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<F> = tasks.into_iter().collect();
    let barrier = Arc::new(Barrier::new(tasks.len()));
    let start = |task: F| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            task.await
        })
    };
    let running: Vec<_> = tasks.into_iter().map(start).collect();
    let mut results = Vec::with_capacity(running.len());
    for task in running {
        match task.await {
            Ok(result) => results.push(result),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
    results
}

/// The last millisecond before.
pub(crate) fn just_under(duration: Duration) -> Duration {
    duration.saturating_sub(Duration::from_millis(1))
}

/// How often a race is run.
pub(crate) const ROUNDS: usize = 200;

/// A future for [`race`], for races between different operations.
pub(crate) fn racer<T>(
    task: impl Future<Output = T> + Send + 'static,
) -> futures::future::BoxFuture<'static, T> {
    Box::pin(task)
}
