//! The contract that a backend implements.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::change::{Applied, Change};
use crate::error::Result;
use crate::record::Record;
use crate::time::Timestamp;
use crate::token::SessionId;
use crate::user::UserId;

/// Where sessions are kept. Five methods and no policy: the core decides, a store carries out.
///
/// # Contract
///
/// - Nothing but [`apply`](SessionStore::apply) and [`delete`](SessionStore::delete) changes a session, each as one atomic
///   step. Once `delete` has returned, no `load` sees the record and no `apply` brings it back.
/// - A `load` that starts after an `apply` returned sees what it wrote.
/// - Texts are kept byte for byte, keys that a change does not name stay as they are.
/// - Time comes with each call. A store may forget a record once [`Change::keep_for`] has passed, never earlier; until
///   then it may hand out a record past its deadline, the core refuses it.
/// - A store that cannot be reached or does not answer within its time limit returns `Error::unavailable`, never
///   `Ok(None)`.
///
/// The crate `typed-sessions-conformance` checks all of it with one line of test code.
///
/// Methods take `&self` and are called in parallel. `Arc<S>` and `Box<S>` of a store are stores.
///
/// The heart of a store that holds a lock, still without users; `examples/custom_store.rs` is a whole one:
///
/// ```
/// # use std::{collections::HashMap, sync::Mutex};
/// # use typed_sessions::{Record, SessionData, Sessions, Timestamp, UserId};
/// # #[derive(SessionData)] struct Shop { visits: u32 }
/// # #[derive(Debug, Default)] struct MapStore(Mutex<HashMap<SessionId, Record>>);
/// use async_trait::async_trait;
/// use typed_sessions::{Applied, Change, Result, SessionId, SessionStore};
///
/// #[async_trait]
/// impl SessionStore for MapStore {
///     async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
///         let mut sessions = self.0.lock().expect("no panic under the lock");
///         match change.evaluate(sessions.get(id)) {
///             Ok(next) => drop(sessions.insert(*id, next)),
///             Err(refused) => return Ok(refused),
///         }
///         Ok(Applied::Applied)
///     }
///     // and `load`, `delete`, `sessions_of`, `purge_expired`
/// #     async fn load(&self, id: &SessionId) -> Result<Option<Record>> { Ok(self.0.lock().unwrap().get(id).cloned()) }
/// #     async fn delete(&self, id: &SessionId) -> Result<bool> { Ok(self.0.lock().unwrap().remove(id).is_some()) }
/// #     async fn sessions_of(&self, _: &UserId) -> Result<Vec<(SessionId, Record)>> { Ok(Vec::new()) }
/// #     async fn purge_expired(&self, _: Timestamp, _: usize) -> Result<usize> { Ok(0) }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
///
/// let sessions = Sessions::<Shop>::new(MapStore::default());
/// # let mut session = sessions.start();
/// # session.save().await?;
/// # session.update(Shop::VISITS, |n| *n += 1).await?;
/// # assert_eq!(sessions.open(session.token().expose()).await?.expect("the session lives").visits, 1);
/// # Ok(()) }
/// ```
#[async_trait]
pub trait SessionStore: Debug + Send + Sync + 'static {
    /// The record of a session; `None` when there is none. Writes nothing.
    async fn load(&self, id: &SessionId) -> Result<Option<Record>>;

    /// Checks a change's guard and writes all of it, or nothing.
    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied>;

    /// Ends a session for good and takes it from its user's index. Tells whether it was there.
    async fn delete(&self, id: &SessionId) -> Result<bool>;

    /// The sessions that belong to a user, in any order; some may be past their deadline.
    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>>;

    /// Reclaims the space of up to `limit` sessions whose deadline is not after `now`; tells how many.
    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize>;
}

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<S: SessionStore + ?Sized> SessionStore for $pointer<S> {
            async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
                (**self).load(id).await
            }

            async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
                (**self).apply(id, change).await
            }

            async fn delete(&self, id: &SessionId) -> Result<bool> {
                (**self).delete(id).await
            }

            async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
                (**self).sessions_of(user).await
            }

            async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
                (**self).purge_expired(now, limit).await
            }
        }
    )*};
}

forward!(Arc Box);
