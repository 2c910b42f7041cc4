//! A store that lets something happen between two calls of one operation.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use typed_sessions::store::{Applied, Change, Deleted, Found, Header, More, Owned, Page, Record};
use typed_sessions::{Result, SessionId, SessionStore, UserId};

/// Wraps a store. What was put before or after a call happens there, once: an interleaving that a
/// race would only hit by luck. Calls take turns, so that none slips by meanwhile. Clones share
/// what is to happen.
#[derive(Clone)]
pub struct Interleave {
    inner: Arc<dyn SessionStore>,
    events: Arc<Mutex<Events>>,
    /// Held by the one call that is under way.
    turn: Arc<tokio::sync::Mutex<()>>,
}

type Events = HashMap<(Moment, Call), BoxFuture<'static, ()>>;

/// The methods of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `load`.
    Load,
    /// `apply`.
    Apply,
    /// `delete`.
    Delete,
    /// `sessions_of`.
    SessionsOf,
    /// `headers`.
    Headers,
    /// `clear`.
    Clear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Moment {
    Before,
    After,
}

impl Interleave {
    /// A store to which nothing happens yet.
    pub fn new(store: impl SessionStore) -> Self {
        Self { inner: Arc::new(store), events: Arc::default(), turn: Arc::default() }
    }

    /// Lets `event` happen before the next call of this kind. It must use the wrapped store itself,
    /// not this one.
    pub fn before_next(&self, call: Call, event: impl Future<Output = ()> + Send + 'static) {
        self.put(Moment::Before, call, event);
    }

    /// Lets `event` happen between the next call of this kind and its answer.
    pub fn after_next(&self, call: Call, event: impl Future<Output = ()> + Send + 'static) {
        self.put(Moment::After, call, event);
    }

    fn put(&self, moment: Moment, call: Call, event: impl Future<Output = ()> + Send + 'static) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.insert((moment, call), Box::pin(event));
    }

    async fn happen(&self, moment: Moment, call: Call) {
        let event =
            self.events.lock().unwrap_or_else(PoisonError::into_inner).remove(&(moment, call));
        if let Some(event) = event {
            event.await;
        }
    }

    async fn around<T>(&self, call: Call, work: impl Future<Output = T>) -> T {
        let _turn = self.turn.lock().await;
        self.happen(Moment::Before, call).await;
        let answer = work.await;
        self.happen(Moment::After, call).await;
        answer
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
        self.around(Call::Load, self.inner.load(id)).await
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        self.around(Call::Apply, self.inner.apply(id, change)).await
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        self.around(Call::Delete, self.inner.delete(id, only)).await
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        self.around(Call::SessionsOf, self.inner.sessions_of(user, page)).await
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        self.around(Call::Headers, self.inner.headers(ids)).await
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        self.around(Call::Clear, self.inner.clear(at_most)).await
    }
}
