//! A store that counts and remembers the calls that pass through it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use typed_sessions::store::{Applied, Change, Deleted, Found, Header, More, Owned, Page, Record};
use typed_sessions::{Result, SessionId, SessionStore, UserId};

/// Wraps a store, counts its calls and remembers the changes. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Counting {
    inner: Arc<dyn SessionStore>,
    calls: Arc<Mutex<Calls>>,
}

/// The calls so far. As text it says what they cost: `1 load, 1 apply`, or `nothing`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Calls {
    /// Calls of `load`.
    pub load: usize,
    /// Calls of `apply`.
    pub apply: usize,
    /// Calls of `delete`.
    pub delete: usize,
    /// Calls of `sessions_of`.
    pub sessions_of: usize,
    /// Calls of `headers`.
    pub headers: usize,
    /// Calls of `clear`.
    pub clear: usize,
    /// What was passed to `apply`.
    pub changes: Vec<Change>,
}

impl fmt::Display for Calls {
    /// In the order of the trait's methods.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.load, "load"),
            (self.apply, "apply"),
            (self.delete, "delete"),
            (self.sessions_of, "sessions_of"),
            (self.headers, "headers"),
            (self.clear, "clear"),
        ];
        let called = counts.iter().filter(|(count, _)| *count > 0);
        let cost: Vec<String> = called.map(|(count, method)| format!("{count} {method}")).collect();
        if cost.is_empty() { f.write_str("nothing") } else { f.write_str(&cost.join(", ")) }
    }
}

impl Counting {
    /// Counts the calls to `store` from now on.
    pub fn new(store: impl SessionStore) -> Self {
        Self { inner: Arc::new(store), calls: Arc::default() }
    }

    /// The same as [`take`](Counting::take), and the count goes on.
    pub fn so_far(&self) -> Calls {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls since the last time this or [`cost`](Counting::cost) was asked.
    pub fn take(&self) -> Calls {
        self.count(std::mem::take)
    }

    /// The same as text: `1 load, 1 apply`, or `nothing`.
    pub fn cost(&self) -> String {
        self.take().to_string()
    }

    fn count<R>(&self, change: impl FnOnce(&mut Calls) -> R) -> R {
        change(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl SessionStore for Counting {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        self.count(|calls| calls.load += 1);
        self.inner.load(id).await
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        self.count(|calls| {
            calls.apply += 1;
            calls.changes.push(change.clone());
        });
        self.inner.apply(id, change).await
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        self.count(|calls| calls.delete += 1);
        self.inner.delete(id, only).await
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        self.count(|calls| calls.sessions_of += 1);
        self.inner.sessions_of(user, page).await
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        self.count(|calls| calls.headers += 1);
        self.inner.headers(ids).await
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        self.count(|calls| calls.clear += 1);
        self.inner.clear(at_most).await
    }
}
