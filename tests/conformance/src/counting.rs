//! A store that counts and remembers the calls that pass through it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use typed_sessions::{Applied, Change, Record, Result, SessionId, SessionStore, Timestamp, UserId};

/// Wraps a store, counts its calls and remembers the changes. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Counting {
    inner: Arc<dyn SessionStore>,
    calls: Arc<Mutex<Calls>>,
}

/// The calls so far.
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
    /// Calls of `purge_expired`.
    pub purge_expired: usize,
    /// What was passed to `apply`.
    pub changes: Vec<Change>,
}

impl Calls {
    /// The five counts, in the order of the trait's methods.
    pub fn counts(&self) -> [usize; 5] {
        [self.load, self.apply, self.delete, self.sessions_of, self.purge_expired]
    }
}

impl Counting {
    /// Counts the calls to `store` from now on.
    pub fn new(store: impl SessionStore) -> Self {
        Self { inner: Arc::new(store), calls: Arc::default() }
    }

    /// The calls since the last time this was asked.
    pub fn take(&self) -> Calls {
        self.count(std::mem::take)
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

    async fn delete(&self, id: &SessionId) -> Result<bool> {
        self.count(|calls| calls.delete += 1);
        self.inner.delete(id).await
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
        self.count(|calls| calls.sessions_of += 1);
        self.inner.sessions_of(user).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        self.count(|calls| calls.purge_expired += 1);
        self.inner.purge_expired(now, limit).await
    }
}
