//! The store: a row per session, written by one statement.

use std::fmt;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use typed_sessions_core::{
    Applied, Change, Guard, Header, Limit, Overflow, Record, Result, SessionId, SessionStore,
    Timestamp, UserId,
};

use crate::arguments::{Arguments, PgQuery, instant};
use crate::builder::PostgresStoreBuilder;
use crate::error::unexpected;
use crate::fields;
use crate::link::{Effect, Link};
use crate::migrate::Logging;
use crate::sql::{Names, Statements};

/// Sessions in PostgreSQL. Clones share the same pool.
///
/// # Guarantees
///
/// - A session is one row, its user a column of it. A write is one statement on that row with its guards in the `WHERE` clause: all of
///   it or nothing, login and logout included. What `Ok` was said to is committed.
/// - A limit on a user's sessions is counted and enforced in one statement too: logins of one user wait for each other.
/// - A call ends within the [time limit](PostgresStoreBuilder::time_limit), with `ErrorKind::Unavailable` if PostgreSQL did not
///   answer. When a connection breaks, reads are sent again; of a write the outcome is not known, and the caller is told so.
///   What PostgreSQL has undone itself (a serialization failure, a deadlock with somebody else) is sent again.
///
/// # Cost
///
/// | call | round trips |
/// |---|---|
/// | every one: `load`, `apply`, `delete`, `sessions_of`, `purge_expired` | 1 |
/// | the first of its kind on a connection | 1 more, which prepares the statement |
///
/// The pool also waits for the server's sign of life when it takes a connection back, after the call has returned.
///
/// ```no_run
/// use typed_sessions_postgres::PostgresStore;
///
/// # async fn run() -> typed_sessions_core::Result<()> {
/// let store = PostgresStore::connect("postgres://shop:secret@localhost/shop").await?;
/// store.migrate().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    link: Link,
    names: Names,
    logging: Logging,
    statements: Statements,
}

impl PostgresStore {
    /// A store on the PostgreSQL of this URL, with the defaults of [`PostgresStore::builder`]. It does not
    /// [`migrate`](PostgresStore::migrate): without the table, calls fail with `ErrorKind::Store` and say so.
    ///
    /// `postgres://user:password@host:port/database`; see [`PostgresStoreBuilder::url`].
    pub async fn connect(url: impl AsRef<str>) -> Result<Self> {
        Self::builder().url(url.as_ref()).connect().await
    }

    /// A store to be configured.
    pub fn builder() -> PostgresStoreBuilder {
        PostgresStoreBuilder::new()
    }

    /// The pool through which it goes.
    pub fn pool(&self) -> &PgPool {
        self.inner.link.pool()
    }

    pub(crate) fn new(link: Link, names: Names, logging: Logging) -> Self {
        let statements = names.statements();
        Self { inner: Arc::new(Inner { link, names, logging, statements }) }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.inner.link
    }

    pub(crate) fn names(&self) -> &Names {
        &self.inner.names
    }

    pub(crate) fn logging(&self) -> Logging {
        self.inner.logging
    }

    pub(crate) fn statements(&self) -> &Statements {
        &self.inner.statements
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    pub(crate) fn upgrade(inner: &Weak<Inner>) -> Option<Self> {
        inner.upgrade().map(|inner| Self { inner })
    }

    async fn create(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        if change.header.is_none() {
            // Only a change that somebody made by hand has none: nothing can be created of it, but it may be a conflict.
            let current = self.load(id).await?;
            return Ok(change.evaluate(current.as_ref()).err().unwrap_or(Applied::Missing));
        }
        let arguments = Arguments::new(id, change);
        let bind = |query| arguments.bind(query);
        let answer = self.link().send(&self.statements().create, Effect::Once, bind).await?;
        Ok(if answer.affected == 1 { Applied::Applied } else { Applied::Conflict })
    }

    async fn update(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let arguments = Arguments::new(id, change);
        let bind = |query| arguments.bind(query);
        applied(&self.link().send(&self.statements().update, Effect::Once, bind).await?.rows)
    }

    async fn login(&self, id: &SessionId, change: &Change, limit: Limit) -> Result<Applied> {
        let arguments = Arguments::new(id, change);
        let is_new = matches!(change.guard, Guard::Absent);
        let sessions = i32::try_from(limit.sessions).unwrap_or(i32::MAX);
        let evicts = limit.overflow == Overflow::EvictOldest;
        let answer = self
            .link()
            .send(&self.statements().login, Effect::Once, |query| {
                arguments.bind(query).bind(is_new).bind(sessions).bind(evicts)
            })
            .await?;
        applied(&answer.rows)
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        let id = id.as_bytes();
        let answer = self
            .link()
            .send(&self.statements().load, Effect::Repeatable, |query| query.bind(&id[..]))
            .await?;
        answer.rows.first().map(|row| record(row, 0)).transpose()
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let limit = change.index.as_ref().and_then(|index| index.join.as_ref()?.limit);
        match (limit, &change.guard) {
            (Some(limit), _) if change.header.is_some() => self.login(id, change, limit).await,
            (_, Guard::Absent) => self.create(id, change).await,
            (_, Guard::Present(_)) => self.update(id, change).await,
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<bool> {
        let id = id.as_bytes();
        let answer = self
            .link()
            .send(&self.statements().delete, Effect::Once, |query| query.bind(&id[..]))
            .await?;
        Ok(answer.affected > 0)
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
        let user = user.as_str().as_bytes();
        let answer = self
            .link()
            .send(&self.statements().sessions_of, Effect::Repeatable, |query| query.bind(user))
            .await?;
        let mut sessions = Vec::with_capacity(answer.rows.len());
        for row in &answer.rows {
            let id = row.try_get::<&[u8], _>(0).ok().and_then(|id| id.try_into().ok());
            let id =
                SessionId::from_bytes(id.ok_or_else(|| unexpected("an id that has not 16 bytes"))?);
            match record(row, 1) {
                Ok(record) => sessions.push((id, record)),
                // One damaged session must not hide the user's others.
                Err(error) => {
                    tracing::warn!(session = %id, %error, "a session of a user cannot be read")
                }
            }
        }
        Ok(sessions)
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let (now, limit) = (instant(now.as_millis()), i64::try_from(limit).unwrap_or(i64::MAX));
        let bind = |query: PgQuery<'static>| query.bind(now).bind(limit);
        let answer = self.link().send(&self.statements().purge, Effect::Once, bind).await?;
        Ok(usize::try_from(answer.affected).unwrap_or(usize::MAX))
    }
}

/// The columns `header` and `fields`.
fn record(row: &PgRow, first: usize) -> Result<Record> {
    let text =
        |column| row.try_get::<&str, _>(column).map_err(|_| unexpected("a column of another type"));
    Ok(Record::new(Header::from_text(text(first)?)?, fields::parse(text(first + 1)?)?))
}

fn applied(rows: &[PgRow]) -> Result<Applied> {
    match rows.first().and_then(|row| row.try_get::<i32, _>(0).ok()) {
        Some(0) => Ok(Applied::Applied),
        Some(1) => Ok(Applied::Missing),
        Some(2) => Ok(Applied::Conflict),
        Some(3) => Ok(Applied::Full),
        _ => Err(unexpected("no verdict")),
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("names", &self.inner.names)
            .field("logging", &self.inner.logging)
            .field("time_limit", &self.inner.link.time_limit())
            .finish_non_exhaustive()
    }
}
