//! A store that lets something happen between the core's read and its write.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use typed_sessions::{Applied, Change, Record, Result, SessionId, SessionStore, Timestamp, UserId};

/// Wraps a store. What was set by [`before_next_apply`](Interleave::before_next_apply) happens just before the next `apply`,
/// once: an interleaving that a race would only hit by luck.
#[derive(Clone)]
pub struct Interleave {
    inner: Arc<dyn SessionStore>,
    next: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
}

impl Interleave {
    /// A store to which nothing happens yet.
    pub fn new(store: impl SessionStore) -> Self {
        Self { inner: Arc::new(store), next: Arc::default() }
    }

    /// Lets `event` happen before the next `apply`. It must use the wrapped store itself, not this one.
    pub fn before_next_apply(&self, event: impl Future<Output = ()> + Send + 'static) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(event));
    }
}

impl fmt::Debug for Interleave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interleave").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for Interleave {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        self.inner.load(id).await
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let event = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(event) = event {
            event.await;
        }
        self.inner.apply(id, change).await
    }

    async fn delete(&self, id: &SessionId) -> Result<bool> {
        self.inner.delete(id).await
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
        self.inner.sessions_of(user).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        self.inner.purge_expired(now, limit).await
    }
}
