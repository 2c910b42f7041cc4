//! The trait of a store, and what it must promise.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::applied::Applied;
use super::change::Change;
use super::ending::{Deleted, More, Owned};
use super::page::{Found, Page};
use super::record::{Header, Record};
use super::user_id::UserId;
use crate::error::Result;
use crate::token::SessionId;

/// Where sessions are kept. Six methods and no policy: the core decides, a store carries out.
///
/// # Contract
///
/// All that a store must do; each line ends with the rules whose cases in
/// `typed-sessions-conformance` prove it. One line of test code runs them on your store.
///
/// Writes
///
/// 1. [`apply`](Self::apply) is one atomic step: all of the change or nothing, and nothing between
///    the check and the write. (W2, W3)
/// 2. Its outcome and the record after it are those of [`Change::evaluate`]. Refusals have an
///    order: `Missing`, `Superseded`, `Conflict`, `Full`; the first that holds is the answer. (W1,
///    W6)
/// 3. Only a `Create` makes a record, and only where none is, live or not. A record that ended does
///    not come back by any other change. (W1, T3)
/// 4. Texts and keys are kept byte for byte; keys that a change does not name stay as they are.
///    What is set wins over what is removed. (W2, W5, W7)
/// 5. [`delete`](Self::delete) is one atomic step as well, and ends a session only if [`Owned`]
///    permits it by what is stored at that moment. It takes what cannot be read too: what guards
///    compare (user, login epoch, revision, deadline) is kept outside of the header's text, in a
///    form that no version changes. (U2, U5, W6)
/// 6. A call that starts after another one returned `Ok` sees what that one wrote. An answer
///    that is lost says nothing: what was sent may have been carried out. (W9, F1)
/// 7. A store that cannot keep a record, since it is larger than the store's own bounds, answers
///    with an error of kind `TooLarge`, and drops no other session for it. (W8)
///
/// Time
///
/// 8. Time comes with each change. A live record is one whose deadline is later than the change's
///    `now`; `load`, `sessions_of` and `headers` hand out a record whether it lives or not, the
///    core refuses it. (E1)
/// 9. A store's own expiry is counted from [`Change::keep_for`] by the store's own clock. Once that
///    has passed, the session is missing in every method, whether or not its space has been
///    reclaimed; before, it is there, unless a bounded store had to let go of it. No part of the
///    contract needs anybody to sweep. (E1)
/// 10. Nothing but its own expiry, an eviction under a limit, or a `delete` or `clear` takes a live
///     session from its user's index: never the clock of one caller. (E6, U1)
///
/// Users
///
/// 11. [`sessions_of`](Self::sessions_of) is never short of a live session: one that is the user's
///     from before the first page until after the last comes at least once, perhaps twice.
///     Others may or may not come. Deletes between pages lose none. An index is written before the
///     record at a login, and after it when a session is left. (U1, U5)
/// 12. `Overflow::Refuse`: a login is `Full` when the user has as many live sessions without it as
///     the limit allows, the session itself not counted. However many logins come at once, no more
///     than the limit succeed. A refused login takes no place and moves nothing. (U3)
/// 13. `Overflow::EvictOldest`: once a login has returned, the excess has ended, the least recently
///     used first, or a pass that ends it has begun after the login was written. Before the login
///     is certain nobody ends. (U3)
/// 14. [`headers`](Self::headers) is one batch of 500 ids at most; ids that are not there are left
///     out. A header that cannot be read is `None`, here and in `sessions_of`: the session is
///     there, and can be ended. (U5)
/// 15. [`clear`](Self::clear), called until it says [`More::No`], ends at least what was stored
///     when the first call began, each session as `delete` does. (U2)
///
/// Failure
///
/// 16. A store that cannot be reached, or that does not answer within its time limit, returns
///     `Error::unavailable`, never `Ok(None)` or an empty page. (F1)
/// 17. A record that is damaged is `ErrorKind::Decode`, naming what cannot be read; nothing panics
///     and nothing is overwritten. (F2, F3)
/// 18. Methods are called in parallel, from any number of threads, and from any number of runtimes.
///     (F5)
///
/// # What others would do
///
/// | line | a store on `DynamoDB` | a store on `SQLite` |
/// |---|---|---|
/// | 1, 2 | `UpdateItem` with a `ConditionExpression`; after `ConditionalCheckFailed` it reads and asks [`Change::refusal`] | `BEGIN IMMEDIATE`, [`Change::evaluate`], `COMMIT` |
/// | 3 | `attribute_not_exists(id)` | `INSERT`, the key's uniqueness is the guard |
/// | 4 | one attribute for each key, as a string | one JSON object or one row for each key, as text |
/// | 5 | `user`, `epoch`, `revision`, `deadline` are attributes; `DeleteItem` with a condition | they are columns; `DELETE ... WHERE` |
/// | 6 | `ConsistentRead` in `load` and `headers` | given |
/// | 7 | 400 KB for an item: checked before it is sent | given by `SQLITE_MAX_LENGTH`, checked before |
/// | 8, 9 | an attribute with the store's own deadline, compared in every condition and after every read; the item's TTL reclaims | the same as a column |
/// | 10, 11 | a global secondary index on `user` lags: an item for each member, written before the session | an index on `user`; pages by `id > ?` |
/// | 12, 13 | a counter item for each user in the same `TransactWriteItems`; evict after the login | inside the transaction |
/// | 14 | `BatchGetItem` takes 100 keys: five of them | `WHERE id IN (...)` |
/// | 15 | `Scan` in pages, a conditional delete each | `DELETE ... LIMIT` |
/// | 16 | the SDK's timeouts, mapped | `busy_timeout`, mapped |
///
/// `Arc<S>` and `Box<S>` of a store are stores. The heart of a store that holds a lock, still
/// without users; `examples/custom_store.rs` is a whole one:
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # use std::{collections::HashMap, sync::Mutex};
/// # use typed_sessions::store::{Deleted, Found, Header, More, Owned, Page, Record};
/// # #[derive(Debug, Default)] struct MapStore(Mutex<HashMap<SessionId, Record>>);
/// use async_trait::async_trait;
/// use typed_sessions::SessionStore;
/// use typed_sessions::store::{Applied, Change};
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
///     // and `load`, `delete`, `sessions_of`, `headers`, `clear`
/// #     async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
/// #         Ok(self.0.lock().unwrap().get(id).cloned())
/// #     }
/// #     async fn delete(&self, id: &SessionId, _: &Owned) -> Result<Deleted> {
/// #         Ok(self.0.lock().unwrap().remove(id).map_or(Deleted::Missing, |_| Deleted::Yes))
/// #     }
/// #     async fn sessions_of(&self, _: &UserId, _: &Page) -> Result<Found> {
/// #         Ok(Found::default())
/// #     }
/// #     async fn headers(&self, _: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
/// #         Ok(Vec::new())
/// #     }
/// #     async fn clear(&self, _: usize) -> Result<More> { Ok(More::No) }
/// }
///
/// # example(async |_| {
/// let sessions = Sessions::<Shop>::new(MapStore::default());
/// # let mut session = sessions.start();
/// # session.save().await?;
/// # session.update(Shop::VISITS, |n| *n += 1).await?;
/// # let token = session.token().expose();
/// # assert_eq!(sessions.open(&token).await?.expect("the session lives").visits, 1);
/// # Ok(()) });
/// ```
#[async_trait]
pub trait SessionStore: Debug + Send + Sync + 'static {
    /// The record of a session; `None` when there is none. Writes nothing.
    async fn load(&self, id: &SessionId) -> Result<Option<Record>>;

    /// Checks a change's conditions and writes all of it, or nothing.
    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied>;

    /// Ends a session for good, if `only` permits it, and takes it from its user's index.
    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted>;

    /// A page of the sessions that belong to a user, in any order; some may be past their deadline.
    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found>;

    /// The headers of these sessions, 500 at most, in any order.
    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>>;

    /// Ends sessions of anybody and nobody, about `at_most` of them; tells whether to call it
    /// again.
    async fn clear(&self, at_most: usize) -> Result<More>;
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

            async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
                (**self).delete(id, only).await
            }

            async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
                (**self).sessions_of(user, page).await
            }

            async fn headers(
                &self,
                ids: &[SessionId],
            ) -> Result<Vec<(SessionId, Option<Header>)>> {
                (**self).headers(ids).await
            }

            async fn clear(&self, at_most: usize) -> Result<More> {
                (**self).clear(at_most).await
            }
        }
    )*};
}

forward!(Arc Box);
