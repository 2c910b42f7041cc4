//! Stores that do not tell of everything, or take their time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use typed_sessions::store::{Applied, Change, Deleted, Found, Header, More, Owned, Page, Record};
use typed_sessions::{Error, Result, SessionId, SessionStore, UserId};

use crate::faulty::Faulty;

/// A batch of headers takes 100 ms; that of one session does not.
#[derive(Clone, Debug)]
pub(crate) struct SlowHeaders(pub(crate) Faulty);

/// Every batch fails in which one of these sessions is.
#[derive(Clone, Debug)]
pub(crate) struct PartlyBroken {
    pub(crate) inner: Faulty,
    pub(crate) broken: Arc<Mutex<HashSet<SessionId>>>,
}

impl SlowHeaders {
    async fn before(&self, ids: &[SessionId]) -> Result<&Faulty> {
        if ids.len() > 1 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(&self.0)
    }
}

impl PartlyBroken {
    #[allow(clippy::unused_async, reason = "as the other one")]
    async fn before(&self, ids: &[SessionId]) -> Result<&Faulty> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if ids.iter().any(|id| broken.contains(id)) {
            return Err(Error::unavailable("its node is down"));
        }
        Ok(&self.inner)
    }
}

macro_rules! store {
    ($name:ident, $inner:tt) => {
        #[async_trait]
        impl SessionStore for $name {
            async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
                self.$inner.load(id).await
            }

            async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
                self.$inner.apply(id, change).await
            }

            async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
                self.$inner.delete(id, only).await
            }

            async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
                self.$inner.sessions_of(user, page).await
            }

            async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
                self.before(ids).await?.headers(ids).await
            }

            async fn clear(&self, at_most: usize) -> Result<More> {
                self.$inner.clear(at_most).await
            }
        }
    };
}

store!(SlowHeaders, 0);
store!(PartlyBroken, inner);
